// What containers talk to in network tests; a program of its own, so that it can live in another network namespace:
//
//   bun test/support/network-server.ts ADDRESS PORT DNS-ADDRESS NAME IPV4 IPV6
//
// On PORT of ADDRESS (all of them with "::"): `get N` sends N bytes of `patternOf`, `put` reads to the end, `take N` reads N bytes,
// both answer with the sha256, `who` answers with the client's address. On port 53 of DNS-ADDRESS ("-": none): NAME's addresses, no others.

import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";

const DNS_PORT = 53;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const NAME_ERROR = 3;
const HEADER = 12;

/** Bytes that a shifted, doubled or lost piece would change. */
export function patternOf(length: number): Uint8Array {
  return new Uint8Array(length).map((_, at) => at * 31 + (at >> 8) * 7 + (at >> 16));
}

function serve(socket: Socket): void {
  const hash = createHash("sha256");
  let head: Buffer | null = Buffer.alloc(0);
  /** Bytes that are still to come; null: none are read. */
  let missing: number | null = null;
  const take = (bytes: Buffer) => {
    if (missing === null || missing === 0) return;
    hash.update(bytes.subarray(0, missing));
    missing = Math.max(0, missing - bytes.length);
    if (missing === 0) socket.end(`${hash.digest("hex")}\n`);
  };
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    if (head === null) return take(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\n");
    if (end < 0) return;
    const [word, amount] = head.toString("latin1", 0, end).split(" ");
    const rest = head.subarray(end + 1);
    head = null;
    if (word === "get") socket.end(patternOf(Number(amount)));
    else if (word === "who") socket.end(`${socket.remoteAddress ?? ""}\n`);
    else missing = word === "put" ? Number.POSITIVE_INFINITY : Number(amount);
    take(rest);
  });
  socket.on("end", () => {
    if (missing === Number.POSITIVE_INFINITY) socket.end(`${hash.digest("hex")}\n`);
  });
}

/** RFC 1035: the question repeated, and one answer. */
function answer(query: Buffer, name: string, addresses: Record<number, Uint8Array>): Buffer {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  const type = query.readUInt16BE(at + 1);
  const known = labels.join(".").toLowerCase() === name;
  const address = known ? addresses[type] : undefined;
  const header = Buffer.from(query.subarray(0, HEADER));
  header.writeUInt16BE(0x8180 | (known ? 0 : NAME_ERROR), 2);
  header.writeUInt16BE(address === undefined ? 0 : 1, 6);
  header.writeUInt32BE(0, 8);
  const record = Buffer.alloc(address === undefined ? 0 : HEADER);
  if (address === undefined) return Buffer.concat([header, query.subarray(HEADER, at + 5)]);
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(type, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(1, 6);
  record.writeUInt16BE(address.length, 10);
  return Buffer.concat([header, query.subarray(HEADER, at + 5), record, address]);
}

function bytesOf(address: string): Uint8Array {
  if (!address.includes(":")) return Uint8Array.from(address.split("."), Number);
  const [front = "", back = ""] = address.split("::");
  const words = (text: string) => (text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16)));
  const middle = Array<number>(8 - words(front).length - words(back).length).fill(0);
  return Uint8Array.from([...words(front), ...middle, ...words(back)].flatMap((word) => [word >> 8, word & 0xff]));
}

if (import.meta.main) {
  const [address = "", port = "", dnsAddress = "-", name = "", ipv4 = "", ipv6 = ""] = process.argv.slice(2);
  const server = createServer({ allowHalfOpen: true }, serve);
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(Number(port), address, resolve);
  await listening;
  if (dnsAddress !== "-") {
    const addresses = { [TYPE_A]: bytesOf(ipv4), [TYPE_AAAA]: bytesOf(ipv6) };
    await Bun.udpSocket({
      hostname: dnsAddress,
      port: DNS_PORT,
      socket: {
        data: (socket, data, sender, from) =>
          void socket.send(answer(Buffer.from(data), name, addresses), sender, from),
        // Who asked has gone.
        error: () => {},
      },
    });
  }
  console.log("ready");
}
