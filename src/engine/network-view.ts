// What docker's JSON of a container says about its networks and ports: addresses only while it runs.

import type { ContainerConfig } from "../container/index.ts";
import { DEFAULT_NETWORK, eachAddress, macOf, parsePrefix } from "../network/index.ts";
import type { ContainerRecord, EndpointRecord, PortRecord } from "../store/index.ts";
import type { Place } from "./attachment.ts";
import type { Engine } from "./engine.ts";
import { ADDRESS_DEFAULTS, ENDPOINT_DEFAULTS } from "./inspect-defaults.ts";
import type { ContainerView } from "./view.ts";

const SHORT_ID = 12;

/** docker's NetworkSettings. */
export function networkSettings(engine: Engine, { record, status, pid }: ContainerView): Record<string, unknown> {
  const { id, config } = record;
  const isRunning = status === "running";
  const { networks } = engine.store;
  const places = knownPlaces(engine, id);
  const shown = Object.fromEntries(
    places.map((place) => [place.network.name, endpointSettings(place, { record, isRunning })]),
  );
  const isShared = config.request.network.startsWith("container:");
  const first = places.find(({ network }) => network.name === DEFAULT_NETWORK);
  return {
    Bridge: "",
    // Its network namespace: docker's is bound to a file and has an id of its own.
    SandboxID: isRunning ? new Bun.CryptoHasher("sha256").update(`${id}/${record.generation}`).digest("hex") : "",
    SandboxKey: isRunning ? `/proc/${pid}/ns/net` : "",
    Ports: isRunning ? portsOf(config, networks.portsOf(id)) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...ADDRESS_DEFAULTS,
    // docker: what the default network gave is shown here as well.
    ...(first === undefined || !isRunning ? {} : addressSettings(first, record.id)),
    Networks: places.length > 0 ? shown : isShared ? {} : { [config.request.network]: ENDPOINT_DEFAULTS },
  };
}

/** Without those on networks that were removed meanwhile. */
function knownPlaces(engine: Engine, id: string): Place[] {
  const { networks } = engine.store;
  return networks.endpointsOf(id).flatMap((endpoint) => {
    const network = networks.find(endpoint.networkId);
    return network === null ? [] : [{ network, endpoint }];
  });
}

/** HostConfig.Links: docker's of the default network; on others they are shown with the network. */
export function defaultLinks(engine: Engine, { id, name }: ContainerRecord): string[] | null {
  const place = knownPlaces(engine, id).find(({ network }) => network.name === DEFAULT_NETWORK);
  const links = place?.endpoint.config.links ?? [];
  return links.length === 0 ? null : links.map((link) => `/${link.name}:/${name}/${link.alias}`);
}

function endpointSettings(
  place: Place,
  { record, isRunning }: { record: ContainerView["record"]; isRunning: boolean },
): Record<string, unknown> {
  const { network, endpoint } = place;
  const { aliases, asked, links = [], gwPriority = 0, interface: link } = endpoint.config;
  const wishes = {
    ...(asked.address4 === null ? {} : { IPv4Address: asked.address4 }),
    ...(asked.address6 === null ? {} : { IPv6Address: asked.address6 }),
  };
  const isDefault = network.name === DEFAULT_NETWORK;
  const names = [record.name, record.id.slice(0, SHORT_ID), ...aliases, record.config.hostname];
  return {
    ...ENDPOINT_DEFAULTS,
    IPAMConfig: Object.keys(wishes).length === 0 ? null : wishes,
    Links: links.length === 0 || isDefault ? null : links.map(({ name, alias }) => `${name}:${alias}`),
    Aliases: aliases.length === 0 ? null : aliases,
    DriverOpts: link === null ? null : { "com.docker.network.endpoint.ifname": link },
    GwPriority: gwPriority,
    NetworkID: network.id,
    DNSNames: [...new Set(names)],
    ...(isRunning ? addressSettings(place, record.id) : { MacAddress: endpoint.config.mac ?? "" }),
  };
}

function addressSettings({ network, endpoint }: Place, containerId: string): Record<string, unknown> {
  const { address4, address6, config } = endpoint;
  const subnetOf = (address: string | null) =>
    address === null
      ? undefined
      : network.config.subnets.find(({ subnet }) => subnet.includes(":") === address.includes(":"));
  const [four, six] = [subnetOf(address4), subnetOf(address6)];
  const lengthOf = (subnet: string | undefined): number =>
    subnet === undefined ? 0 : (parsePrefix(subnet)?.length ?? 0);
  return {
    EndpointID: endpointId({ containerId, networkId: network.id }),
    Gateway: four?.gateway ?? "",
    GlobalIPv6Address: address6 ?? "",
    GlobalIPv6PrefixLen: lengthOf(six?.subnet),
    IPAddress: address4 ?? "",
    IPPrefixLen: lengthOf(four?.subnet),
    IPv6Gateway: six?.gateway ?? "",
    MacAddress: config.mac ?? macOf(address4, containerId),
  };
}

/** An endpoint has no id of its own here: this one is as long, and the same each time. */
export function endpointId({ containerId, networkId }: Pick<EndpointRecord, "containerId" | "networkId">): string {
  return new Bun.CryptoHasher("sha256").update(`${containerId}/${networkId}`).digest("hex");
}

/** `80/tcp` → where it is to be found; `null`: exposed, not published. */
function portsOf({ process }: ContainerConfig, published: readonly PortRecord[]): Record<string, unknown> {
  const ports: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const word of process.exposedPorts) ports[word.includes("/") ? word : `${word}/tcp`] = null;
  for (const port of published) {
    const key = `${port.containerPort}/${port.protocol}`;
    ports[key] = [...(ports[key] ?? []), ...hostsOf(port)];
  }
  return ports;
}

function hostsOf({ hostAddress, hostPort }: PortRecord): { HostIp: string; HostPort: string }[] {
  return eachAddress(hostAddress).map((address) => ({ HostIp: address, HostPort: String(hostPort) }));
}

/** HostConfig.PortBindings: what was asked for. */
export function portBindings({ request }: ContainerConfig): Record<string, unknown> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { protocol, containerPort, hostAddress, hostPort, hostPortEnd } of request.ports ?? []) {
    const key = `${containerPort}/${protocol}`;
    const range = hostPortEnd === undefined ? String(hostPort) : `${hostPort}-${hostPortEnd}`;
    const binding = { HostIp: hostAddress, HostPort: hostPort === 0 ? "" : range };
    bindings[key] = [...(bindings[key] ?? []), binding];
  }
  return bindings;
}

/** By a container's id: what is published of those that run, and the names of the networks that they are on. */
export interface NetworkFacts {
  ports: Map<string, PortRecord[]>;
  networks: Map<string, string[]>;
}

/** Of all containers, in as many questions to the database as for one. */
export function networkFacts(engine: Engine): NetworkFacts {
  const ports = Map.groupBy(engine.store.networks.activePorts(), ({ containerId }) => containerId);
  return { ports, networks: engine.store.networks.namesByContainer() };
}
