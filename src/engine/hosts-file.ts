// `--hosts-file`: the file of the host's that a container's /etc/hosts begins with.

import { readFileSync, statSync } from "node:fs";
import type { NameSettings } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { readText } from "./host.ts";

/** Lists of everything that advertises are some megabytes. */
const MAX_HOSTS = 16 * 1024 * 1024;

/** `null`: none was named. Empty when it is not there any more, which a start would have said. */
export function hostsBase(names: NameSettings | undefined): string | null {
  const path = names?.hostsFile;
  return path?.startsWith("/") === true ? readText(path) : null;
}

/** @throws BunkerError when what was named is no file that can be read */
export function ensureHostsFile(names: NameSettings | undefined): void {
  const path = names?.hostsFile;
  if (path?.startsWith("/") !== true) return;
  try {
    const found = statSync(path);
    if (!found.isFile() || found.size > MAX_HOSTS) throw new Error(`it is no file of at most ${MAX_HOSTS} bytes`);
    readFileSync(path);
  } catch (cause) {
    throw new BunkerError("bad-path", `reading the hosts file "${path}": ${(cause as Error).message}`, {
      hint: "Name a file of hosts(5) lines, image or none.",
      cause,
    });
  }
}
