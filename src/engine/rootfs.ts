// A container whose root is a directory of the host's (--rootfs): there is no image, and nothing that an image would say.

import { accessSync, constants, statSync } from "node:fs";
import type { ImageBase, RootfsRequest } from "../container/index.ts";
import { BunkerError } from "../errors.ts";

const NOTHING: ImageBase["config"] = {
  entrypoint: null,
  cmd: null,
  env: [],
  workingDir: "",
  user: "",
  stopSignal: null,
  labels: {},
  exposedPorts: [],
  volumes: [],
};

/** @throws BunkerError not-found in podman's words, usage for what is no directory */
export function ensureRootfs({ path }: RootfsRequest): ImageBase & { id: null } {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new BunkerError("not-found", `stat ${path}: no such file or directory`);
  if (!status.isDirectory()) throw new BunkerError("usage", `--rootfs: "${path}" is not a directory`);
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
  } catch (cause) {
    throw new BunkerError("usage", `--rootfs: "${path}" may not be read: permission denied`, { cause });
  }
  return { id: null, config: NOTHING };
}
