// A container's places on networks as its keeper is told of them: addresses, names, and by which of them it goes out.

import type { AttachmentSpec, PrefixSpec } from "../container/index.ts";
import { bridgeName, macOf, type SubnetPlan } from "../network/index.ts";
import type { ContainerRecord, EndpointRecord, NetworkRecord } from "../store/index.ts";

/** Of a link's name in N: with a letter before and a number behind it has at most 15 bytes. */
const PORT_ID = 10;

/** A container's place on a network; its addresses are leased. */
export interface Place {
  network: NetworkRecord;
  endpoint: Omit<EndpointRecord, "active">;
}

/** By which of its networks a container goes out: docker's priority, then the order in which it came to them. */
export function wayOutOf(places: readonly Place[]): Place | null {
  const ways = places.filter(({ network: { config } }) => !config.internal && config.noDefaultRoute !== true);
  const priorityOf = ({ endpoint }: Place): number => endpoint.config.gwPriority ?? 0;
  return ways.reduce<Place | null>(
    (best, place) => (best === null || priorityOf(place) > priorityOf(best) ? place : best),
    null,
  );
}

/** All of a container's places, in its order. */
export function attachmentsOf(record: ContainerRecord, places: readonly Place[]): AttachmentSpec[] {
  const way = wayOutOf(places);
  return places.map((place) => attachmentOf(record, place, place === way));
}

function attachmentOf(record: ContainerRecord, { network, endpoint }: Place, isWayOut: boolean): AttachmentSpec {
  const { name, id, config } = network;
  const { position, address4, address6 } = endpoint;
  const addresses = config.subnets.flatMap((plan) => prefixOn(plan, [address4, address6]));
  const gateways = config.subnets.flatMap((plan) => prefixOn(plan, [plan.gateway]));
  const { aliases, links = [] } = endpoint.config;
  return {
    network: {
      name,
      bridge: bridgeName(network),
      mac: macOf(null, id),
      mtu: config.mtu,
      gateways,
      internal: config.internal,
      ...(config.isolated === true ? { isolated: true } : {}),
      resolver: !config.disableDns,
      routes: config.routes.map(({ destination, gateway, metric }) => ({
        destination: toPrefix(destination),
        gateway,
        metric,
      })),
    },
    interface: endpoint.config.interface ?? `${config.interfacePrefix ?? "eth"}${position}`,
    port: `v${record.id.slice(0, PORT_ID)}-${position}`,
    mac: endpoint.config.mac ?? macOf(address4, record.id),
    addresses,
    defaultGateways: isWayOut ? gateways.map(({ address }) => address) : [],
    names: [...new Set([...aliases, record.config.hostname])],
    ...(links.length === 0 ? {} : { links }),
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
