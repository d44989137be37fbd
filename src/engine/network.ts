// A container's start on networks of the user's: addresses and ports are leased, and the plan for its keeper is made.

import {
  type AttachmentSpec,
  type BridgeSpec,
  HOST_GATEWAY,
  type NetworkUse,
  type PrefixSpec,
} from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import {
  bridgeName,
  DEFAULT_NETWORK,
  macOf,
  type NetworkRequest,
  PLAIN_REQUEST,
  parsePrefix,
  planLease,
  planNetwork,
  type Prefix,
  type SubnetPlan,
} from "../network/index.ts";
import { type ContainerRecord, type EndpointRecord, type NetworkRecord, noSuchNetwork } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { hostRoutes } from "./host-routes.ts";
import { choosePorts, leasePorts, publishedOf } from "./network-ports.ts";
import { viewRecord } from "./view.ts";

const SHORT_ID = 12;
/** Of a link's name in N: with a letter before and a number behind it has at most 15 bytes. */
const PORT_ID = 10;
/** How often a lease is tried again after its holder was found to have ended. */
const TRIES = 3;

const NO_WISHES = { aliases: [], asked: { address4: null, address6: null }, mac: null, interface: null };

/** The default network is made by whoever first needs it. */
export function ensureDefaultNetwork(engine: Engine): NetworkRecord {
  const { networks } = engine.store;
  const found = networks.find(DEFAULT_NETWORK);
  if (found !== null) return found;
  try {
    return addNetwork(engine, DEFAULT_NETWORK, PLAIN_REQUEST);
  } catch (error) {
    // Somebody else was quicker.
    const made = error instanceof BunkerError && error.code === "conflict" ? networks.find(DEFAULT_NETWORK) : null;
    if (made === null) throw error;
    return made;
  }
}

/** @throws BunkerError conflict, usage, unsupported */
export function addNetwork(engine: Engine, name: string, request: NetworkRequest): NetworkRecord {
  const id = engine.store.newId();
  const host = hostRoutes();
  return engine.store.networks.insert({ id, name, createdAt: new Date().toISOString() }, (others) =>
    planNetwork(request, [...others.flatMap(prefixesOf), ...host], id),
  );
}

function prefixesOf({ config }: NetworkRecord): Prefix[] {
  return config.subnets.map(({ subnet }) => parsePrefix(subnet)).filter((prefix) => prefix !== null);
}

/** Puts a new container on its networks; addresses that were asked for are its own from now on. @throws BunkerError */
export function joinNetworks(engine: Engine, { id, config }: ContainerRecord): void {
  const uses = config.request.networks ?? [];
  const found = uses.map((use) => ({ use, network: findNetwork(engine, use.network) }));
  leaseAgain(engine, () =>
    found.forEach(({ use, network }, position) => put(engine, network, { containerId: id, position, use })),
  );
}

/** By name or the beginning of an id; the default one is made if it is not there. @throws BunkerError not-found */
export function findNetwork(engine: Engine, word: string): NetworkRecord {
  return word === DEFAULT_NETWORK || word === "default"
    ? ensureDefaultNetwork(engine)
    : engine.store.networks.resolve(word);
}

interface Place {
  containerId: string;
  position: number;
  use: Omit<NetworkUse, "network">;
}

function put(engine: Engine, network: NetworkRecord, { containerId, position, use }: Place): void {
  const { aliases, asked, mac, interface: link } = use;
  const config = { aliases, asked, mac, interface: link };
  const endpoint = { containerId, networkId: network.id, position, address4: null, address6: null, config };
  engine.store.networks.put(endpoint);
  if (asked.address4 !== null || asked.address6 !== null) lease(engine, network, endpoint);
}

/** What the keeper is told; everything in it is leased when this returns. @throws BunkerError not-found, conflict */
export async function planBridge(engine: Engine, record: ContainerRecord): Promise<BridgeSpec> {
  const { networks } = engine.store;
  // A container that was made before there were networks comes to the default one now.
  if (record.config.request.networks === undefined) {
    const network = ensureDefaultNetwork(engine);
    networks.lease(() => {
      if (networks.endpointsOf(record.id).length > 0) return;
      put(engine, network, { containerId: record.id, position: 0, use: NO_WISHES });
    });
  }
  const places = await choosePorts(record, (ports) =>
    leaseAgain(engine, () => {
      const own = networks.endpointsOf(record.id).map((endpoint) => {
        const network = networks.find(endpoint.networkId);
        if (network === null) throw noSuchNetwork(endpoint.networkId.slice(0, SHORT_ID));
        return { network, endpoint: lease(engine, network, endpoint) };
      });
      const isPublic = own.some(({ network }) => !network.config.internal);
      leasePorts(engine, record.id, isPublic ? ports : []);
      return own;
    }),
  );
  const { names } = record.config.request;
  const way = places.find(({ network }) => !network.config.internal);
  return {
    kind: "bridge",
    networks: places.map((place, at) => attachmentOf(record, place, { at, isWayOut: place === way })),
    ports: networks.portsOf(record.id).flatMap(publishedOf),
    hostLoopback: (names?.extraHosts ?? []).some((line) => line.endsWith(`:${HOST_GATEWAY}`)),
    name: record.name,
    ndots: (names?.dnsOptions ?? []).some((option) => option.startsWith("ndots:")),
    nameServers: names?.dns.length ? names.dns : places.flatMap(({ network }) => network.config.dns),
  };
}

/** A running or resting container's place on one more network, leased. @throws BunkerError conflict */
export function planAttachment(
  engine: Engine,
  record: ContainerRecord,
  { network, endpoint, isFirst }: Leased & { isFirst: boolean },
): AttachmentSpec {
  const leased = leaseAgain(engine, () => lease(engine, network, endpoint));
  const isWayOut = isFirst && !network.config.internal;
  return attachmentOf(record, { network, endpoint: leased }, { at: endpoint.position, isWayOut });
}

interface Leased {
  network: NetworkRecord;
  endpoint: LeasedEndpoint;
}

type LeasedEndpoint = Omit<EndpointRecord, "active">;

/** The endpoint with its addresses: those it had, if it still may. Within a transaction. */
function lease(engine: Engine, network: NetworkRecord, endpoint: LeasedEndpoint): LeasedEndpoint {
  const { networks } = engine.store;
  if (endpoint.address4 !== null || endpoint.address6 !== null) return endpoint;
  const others = networks.endpointsOn(network.id).filter(({ containerId }) => containerId !== endpoint.containerId);
  const { subnets } = network.config;
  const plan = (taken: EndpointRecord[]) => planLease(subnets, addressesOf(taken), endpoint.config.asked);
  try {
    return save(engine, { ...endpoint, ...plan(others) });
  } catch (error) {
    if (!(error instanceof BunkerError) || error.code !== "conflict") throw error;
    // A container at rest keeps its address only as long as nobody needs it, unless it was asked for.
    const kept = others.filter(
      ({ active, config }) => active || config.asked.address4 !== null || config.asked.address6 !== null,
    );
    const addresses = plan(kept);
    const mine = new Set(Object.values(addresses));
    for (const other of others) if (mine.has(other.address4) || mine.has(other.address6)) networks.release(other);
    return save(engine, { ...endpoint, ...addresses });
  }
}

function save(engine: Engine, endpoint: LeasedEndpoint): LeasedEndpoint {
  engine.store.networks.put(endpoint);
  return endpoint;
}

function addressesOf(endpoints: EndpointRecord[]): Set<string> {
  return new Set(endpoints.flatMap(({ address4, address6 }) => [address4, address6]).filter((one) => one !== null));
}

/** A lease in one transaction. Holders that may have ended are looked at, and then it is tried again. */
function leaseAgain<T>(engine: Engine, change: () => T): T {
  const { networks, containers } = engine.store;
  for (let attempt = 1; ; attempt++) {
    try {
      return networks.lease(change);
    } catch (error) {
      if (!(error instanceof BunkerError) || error.code !== "conflict" || attempt === TRIES) throw error;
      for (const record of containers.list(true)) viewRecord(engine, record);
    }
  }
}

function attachmentOf(
  record: ContainerRecord,
  { network, endpoint }: Leased,
  { at, isWayOut }: { at: number; isWayOut: boolean },
): AttachmentSpec {
  const { name, id, config } = network;
  const addresses = config.subnets.flatMap((plan) => prefixOn(plan, [endpoint.address4, endpoint.address6]));
  const gateways = config.subnets.flatMap((plan) => prefixOn(plan, [plan.gateway]));
  const { hostname } = record.config;
  const names = [...endpoint.config.aliases, hostname];
  return {
    network: {
      name,
      bridge: bridgeName(id),
      mac: macOf(null, id),
      mtu: config.mtu,
      gateways,
      internal: config.internal,
      resolver: !config.disableDns,
      routes: config.routes.map(({ destination, gateway, metric }) => ({
        destination: toPrefix(destination),
        gateway,
        metric,
      })),
    },
    interface: endpoint.config.interface ?? `eth${at}`,
    port: `v${record.id.slice(0, PORT_ID)}-${at}`,
    mac: endpoint.config.mac ?? macOf(endpoint.address4, record.id),
    addresses,
    defaultGateways: isWayOut ? gateways.map(({ address }) => address) : [],
    names: [...new Set(names)],
  };
}

/** Those of `addresses` that are in the subnet, with its length. */
function prefixOn({ subnet }: SubnetPlan, addresses: readonly (string | null)[]): PrefixSpec[] {
  const { length } = toPrefix(subnet);
  const isVersion6 = subnet.includes(":");
  return addresses.flatMap((address) =>
    address !== null && address.includes(":") === isVersion6 ? [{ address, length }] : [],
  );
}

function toPrefix(text: string): PrefixSpec {
  const slash = text.lastIndexOf("/");
  return { address: text.slice(0, slash), length: Number(text.slice(slash + 1)) };
}
