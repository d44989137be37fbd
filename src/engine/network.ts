// A container's start on networks of the user's: addresses and ports are leased, and the plan for its keeper is made.

import { type BridgeSpec, HOST_GATEWAY } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import {
  bridgeName,
  DEFAULT_NETWORK,
  type EndpointConfig,
  type NetworkRequest,
  PLAIN_REQUEST,
  parsePrefix,
  planLease,
  planNetwork,
  type PortRequest,
  type Prefix,
} from "../network/index.ts";
import { type ContainerRecord, type EndpointRecord, type NetworkRecord, noSuchNetwork } from "../store/index.ts";
import { attachmentsOf, type Place } from "./attachment.ts";
import type { Engine } from "./engine.ts";
import { hostRoutes } from "./host-routes.ts";
import { ensureLinked, resolveLinks } from "./links.ts";
import { choosePorts, leasePorts, publishedOf } from "./network-ports.ts";
import { viewRecord } from "./view.ts";
import { waysOut } from "./ways-out.ts";

const SHORT_ID = 12;
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
  return engine.store.networks.insert({ id, name, createdAt: new Date().toISOString() }, (others) => {
    const config = planNetwork(request, [...others.flatMap(prefixesOf), ...host], id);
    ensureOwnBridge({ id, config }, others);
    return config;
  });
}

function ensureOwnBridge(network: Pick<NetworkRecord, "id" | "config">, others: readonly NetworkRecord[]): void {
  const bridge = bridgeName(network);
  const owner = others.find((other) => bridgeName(other) === bridge);
  if (owner === undefined) return;
  throw new BunkerError("conflict", `bridge name ${bridge} already in use by network ${owner.name}`, {
    hint: "Choose another name for the bridge, or none.",
  });
}

function prefixesOf({ config }: NetworkRecord): Prefix[] {
  return config.subnets.map(({ subnet }) => parsePrefix(subnet)).filter((prefix) => prefix !== null);
}

/** Puts a new container on its networks; addresses that were asked for are its own from now on. @throws BunkerError */
export function joinNetworks(engine: Engine, { id, config }: ContainerRecord): void {
  const uses = config.request.networks ?? [];
  const found = uses.map(({ network, links = [], ...use }) => ({
    use: links.length === 0 ? use : { ...use, links: resolveLinks(engine, links) },
    network: findNetwork(engine, network),
  }));
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

interface NewPlace {
  containerId: string;
  position: number;
  use: EndpointConfig;
}

function put(engine: Engine, network: NetworkRecord, { containerId, position, use }: NewPlace): void {
  const { asked } = use;
  const endpoint = { containerId, networkId: network.id, position, address4: null, address6: null, config: use };
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
  const known = placesOf(engine, record);
  ensureLinked(engine, record, known);
  const isPublic = known.some(({ network }) => !network.config.internal);
  const leaseAll = (ports: PortRequest[]): Place[] =>
    leaseAgain(engine, () => {
      // Counted anew: those that it came to while it ran may have others before them that it left.
      const own = placesOf(engine, record).map(({ network, endpoint }, position) => {
        const counted = endpoint.position === position ? endpoint : save(engine, { ...endpoint, position });
        return { network, endpoint: lease(engine, network, counted) };
      });
      leasePorts(engine, record.id, ports);
      return own;
    });
  const places = isPublic ? await choosePorts(record, known, leaseAll) : leaseAll([]);
  const { names } = record.config.request;
  return {
    kind: "bridge",
    networks: attachmentsOf(record, places),
    ports: networks.portsOf(record.id).flatMap(publishedOf),
    hostLoopback: (names?.extraHosts ?? []).some((line) => line.endsWith(`:${HOST_GATEWAY}`)),
    name: record.name,
    ndots: (names?.dnsOptions ?? []).some((option) => option.startsWith("ndots:")),
    nameServers: names?.dns.length ? names.dns : places.flatMap(({ network }) => network.config.dns),
    waysOut: waysOut(),
  };
}

/** A container's places, in its order. @throws BunkerError not-found for a network that was removed */
export function placesOf(engine: Engine, record: ContainerRecord): Place[] {
  const { networks } = engine.store;
  return networks.endpointsOf(record.id).map((endpoint) => {
    const network = networks.find(endpoint.networkId);
    if (network === null) throw noSuchNetwork(endpoint.networkId.slice(0, SHORT_ID));
    return { network, endpoint };
  });
}

/** One more place of a container's, leased. @throws BunkerError conflict */
export function leasePlace(engine: Engine, { network, endpoint }: Place): void {
  leaseAgain(engine, () => lease(engine, network, endpoint));
}

type LeasedEndpoint = Place["endpoint"];

/** The endpoint with its addresses: those it had, if it still may. Within a transaction. */
function lease(engine: Engine, network: NetworkRecord, endpoint: LeasedEndpoint): LeasedEndpoint {
  const { networks } = engine.store;
  if (endpoint.address4 !== null || endpoint.address6 !== null) return endpoint;
  const others = networks.endpointsOn(network.id).filter(({ containerId }) => containerId !== endpoint.containerId);
  const { subnets, reserved = {} } = network.config;
  const plan = (taken: EndpointRecord[]) =>
    planLease(subnets, addressesOf(taken).union(new Set(Object.values(reserved))), endpoint.config.asked);
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
