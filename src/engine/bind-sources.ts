// Directories of the host's that a container is to have: there, made, or refused.

import { mkdirSync, realpathSync, statSync } from "node:fs";
import type { CreateRequest } from "../container/index.ts";
import { BunkerError } from "../errors.ts";

/** podman's list of what is not given away with all that is below it. */
const EVERYBODYS =
  /^\/(?:bin|boot|dev|etc|home|lib|lib32|lib64|libx32|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)?(?:\/(?:lib|log|mail|run|spool|tmp|share|local|bin|sbin))?$/;

/** docker's rule for -v: a missing source directory is made; for --mount it is an error. */
export function prepareBindSources(request: CreateRequest): void {
  for (const mount of request.mounts) {
    if (mount.kind !== "bind") continue;
    if (mount.chown === true) ensureGivable(mount.source);
    if (isThere(mount.source)) continue;
    if (!mount.createSource) {
      throw new BunkerError("bad-path", `bind source path does not exist: ${mount.source}`, {
        hint: "Make it first, or use -v, which makes a missing directory.",
      });
    }
    try {
      mkdirSync(mount.source, { recursive: true });
    } catch (cause) {
      throw new BunkerError("bad-path", `making the bind source "${mount.source}": ${(cause as Error).message}`, {
        hint: "Make the directory where you may write, or bind an existing one.",
        cause,
      });
    }
  }
}

/** One that cannot be looked at, too: the keeper will say why. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** With U everything below gets another owner: of a home directory, or of what is everybody's, nobody means that. */
function ensureGivable(source: string): void {
  let path = source;
  try {
    path = realpathSync(source);
  } catch {
    // Not there yet: it will be made, and empty.
  }
  const home = process.env["HOME"] ?? "";
  if (!EVERYBODYS.test(path) && (home === "" || (home !== path && !home.startsWith(`${path}/`)))) return;
  throw new BunkerError("usage", `chowning host path "${source}" is not allowed`, {
    hint: "Bind a directory below it, or change the owners yourself.",
  });
}
