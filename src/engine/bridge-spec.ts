// What a keeper is told of its container's networks, as the store has them leased.

import { type AttachmentSpec, type BridgeSpec, HOST_GATEWAY, type PrefixSpec } from "../container/index.ts";
import { bridgeName, eachAddress, macOf, type SubnetPlan } from "../network/index.ts";
import {
  type ContainerRecord,
  type EndpointRecord,
  type NetworkRecord,
  noSuchNetwork,
  type PortRecord,
} from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { waysOut } from "./ways-out.ts";

const SHORT_ID = 12;
/** Of a link's name in N: with a letter before and a number behind it has at most 15 bytes. */
const PORT_ID = 10;

export type LeasedEndpoint = Omit<EndpointRecord, "active">;

export interface Place {
  network: NetworkRecord;
  endpoint: LeasedEndpoint;
}

/** A container's networks, in the order that it has them. @throws BunkerError not-found: one is gone */
export function placesOf(engine: Engine, { id }: ContainerRecord): Place[] {
  const { networks } = engine.store;
  return networks.endpointsOf(id).map((endpoint) => {
    const network = networks.find(endpoint.networkId);
    if (network === null) throw noSuchNetwork(endpoint.networkId.slice(0, SHORT_ID));
    return { network, endpoint };
  });
}

/** All of it. */
export function bridgeSpec(
  record: ContainerRecord,
  places: readonly Place[],
  ports: readonly PortRecord[],
): BridgeSpec {
  const { names } = record.config.request;
  const way = places.find(({ network }) => !network.config.internal);
  return {
    kind: "bridge",
    networks: places.map((place) => attachmentOf(record, place, place === way)),
    ports: ports.flatMap(publishedOf),
    hostLoopback: (names?.extraHosts ?? []).some((line) => line.endsWith(`:${HOST_GATEWAY}`)),
    name: record.name,
    ndots: (names?.dnsOptions ?? []).some((option) => option.startsWith("ndots:")),
    waysOut: waysOut(),
    nameServers: names?.dns.length ? names.dns : places.flatMap(({ network }) => network.config.dns),
  };
}

/** On every address means every address of both kinds. */
function publishedOf({ protocol, hostAddress, hostPort, containerPort }: PortRecord): BridgeSpec["ports"] {
  return eachAddress(hostAddress).map((host) => ({ protocol, host, hostPort, containerPort }));
}

/** A container's place on one network. */
export function attachmentOf(record: ContainerRecord, { network, endpoint }: Place, isWayOut: boolean): AttachmentSpec {
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
    interface: endpoint.config.interface ?? `eth${endpoint.position}`,
    port: `v${record.id.slice(0, PORT_ID)}-${endpoint.position}`,
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
