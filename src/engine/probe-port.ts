// Whether a port of the host's is free now. Only a look: who publishes it is the network keeper, which is told of a collision as well.

import { BunkerError } from "../errors.ts";
import type { PortRequest } from "../network/index.ts";
import { readText } from "./host.ts";

const ALL = "0.0.0.0";
/** To find a port that is free and that nobody else is about to take. */
const TRIES = 100;
/** Where the kernel has no such setting (ip-sysctl). */
const FIRST_ORDINARY_PORT = 1024;
/** What people make of 80 and 443. */
const HIGHER = 8000;

/**
 * `isTaken`: ports that will not do, though they may look free. `lowest`: of all that are to be had.
 *
 * @returns the port itself, or one that is free where any will do. @throws BunkerError conflict, host-refused in docker's words
 */
export async function probePort(
  port: PortRequest,
  { isTaken, lowest }: { isTaken: (hostPort: number) => boolean; lowest: number },
): Promise<number> {
  let problem: unknown;
  for (const candidate of candidatesOf(port)) {
    const tried = { ...port, hostPort: candidate };
    try {
      const found = await open(tried);
      if (!isTaken(found)) return found;
      problem = inUse(tried);
    } catch (error) {
      problem = explain(error, tried, lowest);
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

function explain(error: unknown, port: PortRequest, lowest: number): unknown {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "EACCES" && port.hostPort < firstFreePort()) return lowPort(port, lowest);
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

/** The three ways out: another port, the kernel's limit, and a rule of the host's that leads from there to another port. */
function lowPort(port: PortRequest, lowest: number): BunkerError {
  const { protocol, hostPort } = port;
  const limit = firstFreePort();
  const high = hostPort + HIGHER;
  const lead = `table inet bunker_ports { chain in_${hostPort} { type nat hook prerouting priority -100; ${protocol} dport ${hostPort} redirect to :${high}; }; }`;
  return new BunkerError("host-refused", `failed to bind host port ${addressOf(port)}: permission denied`, {
    hint:
      `Ports below ${limit} are not for users. Publish one from ${limit} on: -p ${high}:…; ` +
      `or let users have them: \`sysctl net.ipv4.ip_unprivileged_port_start=${Math.min(lowest, hostPort)}\` as root; ` +
      `or publish ${high}, and have root lead there who comes from elsewhere: \`nft '${lead}'\`.`,
  });
}

function firstFreePort(): number {
  const text = readText("/proc/sys/net/ipv4/ip_unprivileged_port_start").trim();
  return text === "" ? FIRST_ORDINARY_PORT : Number(text);
}
