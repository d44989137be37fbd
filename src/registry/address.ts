// Numeric addresses and ranges of them. Pure: resolves no names.

const V4_BYTES = 4;
const V6_BYTES = 16;
const V4_DOTTED = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
/** IPv4 hosts by another name: mapped (RFC 4291 2.5.5.2) and translated (RFC 6052) addresses. */
const V4_PREFIXES = [
  [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
  [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0],
];

function parseV4(text: string): Uint8Array | null {
  const match = V4_DOTTED.exec(text);
  const bytes = match?.slice(1).map(Number) ?? [];
  return match !== null && bytes.every((byte) => byte <= 255) ? Uint8Array.from(bytes) : null;
}

/** The URL parser checks the text and brings it to hexadecimal groups with at most one `::`. */
function parseV6(text: string): Uint8Array | null {
  const url = `http://[${text}]/`;
  if (!text.includes(":") || !URL.canParse(url)) return null;
  const canonical = new URL(url).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const left = groups(head);
  const right = groups(tail ?? "");
  const gap = Array.from({ length: V6_BYTES / 2 - left.length - right.length }, () => 0);
  return Uint8Array.from([...left, ...gap, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}

function withoutV4Prefix(bytes: Uint8Array): Uint8Array {
  const isV4 = V4_PREFIXES.some((prefix) => prefix.every((byte, at) => bytes[at] === byte));
  return isV4 ? bytes.subarray(V6_BYTES - V4_BYTES) : bytes;
}

/**
 * Four or sixteen bytes, or null when `text` is a name. Takes brackets and zones (`[::1]`, `fe80::1%eth0`); an IPv4 address
 * written as an IPv6 one comes out as IPv4.
 */
export function parseAddress(text: string): Uint8Array | null {
  const bare = text.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const v6 = parseV6(bare);
  return v6 === null ? parseV4(bare) : withoutV4Prefix(v6);
}

/** Whether `address` lies in `range` (`10.0.0.0/8`, `fd00::/8`); false when the range is none. */
export function isInRange(address: Uint8Array, range: string): boolean {
  const slash = range.lastIndexOf("/");
  const network = slash < 0 ? null : parseAddress(range.slice(0, slash));
  const text = range.slice(slash + 1);
  if (network === null || network.length !== address.length || !/^\d{1,3}$/.test(text)) return false;
  const bits = Number(text);
  if (bits > network.length * 8) return false;
  return address.every((byte, at) => {
    const kept = Math.min(8, Math.max(0, bits - at * 8));
    const mask = (0xff << (8 - kept)) & 0xff;
    return (byte & mask) === ((network[at] ?? 0) & mask);
  });
}

function isInAny(address: Uint8Array | null, ranges: readonly string[]): boolean {
  return address !== null && ranges.some((range) => isInRange(address, range));
}

/** `localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(hostname: string): boolean {
  if (/^localhost\.?$/i.test(hostname)) return true;
  return isInAny(parseAddress(hostname), ["127.0.0.0/8", "::1/128"]);
}

/** What reaches this machine: loopback, and the unspecified address, which Linux connects to itself. */
export function isThisMachine(hostname: string): boolean {
  return isLoopback(hostname) || isInAny(parseAddress(hostname), ["0.0.0.0/8", "::/128"]);
}

/** Where clouds keep the secrets of a machine (169.254.169.254), and never a registry's helper host. */
export function isLinkLocal(hostname: string): boolean {
  return isInAny(parseAddress(hostname), ["169.254.0.0/16", "fe80::/10"]);
}
