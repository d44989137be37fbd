// config.json's linux.namespaces: which are made, which are joined by their path, and which stay the caller's.

import type { NamespacePathSpec, NamespacesSpec } from "../sandbox-spec.ts";
import type { Field } from "./field.ts";

export interface PlannedSpaces {
  namespaces: NamespacesSpec;
  joins: NamespacePathSpec[];
  network: "none" | "host" | "shared";
  /** The entry of the user namespace. */
  user: Field | undefined;
}

const KINDS = ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"] as const;
type Kind = (typeof KINDS)[number];

/** @throws BunkerError by the field's name */
export function planSpaces(list: Field): PlannedSpaces {
  const found = new Map<Kind, Field>();
  for (const entry of list.list()) {
    const type = entry.at("type");
    const kind = KINDS.find((known) => known === type.text());
    if (kind === undefined) throw type.refused(`"${type.text()}" is not supported`);
    if (found.has(kind)) throw type.wrong(`"${kind}" is there twice`);
    found.set(kind, entry);
  }
  const mount = found.get("mount");
  if (mount === undefined) throw list.refused("without a mount namespace are not supported");
  if (mount.at("path").asks) throw mount.at("path").refused("is not supported for the mount namespace");
  const joins = [...found].flatMap(([kind, entry]) => {
    const path = entry.at("path");
    return kind === "mount" || !path.asks ? [] : [{ kind, path: path.absolutePath() }];
  });
  const isMade = (kind: Kind): boolean => found.has(kind) && !joins.some((join) => join.kind === kind);
  return {
    namespaces: {
      pid: isMade("pid"),
      ipc: isMade("ipc"),
      uts: isMade("uts"),
      cgroup: isMade("cgroup"),
      time: isMade("time"),
    },
    joins,
    network: isMade("network") ? "none" : found.has("network") ? "shared" : "host",
    user: found.get("user"),
  };
}
