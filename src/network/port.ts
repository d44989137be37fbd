// `-p`: docker's forms of a published port, and what is published of a container. Pure.

import { BunkerError } from "../errors.ts";
import { formatAddress, parseAddress } from "./address.ts";

export type Protocol = "tcp" | "udp";

/** A port of the container's, and where it is to be found. */
export interface PortRequest {
  protocol: Protocol;
  containerPort: number;
  /** Empty: on every address, of both kinds. */
  hostAddress: string;
  /** 0: any that is free. */
  hostPort: number;
  /** The last one it may be: a range of which any will do. */
  hostPortEnd?: number;
}

const FORM = /^(?:(\[[^\]]*\]|[^[\]:]*):)?(?:([\d-]*):)?([\d-]+)(?:\/([a-zA-Z]+))?$/;
const LAST_PORT = 65_535;
const PROTOCOLS: readonly string[] = ["tcp", "udp"];

interface Range {
  first: number;
  last: number;
}

/** `[[ADDRESS:][HOST[-END]]:]CONTAINER[-END][/PROTOCOL]`. @throws BunkerError usage in docker's words */
export function parsePortWord(word: string): PortRequest[] {
  const { address, host, container, protocol } = splitWord(word);
  const hostAddress = address === "" ? "" : parseHostAddress(address, word);
  const inside = parseRange(container, word, "containerPort");
  const outside = host === "" ? null : parseRange(host, word, "hostPort");
  const count = inside.last - inside.first + 1;
  const make = (at: number, ports: Pick<PortRequest, "hostPort" | "hostPortEnd">): PortRequest => ({
    protocol,
    containerPort: inside.first + at,
    hostAddress,
    ...ports,
  });
  if (outside === null) return Array.from({ length: count }, (_unused, at) => make(at, { hostPort: 0 }));
  if (outside.last - outside.first + 1 === count) {
    return Array.from({ length: count }, (_unused, at) => make(at, { hostPort: outside.first + at }));
  }
  // docker: one port of the container's at any of several.
  if (count === 1) return [make(0, { hostPort: outside.first, hostPortEnd: outside.last })];
  throw new BunkerError("usage", `invalid ranges specified for container and host Ports: ${container} and ${host}`);
}

interface Split {
  address: string;
  host: string;
  container: string;
  protocol: Protocol;
}

function splitWord(word: string): Split {
  const refused = (why: string): BunkerError => new BunkerError("usage", `${why}: ${word}`);
  const parts = FORM.exec(word);
  if (parts === null)
    throw refused(word.split(":").length > 3 ? "invalid publish opts format" : "invalid containerPort");
  const [, first, second, container = "", rest = "tcp"] = parts;
  const protocol = rest.toLowerCase();
  if (!PROTOCOLS.includes(protocol)) {
    if (protocol === "sctp") {
      throw new BunkerError("unsupported", `publishing ${word}: SCTP ports cannot be published`, {
        hint: "A user may not open SCTP sockets for others: only tcp and udp can be published.",
      });
    }
    throw refused("invalid proto");
  }
  // One colon: what stands before it is a port.
  const [address, host] = second === undefined ? ["", first ?? ""] : [first ?? "", second];
  if (second === undefined && first !== undefined && !/^[\d-]*$/.test(first)) throw refused("invalid hostPort");
  return { address, host, container, protocol: protocol as Protocol };
}

function parseHostAddress(text: string, word: string): string {
  const address = parseAddress(text.startsWith("[") ? text.slice(1, -1) : text);
  if (address === null) throw new BunkerError("usage", `invalid IP address: ${text} in ${word}`);
  return formatAddress(address);
}

function parseRange(text: string, word: string, what: string): Range {
  const [, first = "", last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  const isPort = (port: number): boolean => port <= LAST_PORT && (port > 0 || what === "hostPort");
  if (first !== "" && range.first <= range.last && isPort(range.first) && isPort(range.last)) return range;
  throw new BunkerError("usage", `invalid ${what}: ${text}`, {
    hint: `In "${word}": ports are numbers from 1 to 65535.`,
  });
}

/** What the image exposes and `-p` does not name, each at any port (`-P`). `exposed`: `80/tcp`. */
export function planAllPorts(exposed: readonly string[], named: readonly PortRequest[]): PortRequest[] {
  return exposed.flatMap((word) => {
    const [port = "", protocol = "tcp"] = word.split("/");
    const containerPort = Number(port);
    const isNamed = named.some((other) => other.containerPort === containerPort && other.protocol === protocol);
    if (isNamed || !PROTOCOLS.includes(protocol)) return [];
    return [{ protocol: protocol as Protocol, containerPort, hostAddress: "", hostPort: 0 }];
  });
}

/** The addresses that a port is published on; the empty one means every address of both kinds. */
export function eachAddress(hostAddress: string): string[] {
  return hostAddress === "" ? ["0.0.0.0", "::"] : [hostAddress];
}
