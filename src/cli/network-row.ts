// A network as a row of `network ls`, in docker's words, and its filters. Pure.

import type { NetworkRecord } from "../engine/index.ts";
import { joinLabels } from "./container-row.ts";
import { Filters, matches } from "./filter.ts";
import type { Listing, Row } from "./format.ts";
import { parseUntil } from "./time.ts";
import { shortId } from "./units.ts";

const KEYS = ["dangling", "driver", "id", "label", "label!", "name", "scope", "type", "until"];
const SCOPE = "local";

export const NETWORK_LISTING: Listing = {
  headings: {
    ID: "NETWORK ID",
    Name: "NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    IPv4: "IPV4",
    IPv6: "IPV6",
    Internal: "INTERNAL",
    Labels: "LABELS",
    CreatedAt: "CREATED AT",
  },
  columns: ["ID", "Name", "Driver", "Scope"],
  raw: "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
  type: "*network.networkContext",
};

/** What is shown: networks of the user's, and the two modes that docker lists as networks. */
export type ListedNetwork = Pick<NetworkRecord, "id" | "name" | "createdAt"> & {
  driver: string;
  config: Pick<NetworkRecord["config"], "subnets" | "internal" | "labels">;
};

export function networkRow(network: ListedNetwork, isWhole: boolean): Row {
  const { id, name, driver, createdAt, config } = network;
  const has = (isVersion6: boolean): string =>
    String(config.subnets.some(({ subnet }) => subnet.includes(":") === isVersion6));
  return {
    CreatedAt: createdAt,
    Driver: driver,
    ID: isWhole ? id : shortId(id),
    IPv4: has(false),
    IPv6: has(true),
    Internal: String(config.internal),
    Label: (key) => (typeof key === "string" ? (config.labels[key] ?? "") : ""),
    Labels: joinLabels(config.labels),
    Name: name,
    Scope: SCOPE,
  };
}

/** docker lists host and none as networks; their ids are their names', as they have no other. */
export function builtInNetworks(): ListedNetwork[] {
  const config = { subnets: [], internal: false, labels: {} };
  return ["host", "none"].map((name) => ({
    id: new Bun.CryptoHasher("sha256").update(name).digest("hex"),
    name,
    createdAt: "0001-01-01T00:00:00Z",
    driver: name === "none" ? "null" : name,
    config,
  }));
}

/** `used`: ids of those that containers are on, asked only when it matters. @throws UsageError in docker's words */
export function selectNetworks(
  networks: readonly ListedNetwork[],
  words: readonly (readonly [string, string])[],
  used: () => ReadonlySet<string>,
): ListedNetwork[] {
  const filters = new Filters(words, KEYS);
  const dangling = filters.boolean("dangling");
  const usedIds = dangling === null ? new Set<string>() : used();
  const now = new Date();
  const until = filters.values("until").map((text) => parseUntil(text, now));
  const kindOf = ({ name, driver }: ListedNetwork): string =>
    name === "bridge" || driver !== "bridge" ? "builtin" : "custom";
  return networks.filter(
    (network) =>
      filters.some("name", (value) => matches(value, network.name)) &&
      filters.some("id", (value) => network.id.startsWith(value)) &&
      filters.some("driver", (value) => value === network.driver) &&
      filters.some("scope", (value) => value === SCOPE) &&
      filters.some("type", (value) => value === kindOf(network)) &&
      filters.allLabels(network.config.labels) &&
      until.every((time) => new Date(network.createdAt) < time) &&
      (dangling === null || dangling === (!usedIds.has(network.id) && kindOf(network) === "custom")),
  );
}
