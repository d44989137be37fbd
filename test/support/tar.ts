// Writes tar archives, honest and hostile. An entry is made with `file`, `directory`, `symlink`, …; every field of its header
// can be replaced by a wrong one (`{ ...file("a", "text"), size: 10n ** 12n }`, names as raw bytes, any type flag, PAX records
// that contradict it), and `rawEntry` takes a header as it is.

export interface TarEntry {
  /** Bytes for names that are no UTF-8. Longer than 100 bytes: written as a PAX record, unless `pax` has a path. */
  name: string | Uint8Array;
  /** The type flag: "0" file, "1" hard link, "2" symbolic link, "3" and "4" devices, "5" directory, "6" fifo, or anything. */
  type?: string;
  content?: string | Uint8Array;
  mode?: number;
  uid?: number | bigint;
  gid?: number | bigint;
  /** Seconds. */
  mtime?: number | bigint;
  link?: string | Uint8Array;
  major?: number;
  minor?: number;
  userName?: string;
  groupName?: string;
  /** The size field, where it shall not be the content's; bytes are put there as they are. */
  size?: number | bigint | Uint8Array;
  /** Records of a PAX header before the entry; bytes are a whole header body. */
  pax?: Record<string, string | Uint8Array> | Uint8Array;
  /** The checksum field, where it shall be wrong. */
  checksum?: number;
  /** Magic and version; "ustar\0" "00" by default. */
  magic?: string;
}

export interface TarOptions {
  /** Blocks of zeros at the end; 2 by default. */
  endBlocks?: number;
  /** What follows them. */
  trailing?: Uint8Array;
}

const BLOCK = 512;
const NAME_LENGTH = 100;
const encoder = new TextEncoder();

function toBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? encoder.encode(value) : value;
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.byteLength % BLOCK;
  return rest === 0 ? bytes : Buffer.concat([bytes, new Uint8Array(BLOCK - rest)]);
}

/** Octal where it fits, else GNU's base-256 (also for negative numbers). */
function numberField(value: number | bigint, length: number): Uint8Array {
  const number = BigInt(value);
  const octal = number.toString(8).padStart(length - 1, "0");
  if (number >= 0n && octal.length < length) return encoder.encode(`${octal}\0`);
  const bytes = new Uint8Array(length);
  let rest = BigInt.asUintN(8 * length, number);
  for (let at = length - 1; at >= 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes;
}

/** One PAX record, `LENGTH key=value\n`, where the length counts itself. */
export function paxRecord(key: string, value: string | Uint8Array): Uint8Array {
  const body = Buffer.concat([encoder.encode(` ${key}=`), toBytes(value), encoder.encode("\n")]);
  let length = body.byteLength + 1;
  while (String(length).length + body.byteLength !== length) length = String(length).length + body.byteLength;
  return Buffer.concat([encoder.encode(String(length)), body]);
}

function headerOf(entry: TarEntry, size: number | bigint | Uint8Array): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const put = (at: number, value: Uint8Array, length: number): void => header.set(value.subarray(0, length), at);
  put(0, toBytes(entry.name), NAME_LENGTH);
  put(100, numberField(entry.mode ?? 0o644, 8), 8);
  put(108, numberField(entry.uid ?? 0, 8), 8);
  put(116, numberField(entry.gid ?? 0, 8), 8);
  put(124, size instanceof Uint8Array ? size : numberField(size, 12), 12);
  put(136, numberField(entry.mtime ?? 0, 12), 12);
  header.fill(0x20, 148, 156);
  put(156, encoder.encode(entry.type ?? "0"), 1);
  put(157, toBytes(entry.link ?? ""), NAME_LENGTH);
  put(257, encoder.encode(entry.magic ?? "ustar\x0000"), 8);
  put(265, encoder.encode(entry.userName ?? ""), 32);
  put(297, encoder.encode(entry.groupName ?? ""), 32);
  put(329, numberField(entry.major ?? 0, 8), 8);
  put(337, numberField(entry.minor ?? 0, 8), 8);
  const sum = entry.checksum ?? header.reduce((total, byte) => total + byte, 0);
  put(148, encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 8);
  return header;
}

/** The records an entry needs: those it asks for, and long names. */
function paxBody(entry: TarEntry): Uint8Array | null {
  if (entry.pax instanceof Uint8Array) return entry.pax;
  const records: Record<string, string | Uint8Array> = { ...entry.pax };
  if (toBytes(entry.name).byteLength > NAME_LENGTH) records["path"] ??= entry.name;
  if (toBytes(entry.link ?? "").byteLength > NAME_LENGTH) records["linkpath"] ??= entry.link ?? "";
  const parts = Object.entries(records).map(([key, value]) => paxRecord(key, value));
  return parts.length === 0 ? null : Buffer.concat(parts);
}

/** A header block as it is, and what follows it (padded). */
export function rawEntry(header: Uint8Array, content: string | Uint8Array = ""): Uint8Array {
  return Buffer.concat([header, padded(toBytes(content))]);
}

/** Header, content and padding of one entry, with its PAX header before it. */
export function encodeEntry(entry: TarEntry): Uint8Array {
  const content = toBytes(entry.content ?? "");
  const pax = paxBody(entry);
  const extended =
    pax === null ? [] : [rawEntry(headerOf({ name: "PaxHeaders/entry", type: "x" }, pax.byteLength), pax)];
  return Buffer.concat([...extended, rawEntry(headerOf(entry, entry.size ?? content.byteLength), content)]);
}

/** An archive of entries, in order; bytes are put in as they are (rawEntry, or anything). */
export function makeTar(entries: readonly (TarEntry | Uint8Array)[], options: TarOptions = {}): Uint8Array {
  const parts = entries.map((entry) => (entry instanceof Uint8Array ? entry : encodeEntry(entry)));
  const end = new Uint8Array(BLOCK * (options.endBlocks ?? 2));
  return Buffer.concat([...parts, end, options.trailing ?? new Uint8Array()]);
}

type Rest = Omit<TarEntry, "name" | "type">;

export function file(name: string | Uint8Array, content: string | Uint8Array = "", rest: Rest = {}): TarEntry {
  return { name, type: "0", content, mode: 0o644, ...rest };
}

export function directory(name: string | Uint8Array, rest: Rest = {}): TarEntry {
  return { name, type: "5", mode: 0o755, ...rest };
}

export function symlink(name: string | Uint8Array, link: string | Uint8Array, rest: Rest = {}): TarEntry {
  return { name, type: "2", link, mode: 0o777, ...rest };
}

export function hardlink(name: string | Uint8Array, link: string | Uint8Array, rest: Rest = {}): TarEntry {
  return { name, type: "1", link, ...rest };
}

export function fifo(name: string | Uint8Array, rest: Rest = {}): TarEntry {
  return { name, type: "6", ...rest };
}

export function device(name: string | Uint8Array, kind: "char" | "block", rest: Rest = {}): TarEntry {
  return { name, type: kind === "char" ? "3" : "4", ...rest };
}

/** Hides `path` of the layers below. */
export function whiteout(path: string): TarEntry {
  return file(path.replace(/([^/]*)$/, ".wh.$1"));
}

/** Hides what the layers below have in `path`. */
export function opaque(path: string): TarEntry {
  return file(`${path}/.wh..wh..opq`);
}
