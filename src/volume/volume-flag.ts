// `-v [SOURCE:]TARGET[:OPTIONS]`.

import type { MountRequest } from "./mount-request.ts";
import { BunkerError } from "../errors.ts";
import { ensureReachable, PROPAGATIONS } from "./propagation.ts";
import { isVolumeName, parseTarget, refuseVolumeName, resolveSource } from "./target.ts";

/** docker's options, in groups of which one may be given. SELinux labels and consistency mean nothing here; docker takes them too. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  access: ["rw", "ro"],
  label: ["z", "Z"],
  propagation: PROPAGATIONS,
  copy: ["nocopy"],
  consistency: ["consistent", "cached", "delegated"],
};
/** podman's, not made yet. */
const LATER =
  /^(?:O|U|copy|dev|nodev|exec|noexec|suid|nosuid|r?bind|r?unbindable|idmap(?:=.*)?|upperdir=.*|workdir=.*)$/;
const DEFAULT_PROPAGATION = "rprivate";

/** @throws BunkerError usage in docker's words, or unsupported */
export function parseVolumeFlag(text: string, currentDirectory: string): MountRequest {
  if (text === "") throw new BunkerError("usage", "invalid empty volume spec");
  const parts = text.split(":");
  if (parts.includes("")) throw new BunkerError("usage", `invalid spec: ${text}: empty section between colons`);
  const [first = "", second, third] = parts;
  if (parts.length > 3) throw invalidSpecification(text);
  if (second === undefined) {
    return {
      kind: "volume",
      name: null,
      target: parseTarget(first, invalidPrefix(text)),
      readonly: false,
      copyUp: true,
    };
  }
  // A volume of its own takes no options: `/foo:ro` is a mistake.
  if (third === undefined && isOptions(second)) throw invalidSpecification(text);
  const options = parseOptions(third ?? "");
  const target = parseTarget(second, invalidPrefix(text));
  const source = resolveSource(first, currentDirectory);
  const readonly = options.get("access") === "ro";
  if (!source.startsWith("/")) {
    if (!isVolumeName(source)) throw refuseVolumeName(source);
    const propagation = options.get("propagation");
    if (propagation !== undefined) throw invalidMode(propagation);
    return { kind: "volume", name: source, target, readonly, copyUp: !options.has("copy") };
  }
  if (options.has("copy")) throw invalidMode(third ?? "");
  return {
    kind: "bind",
    source,
    target,
    readonly,
    propagation: ensureReachable(options.get("propagation") ?? DEFAULT_PROPAGATION),
    recursive: true,
    createSource: true,
  };
}

function isOptions(text: string): boolean {
  return text.split(",").every((word) => groupOf(word) !== undefined);
}

function groupOf(word: string): string | undefined {
  return Object.keys(GROUPS).find((group) => GROUPS[group]?.includes(word));
}

/** Group → the option given. */
function parseOptions(text: string): Map<string, string> {
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

function invalidPrefix(text: string): string {
  return `invalid volume specification: '${text}': `;
}

function invalidSpecification(text: string): BunkerError {
  return new BunkerError("usage", `invalid volume specification: '${text}'`, {
    hint: "Write it as SOURCE:TARGET or SOURCE:TARGET:ro, both paths absolute.",
  });
}

function invalidMode(mode: string): BunkerError {
  return new BunkerError("usage", `invalid mode: ${mode}`, { hint: "The usual options are ro and rw." });
}
