// Name servers as one would not have them, one for each address:
//
//   bun test/support/hostile-name-server.ts FIRST-ADDRESS
//
// At the first address and those behind it, in the order of MANNERS. Each answers every question by datagram and by stream; what is
// wrong with the answer is the manner's. Prints `ready`, and then every question's name.

import { createServer } from "node:net";

const PORT = 53;
const HEADER = 12;
/** The answer's name: a pointer to the question's. */
const POINTER = [0xc0, HEADER];

/** A reply's address that nobody must ever be told. */
export const FALSE_ADDRESS = "198.51.100.66";
export const MANNERS = [
  "honest",
  "silent",
  "slow",
  "garbage",
  "wrong id",
  "wrong question",
  "from elsewhere",
  "loops",
  "oversized",
  "says it is cut",
  "no answer but a question",
] as const;
export type Manner = (typeof MANNERS)[number];

const SLOW_MS = 500;
const OVERSIZED = 65_000;

function short(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

function nameOf(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = query[at] ?? 0; length > 0 && at < query.length; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join("."), end: at + 5 };
}

function record(address: string, owner: number[] = POINTER): number[] {
  return [...owner, ...short(1), ...short(1), 0, 0, 0, 60, ...short(4), ...address.split(".").map(Number)];
}

function reply(query: Buffer, records: number[][], { id = query.readUInt16BE(0), flags = 0x8180 } = {}): Buffer {
  const question = query.subarray(HEADER, nameOf(query).end);
  const head = [...short(id), ...short(flags), 0, 1, ...short(records.length), 0, 0, 0, 0];
  return Buffer.concat([Buffer.from(head), question, Buffer.from(records.flat())]);
}

const TRUTH = record("192.0.2.53");
const LIE = record(FALSE_ADDRESS);

function toAnotherQuestion(query: Buffer): Buffer {
  const other = Buffer.from(query);
  other[HEADER + 1] = (other[HEADER + 1] ?? 0) ^ 1;
  return reply(other, [LIE]);
}

/** The owner's name points at itself, and that of the other record too. */
function withLoops(query: Buffer): Buffer {
  const { end } = nameOf(query);
  const places = [end, end + LIE.length];
  return reply(
    query,
    places.map((at) => record(FALSE_ADDRESS, [0xc0, at & 0xff])),
  );
}

/** What is said to a question. Nothing: null. */
const ANSWERS: Record<Manner, (query: Buffer) => Buffer | null> = {
  honest: (query) => reply(query, [TRUTH]),
  silent: () => null,
  slow: (query) => reply(query, [TRUTH]),
  garbage: () => Buffer.from(crypto.getRandomValues(new Uint8Array(200))),
  "wrong id": (query) => reply(query, [LIE], { id: query.readUInt16BE(0) ^ 1 }),
  "wrong question": toAnotherQuestion,
  "from elsewhere": (query) => reply(query, [LIE]),
  loops: withLoops,
  oversized: (query) => reply(query, Array<number[]>(Math.floor(OVERSIZED / TRUTH.length)).fill(TRUTH)),
  "says it is cut": (query) => reply(query, [], { flags: 0x8380 }),
  "no answer but a question": (query) => Buffer.from(query),
};

/** Who asked may have gone. */
function tell(send: () => void): void {
  try {
    send();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
  }
}

async function serve(manner: Manner, address: string): Promise<void> {
  const elsewhere = await Bun.udpSocket({ hostname: address, port: 0, socket: { error: () => {} } });
  const say = (query: Buffer, send: (bytes: Buffer) => void) => {
    console.log(nameOf(query).name);
    const bytes = ANSWERS[manner](query);
    if (bytes !== null) setTimeout(() => tell(() => send(bytes)), manner === "slow" ? SLOW_MS : 0);
  };
  await Bun.udpSocket({
    hostname: address,
    port: PORT,
    socket: {
      data: (socket, data, port, from) => {
        const teller = manner === "from elsewhere" ? elsewhere : socket;
        say(Buffer.from(data), (bytes) => void teller.send(bytes, port, from));
      },
      // Who asked has gone.
      error: () => {},
    },
  });
  const server = createServer((stream) => {
    stream.on("error", () => stream.destroy());
    stream.on("data", (data: Buffer) => {
      if (data.length > HEADER + 2) {
        say(data.subarray(2), (bytes) => void stream.write(Buffer.concat([Buffer.from(short(bytes.length)), bytes])));
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(PORT, address, resolve);
  });
}

/** Where the server of a manner is. */
export function addressOf(manner: Manner, first: string): string {
  return first.replace(/\d+$/, (last) => String(Number(last) + MANNERS.indexOf(manner)));
}

if (import.meta.main) {
  const [first = ""] = process.argv.slice(2);
  for (const manner of MANNERS) await serve(manner, addressOf(manner, first));
  console.log("ready");
}
