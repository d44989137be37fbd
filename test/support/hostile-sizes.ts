// Layers whose sizes lie, that end where they should not, or that cost more than they should (hostile-layers.ts says how each ends).

import { deflateSync, gzipSync } from "node:zlib";

import { hostileLayer, type HostileLayer, type Outcome } from "./hostile-layers.ts";
import { directory, file, makeTar, paxRecord, symlink, type TarEntry } from "./tar.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);
const sized = (size: number | bigint | Uint8Array): Uint8Array =>
  makeTar([file("before"), { ...file("x"), size }, file("after")]);
const pax = (records: Record<string, string>, content: string | Uint8Array = ""): TarEntry =>
  file("sparse", content, { pax: records });

export function hostileSizes(): HostileLayer[] {
  const plain = makeTar([file("a", "x".repeat(1000)), file("b", "y")]);
  const ended = makeTar([file("a", "1")]);
  const raw = (name: string, archive: Uint8Array, outcome: Outcome): HostileLayer => ({ name, archive, outcome });
  const zeros = new Uint8Array(200 * 1024 * 1024);
  return [
    raw("that are no number", sized(text("garbage\0\0\0\0\0")), /size is not a number/),
    raw("below zero", sized(-1n), /size is negative/),
    raw("2^63-1", sized(2n ** 63n - 1n), /./),
    raw("2^64-1", sized(2n ** 64n - 1n), /size is too large/),
    raw("larger than what follows", sized(100_000n), /ends|ended|truncated/i),
    hostileLayer(
      "larger in PAX than in the header",
      [file("x", "x".repeat(600), { size: 1, pax: { size: "600" } }), file("y")],
      "tar",
    ),
    hostileLayer(
      "smaller in PAX than in the header",
      [file("x", "x".repeat(512), { size: 1024, pax: { size: "512" } }), file("y")],
      "tar",
    ),
    hostileLayer(
      "in PAX, of a directory",
      [directory("d", { pax: { size: "512" } }), file("y")],
      /data where only files have data/,
    ),
    hostileLayer("in PAX, of a link", [symlink("l", "t", { pax: { size: "0" } }), file("y")], "tar"),
    hostileLayer(
      "holes whose map overlaps",
      [
        pax(
          {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.name": "sparse",
            "GNU.sparse.size": "100",
            "GNU.sparse.numblocks": "2",
            "GNU.sparse.map": "0,10,5,10",
          },
          "x".repeat(20),
        ),
      ],
      /sparse|hole|segment/i,
    ),
    hostileLayer(
      "holes whose map goes back",
      [
        pax(
          {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.name": "sparse",
            "GNU.sparse.size": "100",
            "GNU.sparse.numblocks": "2",
            "GNU.sparse.map": "50,10,0,10",
          },
          "x".repeat(20),
        ),
      ],
      /sparse|hole|segment/i,
    ),
    hostileLayer(
      "holes whose map is negative",
      [
        pax(
          {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "sparse",
            "GNU.sparse.realsize": "100",
          },
          join(text("1\n-5\n10\n"), new Uint8Array(504), text("x".repeat(10))),
        ),
      ],
      /number|sparse/i,
    ),
    hostileLayer(
      "8 EiB of holes",
      [
        pax(
          {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "sparse",
            "GNU.sparse.realsize": String(2n ** 63n - 1n),
          },
          join(text("0\n"), new Uint8Array(510)),
        ),
      ],
      /more than \d+ bytes/,
    ),
    hostileLayer(
      "200 GiB of holes",
      [
        pax(
          {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "sparse",
            "GNU.sparse.realsize": String(200 * 1024 ** 3),
          },
          join(text(`1\n${200 * 1024 ** 3}\n0\n`), new Uint8Array(495)),
        ),
      ],
      "tar",
    ),
    hostileLayer("a wrong checksum", [file("x", "x", { checksum: 1 })], /checksum/),
    raw("garbage after the end", makeTar([file("a", "1")], { trailing: new Uint8Array(700).fill(0x41) }), "tar"),
    raw("entries after the end", makeTar([file("a", "1")], { trailing: makeTar([file("b", "2")]) }), "tar"),
    {
      ...raw("gzip members one after the other", plain, "tar"),
      blob: join(gzipSync(plain.subarray(0, 700)), gzipSync(plain.subarray(700))),
    },
    raw("no byte at all", new Uint8Array(), []),
    raw("one byte", bytes(0x41), /./),
    raw("zeros alone", new Uint8Array(1024), []),
    { ...raw("gzip with a wrong checksum", ended, /gzip/), blob: damagedGzip(ended, -8) },
    { ...raw("gzip with a wrong length", ended, /gzip/), blob: damagedGzip(ended, -1) },
    { ...raw("gzip that is cut off", ended, /gzip|ended/), blob: gzipSync(ended).subarray(0, -9) },
    { ...raw("gzip with garbage behind", ended, /gzip/), blob: join(gzipSync(ended), text("garbage")) },
    { ...raw("zlib in place of gzip", ended, /./), blob: deflateSync(ended) },
    {
      ...raw("200 MiB of zeros in a few KiB", zeros, /more than 1000 times|ratio|times/),
      blob: Bun.zstdCompressSync(zeros),
    },
    raw(
      "a PAX record of 2 MiB",
      makeTar([file("x", "", { pax: { comment: "c".repeat(2 * 1024 * 1024) } })]),
      /extension headers/,
    ),
    raw(
      "17 extension headers in a row",
      makeTar([...Array.from({ length: 17 }, () => extension()), file("x")]),
      /two PAX headers/,
    ),
  ];
}

function damagedGzip(archive: Uint8Array, at: number): Uint8Array {
  const blob = new Uint8Array(gzipSync(archive));
  const index = blob.byteLength + at;
  blob[index] = (blob[index] ?? 0) ^ 0xff;
  return blob;
}

function extension(): TarEntry {
  return { name: "PaxHeaders/x", type: "x", content: paxRecord("comment", "c") };
}
