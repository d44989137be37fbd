// Layers that try to get out, to confuse, or to cost more than they should (security.md §3.1: names, links, whiteouts, sizes).
// Each says what must become of it: as GNU tar in a chroot has it, refused with a reason, or a listing of its own.

import { deflateSync, gzipSync } from "node:zlib";

import {
  device,
  directory,
  fifo,
  file,
  hardlink,
  makeTar,
  opaque,
  paxRecord,
  symlink,
  type TarEntry,
  whiteout,
} from "./tar.ts";

type Entries = readonly (TarEntry | Uint8Array)[];

export interface HostileLayer {
  name: string;
  /** Layers below it, bottom first. */
  below?: Entries[];
  /** The plain archive. */
  archive: Uint8Array;
  /** The blob, where it is not just the compressed archive. */
  blob?: Uint8Array;
  outcome: Outcome;
}

/**
 * "tar": as GNU tar, or refused where that refuses. "safe": so, or refused all the same. "taken": pulled; too deep to be looked at. A pattern: refused with such a reason.
 * Lines: paths in the merged root, directories with a slash.
 */
export type Outcome = "tar" | "safe" | "taken" | RegExp | string[];

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);

function layer(name: string, entries: Entries, outcome: Outcome, below: Entries[] = []): HostileLayer {
  return { name, archive: makeTar(entries), outcome, below };
}

const deep = (length: number): string => "d/".repeat(Math.ceil(length / 2)).slice(0, length - 1) + "x";

export function hostileNames(): HostileLayer[] {
  const one = (name: string, raw: string | Uint8Array, outcome: Outcome): HostileLayer =>
    layer(name, [file(raw, "content")], outcome);
  return [
    one("one up", "../x", /path leads out of the layer/),
    one("up behind a directory", "a/../../x", /path leads out of the layer/),
    one("absolute", "/abs", "tar"),
    one("absolute with two slashes", "//abs", "tar"),
    one("dots", "./././x", "tar"),
    one("a file as the root", ".", /the root of a layer can only be a directory/),
    one("a file as the root with a slash", "./", "tar"),
    layer("the root as a directory", [directory(".", { mode: 0o700 }), file("x")], "tar"),
    layer("a link as the root", [symlink("./", "/etc"), file("x")], /the root of a layer can only be a directory/),
    layer("a hard link as the root", [file("y"), hardlink(".", "y")], /the root of a layer can only be a directory/),
    one("nothing but dots", "..", /path leads out of the layer/),
    layer("a directory up", [directory("..", { mode: 0o777 })], /path leads out of the layer/),
    one("empty", "", /the root of a layer can only be a directory/),
    one("the root by a detour", "a/..", /the root of a layer can only be a directory/),
    one("a file with a slash", "x/", "tar"),
    one("trailing dots", "dots...", "tar"),
    one("spaces around", "  x  ", "tar"),
    layer("a NUL inside", [file("x", "", { pax: { path: "a\0b" } })], /NUL/),
    one("a newline, escape sequences, right to left", "a\nb\u001b[31m\u202eexe", "tar"),
    layer(
      "no UTF-8",
      [file(bytes(0x61, 0xff), "1"), file(bytes(0xe9), "2"), file(bytes(0xed, 0xa0, 0x80), "3")],
      "tar",
    ),
    layer("composed and decomposed", [file("\u00e9", "1"), file("e\u0301", "2")], "tar"),
    layer("upper and lower case", [file("Name", "1"), file("name", "2"), file("NAME", "3")], "tar"),
    one("a component of 255 bytes", "n".repeat(255), "tar"),
    one("a component of 256 bytes", "n".repeat(256), /name of 256 bytes is longer than 255/),
    one("a path of 4095 bytes", deep(4095), "taken"),
    one("a path of 4097 bytes", deep(4097), /path of 4097 bytes is longer than 4096/),
    one("a path of 65000 bytes", deep(65_000), /path of 65000 bytes is longer than 4096/),
    layer("2000 directories deep", [directory("d/".repeat(2000)), file("x")], "taken"),
    one("a whiteout of nothing", ".wh.", /whiteout of no name/),
    one("a whiteout of the directory", ".wh..", /whiteout of no name/),
    one("a whiteout of the one above", "a/.wh...", /whiteout of no name/),
    one("below a whiteout", ".wh.a/b", /entry below a whiteout/),
    one("what aufs keeps", ".wh..wh.aufs", []),
    one("an opaque marker with content", "d/.wh..wh..opq", ["d/"]),
    layer("an opaque marker as a directory", [directory("d/.wh..wh..opq"), file("d/x")], ["d/", "d/x"]),
    layer("an opaque marker as a link", [symlink("d/.wh..wh..opq", "/etc"), file("d/x")], ["d/", "d/x"]),
    layer(
      "our own files",
      [file("manifest", "x"), file("root/manifest", "y"), directory("../root-evil")],
      /path leads out/,
    ),
    layer("our own names inside", [file("manifest", "x"), file("root/manifest", "y"), file("db.sqlite", "z")], "tar"),
    one("a sibling with the same beginning", "../root-evil/x", /path leads out of the layer/),
    one("overlay's own temporary name", "#wh1", "tar"),
  ];
}

/** `target`: a directory outside that everything aims at, with `regular` and `folder` in it. */
export function hostileLinks(target: string): HostileLayer[] {
  const up = `${"../".repeat(40)}${target.slice(1)}`;
  const inside = target.slice(1);
  const made = [...pathsTo(inside), `${inside}/evil`];
  const chain = (count: number): TarEntry[] =>
    Array.from({ length: count }, (_, at) => symlink(`l${at}`, at === count - 1 ? "end" : `l${at + 1}`));
  return [
    layer("through an absolute link", [symlink("out", target), file("out/evil")], ["out", ...made].sort()),
    layer("through a link up and out", [symlink("out", up), file("out/evil")], ["out", ...made].sort()),
    layer(
      "through two absolute links",
      [symlink("a", "/b"), symlink("b", target), file("a/evil")],
      ["a", "b", ...made].sort(),
    ),
    layer(
      "through two relative links",
      [symlink("a", "b"), symlink("b", up), file("a/evil")],
      ["a", "b", ...made].sort(),
    ),
    layer("an empty file over a link", [symlink("x", `${target}/regular`), file("x", "")], "tar"),
    layer("a file over a link", [symlink("x", `${target}/regular`), file("x", "overwritten", { mode: 0o777 })], "tar"),
    layer("a directory over a link", [symlink("d", target), directory("d", { mode: 0o777 })], "tar"),
    layer("a hard link, absolute, outside", [hardlink("x", `${target}/regular`), file("x", "overwritten")], ["x"]),
    layer("a hard link, up and out", [hardlink("x", `${up}/regular`)], /path leads out of the layer/),
    layer(
      "a hard link that stays absent",
      [hardlink("x", `${target}/regular`)],
      /which is no file in the layers below/,
    ),
    layer("a hard link down and out", [directory("d"), hardlink("d/x", `d/../../${inside}/regular`)], /path leads out/),
    layer(
      "a hard link through a link",
      [symlink("out", target), hardlink("x", "out/regular")],
      /no file in the layers below/,
    ),
    layer(
      "a hard link to a link, then written",
      [symlink("s", `${target}/regular`), hardlink("h", "s"), file("h", "x")],
      "tar",
    ),
    layer(
      "a hard link to a link, then its mode",
      [symlink("s", target), hardlink("h", "s"), directory("h", { mode: 0o777 })],
      ["h/", "s"],
    ),
    layer(
      "a hard link before its target",
      [hardlink("h", "later"), file("later", "x")],
      /which is no file in the layers below/,
    ),
    layer(
      "a parent that is a link to the parent",
      [directory("d"), symlink("d/up", ".."), file("d/up/x")],
      ["d/", "d/up", "x"],
    ),
    layer("a link without a name", [symlink("", target), file("evil")], /the root of a layer can only be a directory/),
    layer("a link named as a directory", [symlink("d/", "/etc"), file("d/x")], ["d", "etc/", "etc/x"]),
    layer(
      "a directory, then a link, then below",
      [directory("d"), symlink("d", target), file("d/evil")],
      ["d", ...made].sort(),
    ),
    layer("a link, then a directory, then below", [symlink("d", target), directory("d"), file("d/x")], "tar"),
    layer("a link over a directory with content", [file("d/x"), symlink("d", "/etc")], ["d"]),
    layer("a file over a directory with content", [file("d/x"), file("d", "file")], ["d"]),
    layer("a hard link over a directory", [file("f"), directory("d"), hardlink("d", "f")], ["d", "f"]),
    layer("a parent that is a file", [file("f"), file("f/x")], /its parent "f" is a file/),
    layer("a parent that is a FIFO", [fifo("f"), file("f/x")], /its parent "f" is a FIFO/),
    layer("a link to itself", [symlink("l", "l"), file("l/x")], /too many links/),
    layer("two links to each other", [symlink("a", "b"), symlink("b", "a"), file("a/x")], /too many links/),
    layer("40 links in a row", [...chain(40), directory("end"), file("l0/x")], "tar"),
    layer("41 links in a row", [...chain(41), directory("end"), file("l0/x")], /too many links/),
    layer(
      "into our descriptors",
      [symlink("fd", "/proc/self/fd"), file("fd/3")],
      ["fd", "proc/", "proc/self/", "proc/self/fd/", "proc/self/fd/3"],
    ),
    layer(
      "into our root",
      [symlink("r", "/proc/self/root/etc"), file("r/passwd")],
      ["proc/", "proc/self/", "proc/self/root/", "proc/self/root/etc/", "proc/self/root/etc/passwd", "r"],
    ),
    layer("a link to a FIFO, then written", [fifo("p"), symlink("l", "p"), file("l", "x")], "tar"),
    layer("a hard link to a FIFO", [fifo("p"), hardlink("h", "p")], "tar"),
    layer("a hard link to a directory", [directory("d"), hardlink("h", "d")], /hard link to a directory/),
    layer("a hard link to a device", [device("null", "char", { major: 1, minor: 3 }), hardlink("h", "null")], []),
    layer("a hard link to itself", [file("x", "content"), hardlink("x", "x")], ["x"]),
    layer("a hard link to itself, absent", [hardlink("x", "x")], /which is no file in the layers below/),
    layer(
      "a hard link to a lower layer's file",
      [hardlink("h", "lower")],
      ["h", "lower"],
      [[file("lower", "content")]],
    ),
    layer(
      "a hard link to a lower layer's link",
      [hardlink("h", "lower")],
      ["h", "lower"],
      [[symlink("lower", `${target}/regular`)]],
    ),
    layer(
      "a hard link through a lower layer's link",
      [hardlink("h", "out/regular")],
      /which is no file in the layers below/,
      [[symlink("out", target)]],
    ),
    layer("a hard link to what a layer between removed", [hardlink("h", "f")], /which is no file in the layers below/, [
      [file("f")],
      [whiteout("f")],
    ]),
    layer("a link to a target of 4096 bytes", [symlink("l", "t".repeat(4096))], /impossible target of 4096 bytes/),
    layer("a link to a target of 4095 bytes", [symlink("l", "t".repeat(4095))], "tar"),
    layer("a link to nothing", [symlink("l", "")], /impossible target of 0 bytes/),
    layer(
      "a hard link with a size, as old tars wrote",
      [file("f", "first"), hardlink("h", "f", { size: 5 })],
      ["f", "h"],
    ),
    layer(
      "a hard link with content",
      [file("f", "1"), { ...hardlink("h", "f"), content: "2" }],
      /header checksum is wrong/,
    ),
  ];
}

function pathsTo(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, at) => `${parts.slice(0, at + 1).join("/")}/`);
}

export function hostileWhiteouts(): HostileLayer[] {
  const base: Entries = [directory("d"), file("d/a", "a"), file("d/b", "b"), file("f", "f"), symlink("l", "d")];
  const over = (name: string, entries: Entries, outcome: Outcome): HostileLayer =>
    layer(name, entries, outcome, [base]);
  const attributes = (records: Record<string, string>): { pax: Record<string, string> } => ({
    pax: Object.fromEntries(Object.entries(records).map(([key, value]) => [`SCHILY.xattr.${key}`, value])),
  });
  return [
    over("of what never was", [whiteout("never"), whiteout("d/never")], ["d/", "d/a", "d/b", "f", "l"]),
    over("of a parent that comes back", [whiteout("d"), file("d/new")], ["d/", "d/new", "f", "l"]),
    over("after its own layer's entry", [file("f", "new"), whiteout("f")], ["d/", "d/a", "d/b", "f", "l"]),
    over("before its own layer's entry", [whiteout("f"), file("f", "new")], ["d/", "d/a", "d/b", "f", "l"]),
    over("after its own layer's directory", [file("d/new"), whiteout("d")], ["d/", "d/new", "f", "l"]),
    over("of a directory with its children", [whiteout("d")], ["f", "l"]),
    over("through a link of a lower layer", [whiteout("l/a")], ["d/", "d/a", "d/b", "f", "l/"]),
    over("through a link of this layer", [symlink("m", "d"), whiteout("m/a")], ["d/", "d/b", "f", "l", "m"]),
    over(
      "through a link up and out",
      [symlink("m", "../../../../etc"), whiteout("m/passwd")],
      ["d/", "d/a", "d/b", "etc/", "f", "l", "m"],
    ),
    over(
      "through a dangling link",
      [symlink("m", "nowhere"), whiteout("m/x")],
      ["d/", "d/a", "d/b", "f", "l", "m", "nowhere/"],
    ),
    over("of the root", [whiteout("./")], /whiteout of no name/),
    over("of dot", [file(".wh..")], /whiteout of no name/),
    over("opaque before its children", [opaque("d"), file("d/new")], ["d/", "d/new", "f", "l"]),
    over("opaque after its children", [file("d/new"), opaque("d")], ["d/", "d/new", "f", "l"]),
    over("opaque twice", [opaque("d"), file("d/new"), opaque("d")], ["d/", "d/new", "f", "l"]),
    over("opaque in a link", [symlink("m", "d"), opaque("m")], ["d/", "f", "l", "m"]),
    over("opaque in the root", [opaque("."), file("new")], ["new"]),
    over(
      "overlay's own, as a device",
      [device("f", "char"), device("d/a", "char", { major: 0, minor: 0 })],
      ["d/", "d/a", "d/b", "f", "l"],
    ),
    over(
      "overlay's own, as attributes",
      [
        directory("d", attributes({ "user.overlay.opaque": "y", "trusted.overlay.opaque": "y" })),
        file(
          "f",
          "new",
          attributes({ "user.overlay.redirect": "/d/a", "user.overlay.metacopy": "", "user.overlay.whiteout": "y" }),
        ),
        file(
          "d/a",
          "new",
          attributes({
            "trusted.overlay.redirect": "/d/b",
            "trusted.overlay.origin": "x",
            "user.overlay.nlink": "U+9",
          }),
        ),
      ],
      ["d/", "d/a", "d/b", "f", "l"],
    ),
    over(
      "10,000 times opaque",
      Array.from({ length: 10_000 }, () => opaque("d")),
      ["d/", "f", "l"],
    ),
    over(
      "10,000 deep and wide",
      Array.from({ length: 10_000 }, (_, at) => whiteout(`d/${at % 100}/${at}`)),
      ["d/", ...Array.from({ length: 100 }, (_, at) => `d/${at}/`).sort(), "d/a", "d/b", "f", "l"],
    ),
  ];
}

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
    layer(
      "larger in PAX than in the header",
      [file("x", "x".repeat(600), { size: 1, pax: { size: "600" } }), file("y")],
      "tar",
    ),
    layer(
      "smaller in PAX than in the header",
      [file("x", "x".repeat(512), { size: 1024, pax: { size: "512" } }), file("y")],
      "tar",
    ),
    layer(
      "in PAX, of a directory",
      [directory("d", { pax: { size: "512" } }), file("y")],
      /data where only files have data/,
    ),
    layer("in PAX, of a link", [symlink("l", "t", { pax: { size: "0" } }), file("y")], "tar"),
    layer(
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
    layer(
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
    layer(
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
    layer(
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
    layer(
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
    layer("a wrong checksum", [file("x", "x", { checksum: 1 })], /checksum/),
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
