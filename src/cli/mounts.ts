// `-v`, `--mount` and `--tmpfs` of one command line: parsed by the volume module, put together here.

import type { MountRequest } from "../volume/index.ts";
import { BunkerError } from "../errors.ts";
import { ensureDistinctTargets, parseMountFlag, parseTmpfsFlag, parseVolumeFlag } from "../volume/index.ts";
import { ScanError } from "./strconv.ts";
import { EXIT_BAD_FLAG, UsageError } from "./usage.ts";

/** `--mount`, as a flag's parser: docker shows its mistakes with the flag's name. */
export function parseMountWord(word: string): MountRequest {
  try {
    return parseMountFlag(word, process.cwd());
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
    if (error.code === "usage") throw new ScanError(error.message);
    const { message, code, hint } = error;
    throw new UsageError(message, { exitCode: EXIT_BAD_FLAG, code, ...(hint === undefined ? {} : { hint }) });
  }
}

/** @throws BunkerError in docker's words */
export function collectMounts(words: {
  volume: readonly string[];
  mount: readonly MountRequest[];
  tmpfs: readonly string[];
}): MountRequest[] {
  const currentDirectory = words.volume.length > 0 ? process.cwd() : "/";
  const mounts = [
    ...words.volume.map((word) => parseVolumeFlag(word, currentDirectory)),
    ...words.mount,
    ...words.tmpfs.map((word) => parseTmpfsFlag(word)),
  ];
  ensureDistinctTargets(mounts);
  return mounts;
}
