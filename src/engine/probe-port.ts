// Whether a port of the host's is free now. Only a look: who publishes it is the network keeper, which is told of a collision as well.

import { BunkerError } from "../errors.ts";
import type { PortRequest } from "../network/index.ts";

const ALL = "0.0.0.0";
/** To find a port that is free and that nobody else is about to take. */
const TRIES = 100;

/**
 * `isTaken`: ports that will not do, though they may look free.
 *
 * @returns the port itself, or one that is free where any will do. @throws BunkerError conflict, host-refused in docker's words
 */
export async function probePort(port: PortRequest, isTaken: (hostPort: number) => boolean): Promise<number> {
  let problem: unknown;
  for (const candidate of candidatesOf(port)) {
    const tried = { ...port, hostPort: candidate };
    try {
      const found = await open(tried);
      if (!isTaken(found)) return found;
      problem = inUse(tried);
    } catch (error) {
      problem = explain(error, tried);
    }
  }
  throw problem;
}

function candidatesOf({ hostPort, hostPortEnd = hostPort }: PortRequest): number[] {
  // The kernel chooses, another one each time.
  if (hostPort === 0) return Array.from({ length: TRIES }, () => 0);
  return Array.from({ length: hostPortEnd - hostPort + 1 }, (_unused, at) => hostPort + at);
}

async function open({ protocol, hostAddress, hostPort }: PortRequest): Promise<number> {
  const hostname = hostAddress === "" ? ALL : hostAddress;
  if (protocol === "udp") {
    const socket = await Bun.udpSocket({ hostname, port: hostPort });
    const { port } = socket;
    socket.close();
    return port;
  }
  const listener = Bun.listen({ hostname, port: hostPort, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

function explain(error: unknown, port: PortRequest): unknown {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "EACCES") return lowPort(addressOf(port), port.hostPort);
  if (code === "EADDRINUSE") return inUse(port);
  if (code === "EADDRNOTAVAIL") {
    return new BunkerError("conflict", `failed to bind host port ${addressOf(port)}: cannot assign requested address`, {
      hint: "`ip address` shows the addresses that this host has.",
    });
  }
  return error;
}

function addressOf({ hostAddress, hostPort }: PortRequest): string {
  return `${hostAddress === "" ? ALL : hostAddress}:${hostPort}`;
}

function inUse(port: PortRequest): BunkerError {
  return new BunkerError("conflict", `failed to bind host port ${addressOf(port)}: address already in use`, {
    hint: `\`ss -lntup | grep :${port.hostPort}\` shows who has it.`,
  });
}

function lowPort(address: string, port: number): BunkerError {
  return new BunkerError("host-refused", `failed to bind host port ${address}: permission denied`, {
    hint: `Publish a port from 1024 on, or let users have it: \`sysctl net.ipv4.ip_unprivileged_port_start=${port}\` as root, or \`setcap cap_net_bind_service=ep\` on the bunker file, or a systemd socket that hands it on.`,
  });
}
