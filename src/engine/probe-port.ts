// Whether a port of the host's is free now. Only a look: who publishes it is the network keeper, which is told of a collision as well.

import { BunkerError } from "../errors.ts";
import type { PortRequest } from "../network/index.ts";
import { readText } from "./host.ts";

const ALL = "0.0.0.0";
/** Where the kernel has no such setting (ip-sysctl). */
const FIRST_ORDINARY_PORT = 1024;
/** What people make of 80 and 443. */
const HIGHER = 8000;

/**
 * `lowest`: of all ports that are to be had. @returns the port itself, or one that is free where any will do.
 *
 * @throws BunkerError conflict, host-refused in docker's words
 */
export async function probePort(port: PortRequest, lowest: number): Promise<number> {
  const last = port.hostPortEnd ?? port.hostPort;
  for (let candidate = port.hostPort; ; candidate++) {
    try {
      return await open({ ...port, hostPort: candidate });
    } catch (error) {
      if (candidate >= last) throw explain(error, { ...port, hostPort: candidate }, lowest);
    }
  }
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
  const { hostAddress, hostPort } = port;
  const address = `${hostAddress === "" ? ALL : hostAddress}:${hostPort}`;
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "EACCES" && hostPort < firstFreePort()) return lowPort(port, address, lowest);
  if (code === "EADDRINUSE") {
    return new BunkerError("conflict", `failed to bind host port ${address}: address already in use`, {
      hint: `\`ss -lntup | grep :${hostPort}\` shows who has it.`,
    });
  }
  if (code === "EADDRNOTAVAIL") {
    return new BunkerError("conflict", `failed to bind host port ${address}: cannot assign requested address`, {
      hint: "`ip address` shows the addresses that this host has.",
    });
  }
  return error;
}

/** The three ways out: another port, the kernel's limit, and a rule of the host's that leads from there to another port. */
function lowPort({ protocol, hostPort }: PortRequest, address: string, lowest: number): BunkerError {
  const limit = firstFreePort();
  const high = hostPort + HIGHER;
  const lead = `table inet bunker_ports { chain in_${hostPort} { type nat hook prerouting priority -100; ${protocol} dport ${hostPort} redirect to :${high}; }; }`;
  return new BunkerError("host-refused", `failed to bind host port ${address}: permission denied`, {
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
