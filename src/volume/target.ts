// Paths and names in mount flags: cleaning, and what docker refuses.

import type { MountRequest } from "./mount-request.ts";
import { BunkerError } from "../errors.ts";

const SHORTEST_NAME = 2;
/** It is a file's name as well (NAME_MAX). */
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$/;

export function isVolumeName(text: string): boolean {
  return VOLUME_NAME.test(text);
}

/** Go's path.Clean of an absolute path. */
export function cleanPath(path: string): string {
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

/** docker's words about what is no name of a volume. */
export function refuseVolumeName(name: string): BunkerError {
  const reason =
    name.length < SHORTEST_NAME
      ? "volume name is too short, names should be at least two alphanumeric characters"
      : `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`;
  return new BunkerError("usage", reason, { hint: "If you intended to pass a host directory, use an absolute path." });
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
