// What is inside the program: packages of npm and crates that are linked or bundled, and the runtimes that carry them. Asked of
// the package managers, offline.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { BUN_PARTS } from "./bun-parts.ts";
import { completeTexts } from "./licence-text.ts";

export interface Material {
  name: string;
  version: string;
  /** An SPDX expression. */
  licence: string;
  /** Package URL (purl-spec). */
  url: string;
  /** The licence's own words, as they came with it. */
  texts: string[];
  /** Where its source is, if no package says it. */
  source?: string;
}

const LICENCE_FILE = /^(?:licen[cs]e|copying|notice|unlicense)/i;
/** What the linked programs are made for; the same crates on both architectures. */
const TARGET = "x86_64-unknown-linux-musl";
const ROOTS = new Set(["bunker-keeper", "bunker-napi"]);

/** Every one with its licence's words. @throws where there are none */
export function materials(): Material[] {
  return completeTexts([...runtimes(), ...packages(), ...crates()]);
}

/** Compiled in whole: no package manager of ours knows what is in them. */
function runtimes(): Material[] {
  const rust = /\d+\.\d+\.\d+/.exec(Bun.spawnSync(["rustc", "--version"]).stdout.toString())?.[0] ?? "";
  return [
    {
      name: "bun",
      version: Bun.version,
      licence: "MIT",
      url: `pkg:npm/bun@${Bun.version}`,
      texts: [],
    },
    ...BUN_PARTS.map(([name, licence, source]) => ({
      name: `${name} (in bun)`,
      version: `as in bun ${Bun.version}`,
      licence,
      url: `pkg:generic/${encodeURIComponent(name.split(" ")[0] ?? "")}`,
      texts: [],
      source: `https://${source}`,
    })),
    { name: "rust-std", version: rust, licence: "MIT OR Apache-2.0", url: `pkg:generic/rust-std@${rust}`, texts: [] },
    { name: "musl", version: "1.2", licence: "MIT", url: "pkg:generic/musl@1.2", texts: [] },
  ];
}

interface LockedPackage {
  version: string;
  license?: string;
  dev?: boolean;
}

function packages(): Material[] {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, LockedPackage> };
  return Object.entries(lock.packages).flatMap(([place, { version, license = "UNKNOWN", dev = false }]) => {
    if (place === "" || dev) return [];
    const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    return [{ name, version, licence: license, url: `pkg:npm/${name}@${version}`, texts: textsIn(place) }];
  });
}

interface Metadata {
  packages: { id: string; name: string; version: string; license: string | null; manifest_path: string }[];
  resolve: { nodes: { id: string; deps: { pkg: string; dep_kinds: { kind: string | null }[] }[] }[] };
}

function crates(): Material[] {
  const words = ["cargo", "metadata", "--format-version=1", "--offline", "--filter-platform", TARGET];
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words, "--manifest-path=crates/Cargo.toml"]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  const metadata = JSON.parse(stdout.toString()) as Metadata;
  const linked = linkedCrates(metadata);
  return metadata.packages
    .filter(({ id, name }) => linked.has(id) && !name.startsWith("bunker-"))
    .map(({ name, version, license, manifest_path }) => ({
      name,
      version,
      licence: license ?? "UNKNOWN",
      url: `pkg:cargo/${name}@${version}`,
      texts: textsIn(dirname(manifest_path)),
    }));
}

/** Ids of what ends in a program: neither test nor build dependencies. */
function linkedCrates({ packages: all, resolve }: Metadata): Set<string> {
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const found = new Set<string>();
  const waiting = all.filter(({ name }) => ROOTS.has(name)).map(({ id }) => id);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    for (const { pkg, dep_kinds } of nodes.get(id)?.deps ?? []) {
      if (dep_kinds.some(({ kind }) => kind === null)) waiting.push(pkg);
    }
  }
  return found;
}

function textsIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory, { withFileTypes: true }).filter(
    (entry) => entry.isFile() && LICENCE_FILE.test(entry.name),
  );
  return names.map(({ name }) => readFileSync(join(directory, name), "utf8").trim());
}
