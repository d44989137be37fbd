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

/** Another container that runs has a port. */
class AllocatedError extends BunkerError {
  readonly port: PortRequest;

  constructor(port: PortRequest) {
    const { hostAddress, hostPort } = port;
    const address = hostAddress === "" ? "0.0.0.0" : hostAddress;
    super("conflict", `Bind for ${address}:${hostPort} failed: port is already allocated`, {
      hint: `\`bunker ps --filter publish=${hostPort}\` shows the container that has it.`,
    });
    this.port = port;
  }
}

/**
 * Gives a container's ports to `lease`: those that may be any are free now, of the others it is seen whether they are. Where another
 * container was quicker, others are tried if any will do.
 *
 * @throws BunkerError conflict, host-refused
 */
export async function choosePorts<T>(
  record: ContainerRecord,
  places: readonly Place[],
  lease: (ports: PortRequest[]) => T,
): Promise<T> {
  const wanted = wantedPorts(record, places);
  const lowest = Math.min(...wanted.map(({ hostPort }) => hostPort).filter((port) => port > 0));
  const refused: PortRequest[] = [];
  for (;;) {
    const chosen: PortRequest[] = [];
    for (const port of wanted) {
      const isTaken = (hostPort: number): boolean =>
        [...refused, ...chosen].some((other) => isSame(other, { ...port, hostPort }));
      chosen.push({ ...port, hostPort: await probePort(port, { isTaken, lowest }) });
    }
    try {
      return lease(chosen);
    } catch (error) {
      if (!(error instanceof AllocatedError)) throw error;
      const wish = wanted[chosen.indexOf(error.port)];
      if (wish === undefined || !isAny(wish)) throw error;
      refused.push(error.port);
    }
  }
}

function isAny({ hostPort, hostPortEnd = hostPort }: PortRequest): boolean {
  return hostPort === 0 || hostPortEnd > hostPort;
}

function isSame(one: Omit<PortRecord, "containerId">, other: Omit<PortRecord, "containerId">): boolean {
  if (one.protocol !== other.protocol || one.hostPort !== other.hostPort) return false;
  return one.hostAddress === "" || other.hostAddress === "" || one.hostAddress === other.hostAddress;
}

/** Those of a container that is on no network, chosen and leased. @throws BunkerError conflict */
export function planPorts(engine: Engine, record: ContainerRecord): Promise<PortRequest[]> {
  return choosePorts(record, [], (ports) => {
    engine.store.networks.lease(() => leasePorts(engine, record.id, ports));
    return ports;
  });
}

/** Within a transaction. @throws BunkerError conflict when another that runs has one of them */
export function leasePorts(engine: Engine, containerId: string, wanted: readonly PortRequest[]): void {
  const { networks } = engine.store;
  const held = wanted.length === 0 ? [] : networks.activePorts().filter((port) => port.containerId !== containerId);
  for (const port of wanted) {
    if (held.some((other) => isSame(other, port))) throw new AllocatedError(port);
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

/** On every address means every address of both kinds. */
export function publishedOf({ protocol, hostAddress, hostPort, containerPort }: PortRecord): BridgeSpec["ports"] {
  return eachAddress(hostAddress).map((host) => ({ protocol, host, hostPort, containerPort }));
}
