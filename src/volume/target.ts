// Paths and names in mount flags: cleaning, and what docker refuses.

import type { MountRequest } from "./mount-request.ts";
import { BunkerError } from "../errors.ts";

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function isVolumeName(text: string): boolean {
  return VOLUME_NAME.test(text);
}

/** Go's path.Clean of an absolute path. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** `.`, `./x` and `../x` are from the current directory on, as docker's client has it. */
export function resolveSource(source: string, currentDirectory: string): string {
  return source.startsWith(".") ? cleanPath(`${currentDirectory}/${source}`) : source;
}

/** Where a mount goes inside. `prefix` says whose mistake it would be. @throws BunkerError usage in docker's words */
export function parseTarget(target: string, prefix: string): string {
  if (!target.startsWith("/")) {
    throw new BunkerError("usage", `${prefix}invalid mount path: '${target}' mount path must be absolute`);
  }
  const clean = cleanPath(target);
  if (clean === "/") throw new BunkerError("usage", `${prefix}invalid specification: destination can't be '/'`);
  return clean;
}

/** Named volumes come with the volume commands; until then saying so is better than a directory that looks like one. */
export function refuseNamedVolume(name: string): BunkerError {
  return new BunkerError("unsupported", `named volumes are not supported yet: "${name}"`, {
    hint: `Give a host directory instead, by an absolute path or like ./${name}.`,
  });
}

/** @throws BunkerError usage in docker's words when two mounts would lie on each other */
export function ensureDistinctTargets(mounts: readonly MountRequest[]): void {
  const targets = new Set<string>();
  for (const { target } of mounts) {
    if (targets.has(target)) {
      throw new BunkerError("usage", `duplicate mount point: ${target}`, { hint: "Each path inside takes one mount." });
    }
    targets.add(target);
  }
}
