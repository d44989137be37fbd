// Where this host keeps what a time zone's name means (tzfile(5)).

import { realpathSync, statSync } from "node:fs";
import { BunkerError } from "../errors.ts";

const ZONES = "/usr/share/zoneinfo";
/** Longer ones no file can have (NAME_MAX). */
const LONGEST = 255;
const LOCAL_TIME = "/etc/localtime";

/** The file of a zone, whose name has no dots; `null`: `local` on a host that is in none. */
export function zoneFile(name: string): string | null {
  if (name !== "local") return `${ZONES}/${name}`;
  try {
    return realpathSync(LOCAL_TIME);
  } catch {
    return null;
  }
}

/** @throws BunkerError in podman's words when there is none of this name */
export function ensureZone(name: string): void {
  const file = zoneFile(name);
  if (file === null || (name.length <= LONGEST && statSync(file, { throwIfNoEntry: false })?.isFile() === true)) return;
  throw new BunkerError("usage", `finding timezone: unknown time zone ${name}`, {
    hint: `The names are those of the files below ${ZONES} (package tzdata).`,
  });
}
