// A container's published ports: chosen, leased to it, and as its keeper is told.

import type { BridgeSpec } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { eachAddress, planAllPorts, type PortRequest } from "../network/index.ts";
import type { ContainerRecord, PortRecord } from "../store/index.ts";
import type { Place } from "./attachment.ts";
import type { Engine } from "./engine.ts";
import { probePort } from "./probe-port.ts";
import { publishAddress } from "./settings.ts";

function wantedPorts({ config }: ContainerRecord, places: readonly Place[]): PortRequest[] {
  const { ports = [], publishAll = false } = config.request;
  const all = publishAll ? [...ports, ...planAllPorts(config.process.exposedPorts, ports)] : ports;
  if (all.every(({ hostAddress }) => hostAddress !== "")) return all;
  // Clients come in by the first that has a way out.
  const way = places.find(({ network }) => !network.config.internal);
  const usual = way?.network.config.publishAddress ?? publishAddress(process.env);
  return all.map((port) => (port.hostAddress === "" ? { ...port, hostAddress: usual } : port));
}

/** Those that may be any get one that is free now; of the others it is seen whether they are. @throws BunkerError conflict */
export async function choosePorts(record: ContainerRecord, places: readonly Place[]): Promise<PortRequest[]> {
  const wanted = wantedPorts(record, places);
  const named = wanted.map(({ hostPort }) => hostPort).filter((port) => port > 0);
  const chosen: PortRequest[] = [];
  for (const port of wanted) chosen.push({ ...port, hostPort: await probePort(port, Math.min(...named)) });
  return chosen;
}

/** Those of a container that is on no network, chosen and leased. @throws BunkerError conflict */
export async function planPorts(engine: Engine, record: ContainerRecord): Promise<PortRequest[]> {
  const ports = await choosePorts(record, []);
  engine.store.networks.lease(() => leasePorts(engine, record.id, ports));
  return ports;
}

/** Within a transaction. @throws BunkerError conflict when another that runs has one of them */
export function leasePorts(engine: Engine, containerId: string, wanted: readonly PortRequest[]): void {
  const { networks } = engine.store;
  const held = wanted.length === 0 ? [] : networks.activePorts().filter((port) => port.containerId !== containerId);
  for (const port of wanted) {
    const isSame = (other: PortRecord): boolean => other.protocol === port.protocol && other.hostPort === port.hostPort;
    const collides = ({ hostAddress }: PortRecord): boolean =>
      hostAddress === "" || port.hostAddress === "" || hostAddress === port.hostAddress;
    if (held.some((other) => isSame(other) && collides(other))) throw alreadyAllocated(port);
  }
  networks.setPorts(
    containerId,
    wanted.map(({ protocol, hostAddress, hostPort, containerPort }) => ({
      containerId,
      protocol,
      hostAddress,
      hostPort,
      containerPort,
    })),
  );
}

function alreadyAllocated({ hostAddress, hostPort }: PortRequest): BunkerError {
  const address = hostAddress === "" ? "0.0.0.0" : hostAddress;
  return new BunkerError("conflict", `Bind for ${address}:${hostPort} failed: port is already allocated`, {
    hint: `\`bunker ps --filter publish=${hostPort}\` shows the container that has it.`,
  });
}

/** On every address means every address of both kinds. */
export function publishedOf({ protocol, hostAddress, hostPort, containerPort }: PortRecord): BridgeSpec["ports"] {
  return eachAddress(hostAddress).map((host) => ({ protocol, host, hostPort, containerPort }));
}
