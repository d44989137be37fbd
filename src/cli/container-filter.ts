// `ps --filter`, with docker's keys and podman's `until` and `label!`. Pure.

import type { ContainerFacts } from "./container-row.ts";
import { Filters, matches } from "./filter.ts";
import { type PortFact, portMatcher } from "./port-text.ts";
import { parseDecimal, ScanError } from "./strconv.ts";
import { parseUntil } from "./time.ts";
import { UsageError } from "./usage.ts";
import { shortId } from "./units.ts";

const KEYS =
  "ancestor before exited expose health id label label! name network publish since status until volume".split(" ");
const STATES = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];
const HEALTHS = ["starting", "healthy", "unhealthy", "none"];
/** docker's, not made yet: there are no tasks. */
const LATER = ["is-task", "isolation"];

export interface ContainerFilter {
  /** A status was asked for, so containers that do not run are meant too. */
  all: boolean;
  /** It names containers to compare with, whatever their status. */
  comparing: boolean;
  apply(containers: readonly ContainerFacts[]): ContainerFacts[];
}

/** `now` is for until=10m. @throws UsageError in docker's words */
export function parseContainerFilter(
  words: readonly (readonly [string, string])[],
  now: Date = new Date(),
): ContainerFilter {
  const later = words.find(([key]) => LATER.includes(key));
  if (later !== undefined) throw new UsageError(`--filter ${later[0]} is not supported yet`, { code: "unsupported" });
  const filters = new Filters(words, KEYS);
  ensureKnown(filters, "status", STATES);
  ensureKnown(filters, "health", HEALTHS);
  const until = Math.min(...filters.values("until").map((text) => parseUntil(text, now).getTime()));
  const codes = filters.values("exited").map(parseExitCode);
  return {
    all: filters.has("status"),
    comparing: filters.has("before") || filters.has("since"),
    apply: (containers) => {
      const inWindow = timeWindow(filters, containers);
      return containers.filter(
        (facts) => suits(filters, codes, facts) && inWindow(facts) && facts.createdAt.getTime() < until,
      );
    },
  };
}

function ensureKnown(filters: Filters, key: string, known: readonly string[]): void {
  const unknown = filters.values(key).find((value) => !known.includes(value));
  if (unknown === undefined) return;
  throw new UsageError(`invalid filter '${key}=${unknown}'`, { hint: `The values are ${known.join(", ")}.` });
}

function parseExitCode(text: string): number {
  try {
    return parseDecimal(text);
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    throw new UsageError(`invalid filter 'exited=${text}'`, { hint: "Give an exit code." });
  }
}

function suits(filters: Filters, codes: readonly number[], facts: ContainerFacts): boolean {
  const named = (mount: { source: string; target: string }, value: string): boolean =>
    mount.source === value || mount.target === value;
  return (
    filters.some("id", (value) => facts.id.startsWith(value) || matches(value, facts.id)) &&
    filters.some("name", (value) => matches(value, facts.name) || matches(value, `/${facts.name}`)) &&
    filters.some("status", (value) => facts.status === value) &&
    // No container is probed yet: all of them have no health.
    filters.some("health", (value) => value === "none") &&
    filters.some("ancestor", (value) => isAncestor(facts, value)) &&
    filters.some("volume", (value) => facts.mounts.some((mount) => named(mount, value))) &&
    filters.some("network", (value) => facts.networks.includes(value)) &&
    filters.some("expose", (value) => suitsPort(facts.ports, portMatcher("expose", value), "containerPort")) &&
    filters.some("publish", (value) => suitsPort(facts.ports, portMatcher("publish", value), "hostPort")) &&
    filters.allLabels(facts.labels) &&
    (codes.length === 0 || (facts.status === "exited" && codes.includes(facts.exitCode)))
  );
}

function suitsPort(
  ports: readonly PortFact[],
  isMeant: ReturnType<typeof portMatcher>,
  which: "containerPort" | "hostPort",
): boolean {
  return ports.some((port) => port[which] !== null && isMeant(port[which], port.protocol));
}

/** By name with or without `:latest`, by id, or by its beginning. */
function isAncestor({ image, imageId }: ContainerFacts, value: string): boolean {
  const withTag = (name: string): string => (/[:@][^/]*$/.test(name) ? name : `${name}:latest`);
  if (withTag(image) === withTag(value)) return true;
  const bare = value.replace(/^sha256:/, "");
  return /^[0-9a-f]{4,64}$/.test(bare) && imageId.replace(/^sha256:/, "").startsWith(bare);
}

/** before and since name containers: what was made earlier, or later, than they were. */
function timeWindow(filters: Filters, containers: readonly ContainerFacts[]): (facts: ContainerFacts) => boolean {
  const times = (key: string): number[] =>
    filters.values(key).map((name) => findContainer(containers, name).createdAt.getTime());
  const before = Math.min(...times("before"));
  const since = Math.max(...times("since"));
  return ({ createdAt }) => createdAt.getTime() < before && createdAt.getTime() > since;
}

function findContainer(containers: readonly ContainerFacts[], name: string): ContainerFacts {
  const found = containers.find(
    (facts) =>
      facts.name === name ||
      facts.id === name ||
      (name.length >= 4 && facts.id.startsWith(name)) ||
      shortId(facts.id) === name,
  );
  if (found === undefined) throw new UsageError(`no such container: ${name}`, { code: "not-found" });
  return found;
}
