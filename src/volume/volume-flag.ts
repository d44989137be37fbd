// `-v [SOURCE:]TARGET[:OPTIONS]`.

import type { MountRequest } from "./mount-request.ts";
import { BunkerError } from "../errors.ts";
import { invalidMode, isOptions, parseOptions } from "./options.ts";
import { ensureReachable } from "./propagation.ts";
import { isVolumeName, parseTarget, refuseVolumeName, resolveSource } from "./target.ts";

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
  const owner = options.has("owner") ? { chown: true } : {};
  if (!source.startsWith("/")) {
    if (!isVolumeName(source)) throw refuseVolumeName(source);
    const propagation = options.get("propagation");
    if (propagation !== undefined) throw invalidMode(propagation);
    return { kind: "volume", name: source, target, readonly, copyUp: !options.has("copy"), ...owner };
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
    ...owner,
  };
}

function invalidPrefix(text: string): string {
  return `invalid volume specification: '${text}': `;
}

function invalidSpecification(text: string): BunkerError {
  return new BunkerError("usage", `invalid volume specification: '${text}'`, {
    hint: "Write it as SOURCE:TARGET or SOURCE:TARGET:ro, both paths absolute.",
  });
}
