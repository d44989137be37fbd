// docker's network verbs: networks made, shown and removed, and containers brought to them and taken off while they run.

import { type AttachmentSpec, isOnBridge } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import {
  bridgeName,
  contains,
  DEFAULT_NETWORK,
  type EndpointConfig,
  ensureNetworkName,
  type LinkRequest,
  macOf,
  type NetworkRequest,
  parseAddress,
  parsePrefix,
  RESERVED_NAMES,
} from "../network/index.ts";
import type { ContainerRecord, EndpointRecord, NetworkRecord } from "../store/index.ts";
import { keeperOf } from "./adopt.ts";
import { attachmentsOf } from "./attachment.ts";
import type { KeeperChannel } from "./channel.ts";
import type { Engine } from "./engine.ts";
import { ensureLinked, resolveLinks } from "./links.ts";
import { addNetwork, ensureDefaultNetwork, findNetwork, leasePlace, placesOf } from "./network.ts";
import { endpointId } from "./network-view.ts";
import { type ContainerView, viewContainer, viewRecord } from "./view.ts";

/** @returns its id. @throws BunkerError usage, conflict, unsupported */
export function createNetwork(engine: Engine, name: string, request: NetworkRequest): string {
  ensureNetworkName(name);
  if (RESERVED_NAMES.includes(name) || name === DEFAULT_NETWORK) {
    throw new BunkerError("usage", `operation is not permitted on predefined ${name} network`, {
      hint: "Choose another name.",
    });
  }
  ensureDefaultNetwork(engine);
  return addNetwork(engine, name, request).id;
}

/** Those of the user's, the default one among them. */
export function listNetworks(engine: Engine): NetworkRecord[] {
  ensureDefaultNetwork(engine);
  return engine.store.networks.list();
}

/** Ids of the networks that containers are on, whether these run or not. */
export function usedNetworks(engine: Engine): Set<string> {
  return engine.store.networks.usedIds();
}

/** docker's JSON of a network. @throws BunkerError not-found */
export function inspectNetwork(engine: Engine, word: string): Record<string, unknown> {
  const { id, name, createdAt, config } = findNetwork(engine, word);
  const running = runningOn(engine, id);
  return {
    Name: name,
    Id: id,
    Created: createdAt,
    Scope: "local",
    Driver: config.driver,
    EnableIPv4: config.subnets.some(({ subnet }) => !subnet.includes(":")),
    EnableIPv6: config.subnets.some(({ subnet }) => subnet.includes(":")),
    IPAM: {
      Driver: "default",
      Options: {},
      Config: config.subnets.map(({ subnet, gateway, ipRange }) => ({
        Subnet: subnet,
        ...(ipRange === null ? {} : { IPRange: ipRange }),
        Gateway: gateway,
        ...auxiliary(subnet, config.reserved),
      })),
    },
    Internal: config.internal,
    Attachable: config.attachable ?? false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(running.map((place) => [place.record.id, endpointOf(place, config.subnets)])),
    Options: config.options,
    Labels: config.labels,
    ...(config.dns.length === 0 ? {} : { DNS: config.dns }),
    ...(config.routes.length === 0 ? {} : { Routes: config.routes }),
  };
}

function auxiliary(subnet: string, reserved: Readonly<Record<string, string>> = {}): Record<string, unknown> {
  const prefix = parsePrefix(subnet);
  const own = Object.entries(reserved).filter(([, text]) => {
    const address = parseAddress(text);
    return prefix !== null && address !== null && contains(prefix, address);
  });
  return own.length === 0 ? {} : { AuxiliaryAddresses: Object.fromEntries(own) };
}

interface Running {
  record: ContainerRecord;
  endpoint: EndpointRecord;
}

/** Only containers that run are on it, in docker's words. */
function runningOn(engine: Engine, networkId: string): Running[] {
  const { networks, containers } = engine.store;
  return networks.endpointsOn(networkId).flatMap((endpoint) => {
    const record = endpoint.active ? containers.find(endpoint.containerId) : null;
    const view = record === null ? null : viewRecord(engine, record);
    return view?.status === "running" ? [{ record: view.record, endpoint }] : [];
  });
}

function endpointOf({ record, endpoint }: Running, subnets: readonly { subnet: string }[]): Record<string, unknown> {
  const length = (isVersion6: boolean): string =>
    subnets.find(({ subnet }) => subnet.includes(":") === isVersion6)?.subnet.replace(/^.*\//, "/") ?? "";
  const { address4, address6, config } = endpoint;
  return {
    Name: record.name,
    EndpointID: endpointId(endpoint),
    MacAddress: config.mac ?? macOf(address4, record.id),
    IPv4Address: address4 === null ? "" : `${address4}${length(false)}`,
    IPv6Address: address6 === null ? "" : `${address6}${length(true)}`,
  };
}

/** @throws BunkerError not-found; conflict while a container that runs is on it */
export function removeNetwork(engine: Engine, word: string): string {
  const network = findNetwork(engine, word);
  if (network.name === DEFAULT_NETWORK) {
    throw new BunkerError("conflict", `${network.name} is a pre-defined network and cannot be removed`);
  }
  // Rows of containers that have ended meanwhile are brought up to date by looking at them.
  runningOn(engine, network.id);
  engine.store.networks.remove(network.id, (users) => {
    const active = users.filter((user) => user.active);
    if (active.length === 0) return;
    const names = active.map(({ containerId }) => engine.store.containers.find(containerId)?.name ?? containerId);
    throw new BunkerError(
      "conflict",
      `error while removing network: network ${network.name} has active endpoints (${names.map((name) => `name:"${name}"`).join(", ")})`,
      { hint: "Stop these containers, or take them off it with `bunker network disconnect`." },
    );
  });
  return network.name;
}

/** Brings a container to one more network, at once if it runs. @throws BunkerError */
export function connectNetwork(
  engine: Engine,
  word: string,
  { container, ...wishes }: EndpointConfig & { container: string },
): void {
  const network = findNetwork(engine, word);
  const view = viewContainer(engine, container);
  const { record } = view;
  ensureConnectable(record);
  const { networks } = engine.store;
  const own = networks.endpointsOf(record.id);
  if (own.some(({ networkId }) => networkId === network.id)) {
    throw new BunkerError("conflict", `endpoint with name ${record.name} already exists in network ${network.name}`);
  }
  const position = own.reduce((highest, endpoint) => Math.max(highest, endpoint.position + 1), 0);
  const config = wishes.links === undefined ? wishes : { ...wishes, links: resolveLinks(engine, wishes.links) };
  const endpoint = { containerId: record.id, networkId: network.id, position, address4: null, address6: null, config };
  if (view.status !== "running") {
    leasePlace(engine, { network, endpoint });
    return;
  }
  ensureLinked(engine, record, [{ network, endpoint }]);
  const before = attachmentsOf(record, placesOf(engine, record));
  leasePlace(engine, { network, endpoint });
  try {
    tellPlaces(engine, view, before);
  } catch (error) {
    networks.part(record.id, network.id);
    throw error;
  }
}

/** @throws BunkerError */
export function disconnectNetwork(
  engine: Engine,
  word: string,
  { container, force }: { container: string; force: boolean },
): void {
  const network = findNetwork(engine, word);
  const view = viewContainer(engine, container);
  const { record } = view;
  const { networks } = engine.store;
  if (!networks.endpointsOf(record.id).some(({ networkId }) => networkId === network.id)) {
    throw new BunkerError("not-found", `container ${record.id} is not connected to network ${network.name}`);
  }
  if (view.status !== "running") {
    networks.part(record.id, network.id);
    return;
  }
  const bridge = bridgeName(network);
  const before = attachmentsOf(record, placesOf(engine, record));
  try {
    askKeeper(engine, view, (keeper) => keeper.request("disconnect", { bridge }));
  } catch (error) {
    if (!force) throw error;
  }
  networks.part(record.id, network.id);
  tellPlaces(
    engine,
    view,
    before.filter((attachment) => attachment.network.bridge !== bridge),
  );
}

/** docker rm --link: `/WEB/SQL` is what WEB calls another container. @throws BunkerError not-found */
export function removeLink(engine: Engine, word: string): void {
  const [, name = "", alias = ""] = /^\/?([^/]+)\/([^/]+)$/.exec(word) ?? [];
  const view = viewContainer(engine, name === "" ? word : name);
  const { networks } = engine.store;
  const places = placesOf(engine, view.record);
  const isMeant = (link: LinkRequest): boolean => link.alias === alias;
  const linked = places.filter(({ endpoint }) => endpoint.config.links?.some(isMeant));
  if (linked.length === 0) {
    throw new BunkerError("not-found", `no such link: ${word}`, { hint: "A link is /CONTAINER/ALIAS." });
  }
  networks.lease(() => {
    for (const { endpoint } of linked) {
      const { links = [], ...rest } = endpoint.config;
      const kept = links.filter((link) => !isMeant(link));
      networks.put({ ...endpoint, config: kept.length === 0 ? rest : { ...rest, links: kept } });
    }
  });
  if (view.status === "running") tellPlaces(engine, view, attachmentsOf(view.record, places));
}

/** Tells the keeper of each place that is not as it was before: of a new one, and of what is the way out now or is not any more. */
function tellPlaces(engine: Engine, view: ContainerView, before: readonly AttachmentSpec[]): void {
  const known = new Set(before.map((attachment) => JSON.stringify(attachment)));
  const changed = attachmentsOf(view.record, placesOf(engine, view.record)).filter(
    (attachment) => !known.has(JSON.stringify(attachment)),
  );
  if (changed.length === 0) return;
  // The way out comes first: should it fail, the one there was is still known as that.
  changed.sort((one, other) => other.defaultGateways.length - one.defaultGateways.length);
  askKeeper(engine, view, (keeper) => {
    for (const network of changed) keeper.request("connect", { network });
  });
}

function ensureConnectable({ name, config }: ContainerRecord): void {
  if (isOnBridge(config.request)) return;
  const { network } = config.request;
  throw new BunkerError("conflict", `container ${name} cannot be connected to networks: its network is ${network}`, {
    hint: "Make it anew with --network NAME.",
  });
}

function askKeeper(engine: Engine, view: ContainerView, ask: (keeper: KeeperChannel) => void): void {
  const keeper = keeperOf(engine, view);
  // It has ended meanwhile.
  if (keeper === null) return;
  using open = keeper;
  ask(open);
}

/** Networks that no container is on, the default one aside. @returns the names of those that are removed */
export function pruneNetworks(engine: Engine, names: readonly string[]): string[] {
  return names.filter((name) => {
    try {
      removeNetwork(engine, name);
      return true;
    } catch (error) {
      if (error instanceof BunkerError && /^(?:conflict|not-found)$/.test(error.code)) return false;
      throw error;
    }
  });
}
