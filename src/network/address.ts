// IP addresses and prefixes as numbers, so that a plan can count in them. Pure. Text forms: RFC 4632, RFC 5952.

export type Family = 4 | 6;

export interface Address {
  family: Family;
  value: bigint;
}

/** A network: its first address and how many leading bits all of it share. */
export interface Prefix extends Address {
  length: number;
}

const BITS: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };
const OCTET = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
const GROUPS = 8;
const BITS_OF_GROUP = 16n;
const BITS_OF_OCTET = 8n;
const LAST_OCTET = 255;
const HEX = 16;

/** `null`: it is none. Octets with leading zeros are none: some would read them as octal. */
export function parseAddress(text: string): Address | null {
  if (text.includes(":")) return parseVersion6(text);
  const octets = text.split(".");
  if (octets.length !== 4 || octets.some((octet) => !OCTET.test(octet) || Number(octet) > LAST_OCTET)) return null;
  return { family: 4, value: octets.reduce((value, octet) => (value << BITS_OF_OCTET) | BigInt(octet), 0n) };
}

function parseVersion6(text: string): Address | null {
  const halves = text.split("::");
  const [head = "", tail] = halves;
  if (halves.length > 2) return null;
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  if (before === null || after === null) return null;
  const missing = GROUPS - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...before, ...Array.from({ length: missing }, () => 0), ...after];
  return { family: 6, value: groups.reduce((value, group) => (value << BITS_OF_GROUP) | BigInt(group), 0n) };
}

/** A part of an IPv6 address without `::`; its end may be an IPv4 address. */
function groupsOf(text: string): number[] | null {
  if (text === "") return [];
  const words = text.split(":");
  const last = words.at(-1) ?? "";
  const mapped = last.includes(".") ? parseAddress(last) : null;
  if (mapped !== null) {
    const high = (mapped.value >> BITS_OF_GROUP).toString(HEX);
    words.splice(-1, 1, high, (mapped.value & 0xffffn).toString(HEX));
  }
  return words.every((word) => GROUP.test(word)) ? words.map((word) => Number.parseInt(word, HEX)) : null;
}

export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
  const groups = Array.from({ length: GROUPS }, (_unused, at) =>
    Number((value >> (BITS_OF_GROUP * BigInt(GROUPS - 1 - at))) & 0xffffn),
  );
  const gap = longestZeros(groups);
  const words = (list: number[]): string => list.map((group) => group.toString(HEX)).join(":");
  if (gap === null) return words(groups);
  return `${words(groups.slice(0, gap.start))}::${words(groups.slice(gap.start + gap.length))}`;
}

/** The first of the longest runs of two or more. */
function longestZeros(groups: number[]): { start: number; length: number } | null {
  let best: { start: number; length: number } | null = null;
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > 1 && length > (best?.length ?? 0)) best = { start, length };
  }
  return best;
}

/** `172.17.0.0/16`; bits behind the prefix are dropped, as docker does. `null`: it is none. */
export function parsePrefix(text: string): Prefix | null {
  const [, head = "", tail = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(head);
  const length = Number(tail);
  if (address === null || tail === "" || length > BITS[address.family]) return null;
  return prefixOf(address, length);
}

/** The network of this length that an address is in. */
export function prefixOf({ family, value }: Address, length: number): Prefix {
  const hosts = BigInt(BITS[family] - length);
  return { family, value: (value >> hosts) << hosts, length };
}

/** A route of /proc/net/route: destination and mask in hexadecimal digits, the first byte last. */
export function prefixFromKernel(destination: string, mask: string): string {
  const bytes = destination.match(/../g)?.reverse() ?? [];
  const bits = Number.parseInt(mask, HEX).toString(2).replaceAll("0", "").length;
  return `${bytes.map((byte) => Number.parseInt(byte, HEX)).join(".")}/${bits}`;
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** How many addresses there are in a network. */
export function sizeOf({ family, length }: Prefix): bigint {
  return 1n << BigInt(BITS[family] - length);
}

export function contains(prefix: Prefix, { family, value }: Address): boolean {
  return family === prefix.family && value >= prefix.value && value < prefix.value + sizeOf(prefix);
}

export function overlaps(one: Prefix, other: Prefix): boolean {
  return contains(one, other) || contains(other, one);
}

/** The address at this place in a network, from 0. */
export function addressAt({ family, value }: Prefix, place: bigint): Address {
  return { family, value: value + place };
}
