// Whether a port of the host's is free now. Only a look: who publishes it is the network keeper, which is told of a collision as well.

import { BunkerError } from "../errors.ts";
import type { PortRequest } from "../network/index.ts";

const ALL = "0.0.0.0";

/** @returns the port itself, or one that is free where any will do. @throws BunkerError conflict, host-refused in docker's words */
export async function probePort(port: PortRequest): Promise<number> {
  const last = port.hostPortEnd ?? port.hostPort;
  for (let candidate = port.hostPort; ; candidate++) {
    try {
      return await open({ ...port, hostPort: candidate });
    } catch (error) {
      if (candidate >= last) throw explain(error, { ...port, hostPort: candidate });
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

function explain(error: unknown, { hostAddress, hostPort }: PortRequest): unknown {
  const address = `${hostAddress === "" ? ALL : hostAddress}:${hostPort}`;
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "EACCES") return lowPort(address, hostPort);
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

function lowPort(address: string, port: number): BunkerError {
  return new BunkerError("host-refused", `failed to bind host port ${address}: permission denied`, {
    hint: `Publish a port from 1024 on, or let users have it: \`sysctl net.ipv4.ip_unprivileged_port_start=${port}\` as root, or \`setcap cap_net_bind_service=ep\` on the bunker file, or a systemd socket that hands it on.`,
  });
}
