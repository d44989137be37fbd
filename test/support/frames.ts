// Ethernet frames, honest and hostile, as `attack frames` (crates/probe) puts them on a container's link. Every field can lie: what is
// not given is right.

import type { Random } from "./random.ts";

export const BROADCAST = "ff:ff:ff:ff:ff:ff";
export const ARP = 0x0806;
export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;
export const UDP = 17;
export const TCP = 6;
const ICMP = 1;
const ICMP6 = 58;
const ETHERNET_HEADER = 14;
const LONGEST = 1514;

export function mac(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (pair) => Number.parseInt(pair, 16));
}

/** Of IPv4 or IPv6. */
export function ip(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from(text.split("."), Number);
  const [front = "", back = ""] = text.split("::");
  const words = (part: string) => (part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16)));
  const middle = Array<number>(8 - words(front).length - words(back).length).fill(0);
  return Uint8Array.from([...words(front), ...middle, ...words(back)].flatMap((word) => [word >> 8, word & 0xff]));
}

function short(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

function join(...parts: (Uint8Array | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

export interface Ethernet {
  to: string;
  from: string;
  type: number;
  /** Tags in front: protocol and number, the outermost first. */
  tags?: [number, number][];
}

export function ethernet({ to, from, type, tags = [] }: Ethernet, payload: Uint8Array): Uint8Array {
  const tagged = tags.flatMap(([protocol, number]) => [...short(protocol), ...short(number)]);
  return join(mac(to), mac(from), tagged, short(type), payload);
}

/** `operation` 1: who has, 2: is at. */
export function arp(operation: number, sender: [string, string], target: [string, string]): Uint8Array {
  const ends = [sender, target].flatMap(([hardware, address]) => [...mac(hardware), ...ip(address)]);
  return join([0, 1, 8, 0, 6, 4], short(operation), ends);
}

export interface Packet {
  from: string;
  to: string;
  protocol: number;
  identification?: number;
  /** IPv4: flags and offset as they stand in the header. */
  fragment?: number;
  options?: number[];
  hops?: number;
}

export function ipv4(
  { from, to, protocol, identification = 1, fragment = 0, options = [], hops = 64 }: Packet,
  body: Uint8Array,
): Uint8Array {
  const header = join(
    [0x45 + options.length / 4, 0],
    short(20 + options.length + body.length),
    short(identification),
    short(fragment),
    [hops, protocol, 0, 0],
    ip(from),
    ip(to),
    options,
  );
  header.set(short(checksum(header)), 10);
  return join(header, body);
}

export function ipv6({ from, to, protocol, hops = 255 }: Packet, body: Uint8Array): Uint8Array {
  return join([0x60, 0, 0, 0], short(body.length), [protocol, hops], ip(from), ip(to), body);
}

type Ends = [string, string];

/** With a checksum over both ends, which stands at `at`. */
function summed([from, to]: Ends, protocol: number, at: number, body: Uint8Array): Uint8Array {
  const length = [0, 0, ...short(body.length)];
  body.set(short(checksum(join(ip(from), ip(to), length, [0, 0, 0, protocol], body)) || 0xffff), at);
  return body;
}

export function udp(ends: Ends, [from, to]: [number, number], payload: Uint8Array): Uint8Array {
  return summed(ends, UDP, 6, join(short(from), short(to), short(8 + payload.length), [0, 0], payload));
}

/** A first SYN, unless told otherwise. */
export function tcp(
  ends: Ends,
  [from, to]: [number, number],
  { flags = 2, options = [] as number[] } = {},
): Uint8Array {
  const offset = (5 + options.length / 4) << 4;
  const fields = [...short(from), ...short(to), 0, 0, 0, 1, 0, 0, 0, 0, offset, flags, 0xff, 0xff, 0, 0, 0, 0];
  return summed(ends, TCP, 16, join(fields, options));
}

export function icmp(kind: number, code: number, rest: number[]): Uint8Array {
  const body = join([kind, code, 0, 0], rest);
  body.set(short(checksum(body)), 2);
  return body;
}

export function icmp6(ends: Ends, kind: number, rest: Uint8Array): Uint8Array {
  return summed(ends, ICMP6, 2, join([kind, 0, 0, 0], rest));
}

/** RFC 4861, 4.4: `target` is at `at`. */
export function neighbourAdvertisement(ends: Ends, target: string, at: string): Uint8Array {
  const OVERRIDE = 0x20;
  return icmp6(ends, 136, join([OVERRIDE, 0, 0, 0], ip(target), [2, 1], mac(at)));
}

/** RFC 4861, 4.2: a router, a prefix for addresses, and a name server. */
export function routerAdvertisement(ends: Ends, prefix: string, at: string): Uint8Array {
  const ON_LINK_AND_AUTONOMOUS = 0xc0;
  const hour = [0, 0, 0x0e, 0x10];
  const head = [64, 0, ...short(1800), 0, 0, 0, 0, 0, 0, 0, 0];
  const information = [3, 4, 64, ON_LINK_AND_AUTONOMOUS, ...hour, ...hour, 0, 0, 0, 0, ...ip(prefix)];
  const nameServer = [25, 3, 0, 0, ...hour, ...ip(ends[0])];
  return icmp6(ends, 134, join(head, information, [1, 1], mac(at), nameServer));
}

/** RFC 4861, 4.5: `destination` is better reached by `target`. */
export function redirect6(ends: Ends, target: string, destination: string, at: string): Uint8Array {
  return icmp6(ends, 137, join([0, 0, 0, 0], ip(target), ip(destination), [2, 1], mac(at)));
}

/** RFC 792: the packet that is quoted should have gone by `gateway`. */
export function redirect(gateway: string, quoted: Uint8Array): Uint8Array {
  return icmp(5, 1, [...ip(gateway), ...quoted.subarray(0, 28)]);
}

export { ICMP, ICMP6 };

/** As `attack` reads them. */
export function lines(frames: Uint8Array[]): string {
  return frames.map((frame) => `${Buffer.from(frame).toString("hex")}\n`).join("");
}

/** Damaged all over behind its Ethernet header and, so that it gets past who looks whose it is, but for `kept` bytes there. */
export function damaged(frame: Uint8Array, kept: [number, number], random: Random): Uint8Array {
  const [from, to] = kept.map((at) => at + ETHERNET_HEADER) as [number, number];
  const bytes = Uint8Array.from(frame);
  for (let change = random.below(6); change >= 0; change -= 1) {
    const at = ETHERNET_HEADER + random.below(bytes.length - ETHERNET_HEADER);
    if (at < from || at >= to) bytes[at] = [0, 0xff, 0x7f, random.below(256)][random.below(4)] ?? 0;
  }
  const length = random.below(3) === 0 ? ETHERNET_HEADER + random.below(bytes.length - ETHERNET_HEADER) : bytes.length;
  const longer = random.below(8) === 0 ? random.below(LONGEST - bytes.length) : 0;
  return join(bytes.subarray(0, length), Array<number>(longer).fill(random.below(256)));
}
