// `--volumes-from CONTAINER[:MODE]`, in docker's grammar and words.

import { BunkerError } from "../errors.ts";
import { invalidMode, parseOptions } from "./options.ts";

/** Whose mounts are to be there too. */
export interface VolumesFrom {
  container: string;
  /** Even those that the other one may write to. */
  readonly: boolean;
}

/** @throws BunkerError usage in docker's words */
export function parseVolumesFrom(text: string): VolumesFrom {
  const colon = text.indexOf(":");
  const container = colon < 0 ? text : text.slice(0, colon);
  if (container === "") throw new BunkerError("usage", `invalid volumes-from specification: "${text}"`);
  if (colon < 0) return { container, readonly: false };
  const mode = text.slice(colon + 1);
  const options = parseOptions(mode);
  // How mounts travel and what is copied was decided when the other container was made.
  if (options.size === 0 || ["propagation", "copy", "owner"].some((group) => options.has(group)))
    throw invalidMode(mode);
  return { container, readonly: options.get("access") === "ro" };
}
