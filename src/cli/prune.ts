// What the prune verbs have in common: their flags, which things suit, and what docker says of those that went.

import type { ContainerView, Engine } from "../engine/index.ts";
import { dockerConfig, withPruneFilters } from "./docker-config.ts";
import type { EngineCalls } from "./engine.ts";
import { Filters, parseFilterWord } from "./filter.ts";
import { parseUntil } from "./time.ts";
import { humanSize } from "./units.ts";

export const PRUNE_FLAGS = {
  filter: {
    kind: "list",
    placeholder: "filter",
    help: 'Provide filter values (e.g. "label=<key>=<value>")',
    parse: parseFilterWord,
  },
  force: { kind: "boolean", short: "f", help: "Do not prompt for confirmation" },
} as const;

type FilterWords = readonly (readonly [string, string])[];

/** What suits, of `--filter label=… label!=… until=…`. */
export interface PruneConditions {
  filters: Filters;
  /** Made before all of these. */
  until: readonly Date[];
}

/** With those of docker's config.json. @throws UsageError in docker's words */
export function parsePruneFilters(words: FilterWords, keys: readonly string[]): PruneConditions {
  const filters = new Filters(withPruneFilters(words, dockerConfig().pruneFilters), keys);
  const now = new Date();
  return { filters, until: filters.values("until").map((text) => parseUntil(text, now)) };
}

/** What a prune did. */
export interface Pruned {
  /** docker's lines about it; empty when nothing went. */
  text: string;
  bytes: number;
}

interface Opened {
  engine: Engine;
  calls: EngineCalls;
}

/** Containers that do not run. */
export async function pruneContainers({ engine, calls }: Opened, conditions: PruneConditions): Promise<Pruned> {
  const { pruneContainers: prune } = await calls.loadPrune();
  const suits = ({ status, record }: ContainerView): boolean =>
    status !== "running" && suitsAll(conditions, record.config.process.labels, record.createdAt);
  const ids = calls.listContainers(engine, { active: false }).filter(suits);
  const { removed, bytes } = await prune(
    engine,
    ids.map(({ record }) => record.id),
  );
  return { text: deleted("Containers", removed), bytes };
}

/** Images that no container was made from: without a name, or `all`. */
export async function pruneImages(
  { engine, calls }: Opened,
  conditions: PruneConditions,
  { all }: { all: boolean },
): Promise<Pruned> {
  const { pruneImages: prune } = await calls.loadPrune();
  const ids = calls
    .listImages(engine, { all: true })
    .filter(({ dangling, labels, createdAt }) => (all || dangling) && suitsAll(conditions, labels, createdAt))
    .map(({ id }) => id);
  const removed = await prune(engine, [...new Set(ids)], { dangling: !all });
  const lines = [
    ...removed.untagged.map((name) => `untagged: ${name}`),
    ...removed.deleted.map((id) => `deleted: ${id}`),
  ];
  return { text: deleted("Images", lines), bytes: removed.bytes };
}

/** Volumes that no container uses: the anonymous ones, or `all`. */
export async function pruneVolumes(
  { engine, calls }: Opened,
  { filters }: PruneConditions,
  { all }: { all: boolean },
): Promise<Pruned> {
  const { listVolumes, pruneVolumes: prune } = await calls.loadVolumes();
  const unused = listVolumes(engine).filter(
    ({ anonymous, labels, users }) => users.length === 0 && (all || anonymous) && filters.allLabels(labels),
  );
  const { removed, bytes } = await prune(
    engine,
    unused.map(({ name }) => name),
  );
  return { text: deleted("Volumes", removed), bytes };
}

/** Networks of the user's that no container is on; docker's words for them have no number of bytes. */
export async function pruneNetworks({ engine, calls }: Opened, conditions: PruneConditions): Promise<Pruned> {
  const { listNetworks, pruneNetworks: prune, usedNetworks } = await calls.loadNetworks();
  const used = usedNetworks(engine);
  const unused = listNetworks(engine).filter(
    (network) =>
      network.name !== "bridge" &&
      !used.has(network.id) &&
      suitsAll(conditions, network.config.labels, network.createdAt),
  );
  const removed = prune(
    engine,
    unused.map(({ name }) => name),
  );
  return { text: deleted("Networks", removed), bytes: 0 };
}

/** One that does not say when it was made is as old as can be (docker's zero time). */
function suitsAll(
  { filters, until }: PruneConditions,
  labels: Readonly<Record<string, string>>,
  createdAt: string | null,
): boolean {
  return filters.allLabels(labels) && until.every((time) => new Date(createdAt ?? 0) < time);
}

function deleted(what: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `Deleted ${what}:\n${lines.map((line) => `${line}\n`).join("")}\n`;
}

export function reclaimed(bytes: number): string {
  return `Total reclaimed space: ${humanSize(bytes)}\n`;
}
