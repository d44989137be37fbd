// Real root's own settings, which nobody else may read: registry logins, certificates, docker's and our configuration. Root reads them
// before it leaves, and they go with the engine in memory (a file system of its own), never onto a disk.

import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import type { TreeEntry } from "../native/index.ts";

const MAX_FILE = 1024 * 1024;
const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
/** Of the file that $REGISTRY_AUTH_FILE names. */
const NAMED_AUTH_FILE = "registry-auth.json";

export interface RootSettings {
  /** Below the engine's home. */
  entries: TreeEntry[];
  /** Variables that name a place below it: name, and the rest of the path. */
  variables: [name: string, path: string][];
}

/** Variables that name places of root's; what is there has been read. */
export const REPLACED = ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] as const;

/** What there is of them. A file that cannot be read is none. */
export function readRootSettings(environment: NodeJS.ProcessEnv): RootSettings {
  const home = environment["HOME"] ?? "/root";
  const config = environment["XDG_CONFIG_HOME"] || `${home}/.config`;
  const docker = environment["DOCKER_CONFIG"] || `${home}/.docker`;
  const runtime = environment["XDG_RUNTIME_DIR"] || `${home}/.config`;
  const named = environment["REGISTRY_AUTH_FILE"] || null;
  const found = [
    ...read(`${docker}/config.json`, ".docker/config.json"),
    ...readAll(`${docker}/certs.d`, ".docker/certs.d"),
    ...first([`${runtime}/containers/auth.json`, `${config}/containers/auth.json`], ".config/containers/auth.json"),
    ...readAll(`${config}/containers/certs.d`, ".config/containers/certs.d"),
    ...read(`${config}/bunker/config.json`, ".config/bunker/config.json"),
    ...(named === null ? [] : read(named, NAMED_AUTH_FILE)),
  ];
  const folders = new Set(found.flatMap(({ path }) => parentsOf(path)));
  return {
    entries: [...[...folders].map((path) => ({ path, mode: PRIVATE_DIRECTORY })), ...found],
    // One that is not there is still named: so it is said.
    variables: [
      ["HOME", ""],
      ...(named === null ? [] : [["REGISTRY_AUTH_FILE", `/${NAMED_AUTH_FILE}`] as [string, string]]),
    ],
  };
}

function read(source: string, path: string): TreeEntry[] {
  try {
    const status = statSync(source);
    if (!status.isFile() || status.size > MAX_FILE) return [];
    return [{ path, mode: PRIVATE_FILE, content: readFileSync(source, "utf8") }];
  } catch {
    return [];
  }
}

function first(sources: readonly string[], path: string): TreeEntry[] {
  for (const source of sources) {
    const found = read(source, path);
    if (found.length > 0) return found;
  }
  return [];
}

/** certs.d: a directory for each host, with files in it. */
function readAll(source: string, path: string): TreeEntry[] {
  return listing(source).flatMap(({ name }) =>
    listing(`${source}/${name}`).flatMap((file) =>
      read(`${source}/${name}/${file.name}`, `${path}/${name}/${file.name}`),
    ),
  );
}

function listing(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** `a/b/c` → `a`, `a/b`. */
function parentsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
}
