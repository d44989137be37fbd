// A network of the user's: what was asked for becomes subnets and gateways that collide with no other. Pure.

import { BunkerError } from "../errors.ts";
import {
  addressAt,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  overlaps,
  parseAddress,
  parsePrefix,
  type Prefix,
  prefixOf,
  sizeOf,
} from "./address.ts";
import type { LinkRequest } from "./link.ts";
import { type OptionEffects, readOptions } from "./option.ts";

/** Version of the JSON; a reader refuses a larger one. */
export const NETWORK_VERSION = 1;

/** docker's name of the network that containers are on unless they say otherwise. */
export const DEFAULT_NETWORK = "bridge";
/** Names that mean something else than a network of the user's. */
export const RESERVED_NAMES: readonly string[] = ["default", "host", "none", "private"];

export interface SubnetPlan {
  subnet: string;
  gateway: string;
  /** Containers get their addresses from this part. */
  ipRange: string | null;
}

export interface RouteRequest {
  destination: string;
  gateway: string;
  metric: number | null;
}

/** As it is kept. */
export interface NetworkConfig extends OptionEffects {
  version: number;
  driver: "bridge";
  subnets: SubnetPlan[];
  internal: boolean;
  labels: Record<string, string>;
  options: Record<string, string>;
  /** Asked instead of the host's name servers. */
  dns: string[];
  disableDns: boolean;
  routes: RouteRequest[];
  /** Addresses that no container gets, by what has them; not there: none. */
  reserved?: Record<string, string>;
  attachable?: true;
}

/** How a container is on a network. */
export interface EndpointConfig {
  /** Further names of it there. */
  aliases: string[];
  /** Asked for by name: such an address is nobody else's, even while the container rests. */
  asked: { address4: string | null; address6: string | null };
  mac: string | null;
  /** The name of the link inside; `null`: the next that is free. */
  interface: string | null;
  /** From here on: not there unless something was said. */
  links?: LinkRequest[];
  /** The container goes out by the network where this is highest. */
  gwPriority?: number;
}

/** As it was asked for. */
export interface NetworkRequest {
  subnets: string[];
  gateways: string[];
  ipRanges: string[];
  ipv4: boolean;
  ipv6: boolean;
  internal: boolean;
  labels: Record<string, string>;
  options: Record<string, string>;
  dns: string[];
  disableDns: boolean;
  routes: RouteRequest[];
  reserved: Record<string, string>;
  attachable: boolean;
}

/** Nothing asked for: as the default network is. */
export const PLAIN_REQUEST: NetworkRequest = {
  subnets: [],
  gateways: [],
  ipRanges: [],
  ipv4: true,
  ipv6: false,
  internal: false,
  labels: {},
  options: {},
  dns: [],
  disableDns: false,
  routes: [],
  reserved: {},
  attachable: false,
};

/** What docker allows in a name of anything. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** docker's pools, in its order. */
const POOLS: readonly [base: string, length: number][] = [
  ["172.17.0.0/16", 16],
  ["172.18.0.0/15", 16],
  ["172.20.0.0/14", 16],
  ["172.24.0.0/13", 16],
  ["192.168.0.0/16", 20],
];
const SUBNET_OF_VERSION_6 = 64;
/** RFC 4193, with the L bit. */
const UNIQUE_LOCAL = 0xfdn << 120n;
const SEED_BITS = 48n;
const SEED_SHIFT = 72n;
/** A smaller one has no room for gateway and container. */
const LONGEST: Readonly<Record<Family, number>> = { 4: 30, 6: 126 };

/** @throws BunkerError usage in docker's words */
export function ensureNetworkName(name: string): void {
  if (NAME.test(name)) return;
  throw new BunkerError("usage", `invalid network name: ${name}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

/**
 * `taken`: networks there are, and routes of the host's. `seed`: hexadecimal digits for the network's own IPv6 prefix.
 *
 * @throws BunkerError usage, conflict, unsupported
 */
export function planNetwork(request: NetworkRequest, taken: readonly Prefix[], seed: string): NetworkConfig {
  const { internal, labels, options, dns, disableDns, routes, attachable } = request;
  const subnets = planSubnets(request, taken, seed);
  for (const { destination, gateway } of routes) ensureRoute(destination, gateway);
  const reserved = planReserved(request.reserved, subnets);
  return {
    version: NETWORK_VERSION,
    driver: "bridge",
    subnets,
    internal,
    labels,
    options,
    dns,
    disableDns,
    routes,
    ...(Object.keys(reserved).length === 0 ? {} : { reserved }),
    ...(attachable ? { attachable } : {}),
    ...readOptions(options),
  };
}

function planReserved(reserved: Readonly<Record<string, string>>, subnets: SubnetPlan[]): Record<string, string> {
  const plan = ([name, text]: [string, string]): [string, string] => {
    const address = parseAddress(text);
    if (address === null) throw new BunkerError("usage", `invalid auxiliary address: ${name}=${text}`);
    const isIn = ({ subnet }: SubnetPlan): boolean => contains(parseSubnet(subnet), address);
    if (!subnets.some(isIn)) throw new BunkerError("usage", `no matching subnet for aux-address ${text}`);
    return [name, formatAddress(address)];
  };
  return Object.fromEntries(Object.entries(reserved).map(plan));
}

function ensureRoute(destination: string, gateway: string): void {
  const to = parsePrefix(destination);
  const over = parseAddress(gateway);
  if (to !== null && over !== null && to.family === over.family) return;
  throw new BunkerError("usage", `invalid route: ${destination},${gateway}`, {
    hint: "A route is DESTINATION/LENGTH,GATEWAY[,METRIC].",
  });
}

function planSubnets(request: NetworkRequest, taken: readonly Prefix[], seed: string): SubnetPlan[] {
  const named = request.subnets.map(parseSubnet);
  const wanted: Prefix[] = [...named];
  const lacks = (family: Family): boolean => !named.some((prefix) => prefix.family === family);
  // docker: a network with an IPv6 subnet alone has an IPv4 one too, unless that is not wanted.
  if (request.ipv4 && lacks(4)) wanted.unshift(choosePool([...taken, ...named]));
  if (request.ipv6 && lacks(6)) wanted.push(uniqueLocal(seed));
  if (wanted.length === 0) throw new BunkerError("usage", "IPv4 or IPv6 must be enabled");
  ensureApart(named, taken);
  return assign(request, wanted);
}

function parseSubnet(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new BunkerError("usage", `invalid CIDR address: ${text}`);
  if (prefix.length > LONGEST[prefix.family]) {
    throw new BunkerError("usage", `invalid subnet ${text}: it has no room for a gateway and containers`);
  }
  return prefix;
}

function ensureApart(named: readonly Prefix[], taken: readonly Prefix[]): void {
  named.forEach((prefix, at) => {
    const others = [...taken, ...named.slice(at + 1)];
    if (!others.some((other) => overlaps(prefix, other))) return;
    throw new BunkerError("conflict", "invalid pool request: Pool overlaps with other one on this address space", {
      hint: `Choose another --subnet than ${formatPrefix(prefix)}: \`bunker network inspect\` shows those in use.`,
    });
  });
}

function choosePool(taken: readonly Prefix[]): Prefix {
  for (const [text, length] of POOLS) {
    const pool = parsePrefix(text);
    if (pool === null) continue;
    const step = sizeOf({ ...pool, length });
    for (let at = 0n; at < sizeOf(pool); at += step) {
      const prefix = { ...addressAt(pool, at), length };
      if (!taken.some((other) => overlaps(prefix, other))) return prefix;
    }
  }
  throw new BunkerError("conflict", "all predefined address pools have been fully subnetted", {
    hint: "Remove networks that nobody needs (`bunker network prune`), or name one with --subnet.",
  });
}

function uniqueLocal(seed: string): Prefix {
  const bits = BigInt(`0x${seed.slice(0, Number(SEED_BITS / 4n))}`);
  return prefixOf({ family: 6, value: UNIQUE_LOCAL | (bits << SEED_SHIFT) }, SUBNET_OF_VERSION_6);
}

/** Each gateway and each range goes to the subnet that it lies in. */
function assign(request: NetworkRequest, subnets: readonly Prefix[]): SubnetPlan[] {
  const gateways = request.gateways.map((text) => {
    const address = parseAddress(text);
    if (address === null) throw new BunkerError("usage", `invalid gateway address: ${text}`);
    if (subnets.some((subnet) => contains(subnet, address))) return address;
    throw new BunkerError("usage", `no matching subnet for gateway ${text}`);
  });
  const ranges = request.ipRanges.map((text) => {
    const range = parsePrefix(text);
    if (range === null) throw new BunkerError("usage", `invalid CIDR address: ${text}`);
    if (subnets.some((subnet) => contains(subnet, range) && range.length >= subnet.length)) return range;
    throw new BunkerError("usage", `no matching subnet for range ${text}`);
  });
  return subnets.map((subnet) => {
    const gateway = gateways.find((address) => contains(subnet, address)) ?? addressAt(subnet, 1n);
    const range = ranges.find((prefix) => contains(subnet, prefix));
    return {
      subnet: formatPrefix(subnet),
      gateway: formatAddress(gateway),
      ipRange: range === undefined ? null : formatPrefix(range),
    };
  });
}

const BRIDGE_ID = 12;

/** The bridge's name in the user's network namespace: a link's name has 15 bytes. */
export function bridgeName({ id, config }: { id: string; config: Pick<NetworkConfig, "bridge"> }): string {
  return config.bridge ?? `br-${id.slice(0, BRIDGE_ID)}`;
}

/** docker's first bytes: locally administered. */
const MAC_HEAD = "02:42";
const MAC_TAIL_BYTES = 4;

/** The hardware address of who has an address: the same each time, so that neighbours need not ask again. */
export function macOf(address: string | null, seed: string): string {
  const known = address === null ? null : parseAddress(address);
  const tail =
    known?.family === 4
      ? known.value.toString(16).padStart(2 * MAC_TAIL_BYTES, "0")
      : seed.slice(0, 2 * MAC_TAIL_BYTES);
  return [MAC_HEAD, ...(tail.match(/../g) ?? [])].join(":");
}
