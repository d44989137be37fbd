// The words behind the last colon of `-v` and `--volumes-from`.

import { BunkerError } from "../errors.ts";
import { PROPAGATIONS } from "./propagation.ts";

/** docker's options, in groups of which one may be given, and podman's U. SELinux labels and consistency mean nothing here; docker takes them too. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  access: ["rw", "ro"],
  label: ["z", "Z"],
  propagation: PROPAGATIONS,
  copy: ["nocopy"],
  consistency: ["consistent", "cached", "delegated"],
  owner: ["U"],
};
/** podman's, not made yet. */
const LATER = /^(?:O|copy|dev|nodev|exec|noexec|suid|nosuid|r?bind|r?unbindable|idmap(?:=.*)?|upperdir=.*|workdir=.*)$/;

export function isOptions(text: string): boolean {
  return text.split(",").every((word) => groupOf(word) !== undefined);
}

function groupOf(word: string): string | undefined {
  return Object.keys(GROUPS).find((group) => GROUPS[group]?.includes(word));
}

/** Group → the option given. @throws BunkerError usage in docker's words, or unsupported */
export function parseOptions(text: string): Map<string, string> {
  const options = new Map<string, string>();
  if (text === "") return options;
  for (const word of text.split(",")) {
    const group = groupOf(word);
    if (group === undefined && LATER.test(word)) {
      throw new BunkerError("unsupported", `the volume option "${word}" is not supported yet`);
    }
    if (group === undefined || options.has(group)) throw invalidMode(text);
    options.set(group, word);
  }
  return options;
}

export function invalidMode(mode: string): BunkerError {
  return new BunkerError("usage", `invalid mode: ${mode}`, { hint: "The usual options are ro and rw." });
}
