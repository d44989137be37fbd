// Layers that try to get out or to confuse: names, links, whiteouts. Those that cost more than they should: hostile-sizes.ts.
// Each says what must become of it: as GNU tar in a chroot has it, refused with a reason, or a listing of its own.

import { device, directory, fifo, file, hardlink, makeTar, opaque, symlink, type TarEntry, whiteout } from "./tar.ts";

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

export function hostileLayer(name: string, entries: Entries, outcome: Outcome, below: Entries[] = []): HostileLayer {
  return { name, archive: makeTar(entries), outcome, below };
}

const deep = (length: number): string => "d/".repeat(Math.ceil(length / 2)).slice(0, length - 1) + "x";

export function hostileNames(): HostileLayer[] {
  const one = (name: string, raw: string | Uint8Array, outcome: Outcome): HostileLayer =>
    hostileLayer(name, [file(raw, "content")], outcome);
  return [
    one("one up", "../x", /path leads out of the layer/),
    one("up behind a directory", "a/../../x", /path leads out of the layer/),
    one("absolute", "/abs", "tar"),
    one("absolute with two slashes", "//abs", "tar"),
    one("dots", "./././x", "tar"),
    one("a file as the root", ".", /the root of a layer can only be a directory/),
    one("a file as the root with a slash", "./", "tar"),
    hostileLayer("the root as a directory", [directory(".", { mode: 0o700 }), file("x")], "tar"),
    hostileLayer(
      "a link as the root",
      [symlink("./", "/etc"), file("x")],
      /the root of a layer can only be a directory/,
    ),
    hostileLayer(
      "a hard link as the root",
      [file("y"), hardlink(".", "y")],
      /the root of a layer can only be a directory/,
    ),
    one("nothing but dots", "..", /path leads out of the layer/),
    hostileLayer("a directory up", [directory("..", { mode: 0o777 })], /path leads out of the layer/),
    one("empty", "", /the root of a layer can only be a directory/),
    one("the root by a detour", "a/..", /the root of a layer can only be a directory/),
    one("a file with a slash", "x/", "tar"),
    one("trailing dots", "dots...", "tar"),
    one("spaces around", "  x  ", "tar"),
    hostileLayer("a NUL inside", [file("x", "", { pax: { path: "a\0b" } })], /NUL/),
    one("a newline, escape sequences, right to left", "a\nb\u001b[31m\u202eexe", "tar"),
    hostileLayer(
      "no UTF-8",
      [file(bytes(0x61, 0xff), "1"), file(bytes(0xe9), "2"), file(bytes(0xed, 0xa0, 0x80), "3")],
      "tar",
    ),
    hostileLayer("composed and decomposed", [file("\u00e9", "1"), file("e\u0301", "2")], "tar"),
    hostileLayer("upper and lower case", [file("Name", "1"), file("name", "2"), file("NAME", "3")], "tar"),
    one("a component of 255 bytes", "n".repeat(255), "tar"),
    one("a component of 256 bytes", "n".repeat(256), /name of 256 bytes is longer than 255/),
    one("a path of 4095 bytes", deep(4095), "taken"),
    one("a path of 4097 bytes", deep(4097), /path of 4097 bytes is longer than 4096/),
    one("a path of 65000 bytes", deep(65_000), /path of 65000 bytes is longer than 4096/),
    hostileLayer("2000 directories deep", [directory("d/".repeat(2000)), file("x")], "taken"),
    one("a whiteout of nothing", ".wh.", /whiteout of no name/),
    one("a whiteout of the directory", ".wh..", /whiteout of no name/),
    one("a whiteout of the one above", "a/.wh...", /whiteout of no name/),
    one("below a whiteout", ".wh.a/b", /entry below a whiteout/),
    one("what aufs keeps", ".wh..wh.aufs", []),
    one("an opaque marker with content", "d/.wh..wh..opq", ["d/"]),
    hostileLayer("an opaque marker as a directory", [directory("d/.wh..wh..opq"), file("d/x")], ["d/", "d/x"]),
    hostileLayer("an opaque marker as a link", [symlink("d/.wh..wh..opq", "/etc"), file("d/x")], ["d/", "d/x"]),
    hostileLayer(
      "our own files",
      [file("manifest", "x"), file("root/manifest", "y"), directory("../root-evil")],
      /path leads out/,
    ),
    hostileLayer(
      "our own names inside",
      [file("manifest", "x"), file("root/manifest", "y"), file("db.sqlite", "z")],
      "tar",
    ),
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
    hostileLayer("through an absolute link", [symlink("out", target), file("out/evil")], ["out", ...made].sort()),
    hostileLayer("through a link up and out", [symlink("out", up), file("out/evil")], ["out", ...made].sort()),
    hostileLayer(
      "through two absolute links",
      [symlink("a", "/b"), symlink("b", target), file("a/evil")],
      ["a", "b", ...made].sort(),
    ),
    hostileLayer(
      "through two relative links",
      [symlink("a", "b"), symlink("b", up), file("a/evil")],
      ["a", "b", ...made].sort(),
    ),
    hostileLayer("an empty file over a link", [symlink("x", `${target}/regular`), file("x", "")], "tar"),
    hostileLayer(
      "a file over a link",
      [symlink("x", `${target}/regular`), file("x", "overwritten", { mode: 0o777 })],
      "tar",
    ),
    hostileLayer("a directory over a link", [symlink("d", target), directory("d", { mode: 0o777 })], "tar"),
    hostileLayer(
      "a hard link, absolute, outside",
      [hardlink("x", `${target}/regular`), file("x", "overwritten")],
      ["x"],
    ),
    hostileLayer("a hard link, up and out", [hardlink("x", `${up}/regular`)], /path leads out of the layer/),
    hostileLayer(
      "a hard link that stays absent",
      [hardlink("x", `${target}/regular`)],
      /which is no file in the layers below/,
    ),
    hostileLayer(
      "a hard link down and out",
      [directory("d"), hardlink("d/x", `d/../../${inside}/regular`)],
      /path leads out/,
    ),
    hostileLayer(
      "a hard link through a link",
      [symlink("out", target), hardlink("x", "out/regular")],
      /no file in the layers below/,
    ),
    hostileLayer(
      "a hard link to a link, then written",
      [symlink("s", `${target}/regular`), hardlink("h", "s"), file("h", "x")],
      "tar",
    ),
    hostileLayer(
      "a hard link to a link, then its mode",
      [symlink("s", target), hardlink("h", "s"), directory("h", { mode: 0o777 })],
      ["h/", "s"],
    ),
    hostileLayer(
      "a hard link before its target",
      [hardlink("h", "later"), file("later", "x")],
      /which is no file in the layers below/,
    ),
    hostileLayer(
      "a parent that is a link to the parent",
      [directory("d"), symlink("d/up", ".."), file("d/up/x")],
      ["d/", "d/up", "x"],
    ),
    hostileLayer(
      "a link without a name",
      [symlink("", target), file("evil")],
      /the root of a layer can only be a directory/,
    ),
    hostileLayer("a link named as a directory", [symlink("d/", "/etc"), file("d/x")], ["d", "etc/", "etc/x"]),
    hostileLayer(
      "a directory, then a link, then below",
      [directory("d"), symlink("d", target), file("d/evil")],
      ["d", ...made].sort(),
    ),
    hostileLayer("a link, then a directory, then below", [symlink("d", target), directory("d"), file("d/x")], "tar"),
    hostileLayer("a link over a directory with content", [file("d/x"), symlink("d", "/etc")], ["d"]),
    hostileLayer("a file over a directory with content", [file("d/x"), file("d", "file")], ["d"]),
    hostileLayer("a hard link over a directory", [file("f"), directory("d"), hardlink("d", "f")], ["d", "f"]),
    hostileLayer("a parent that is a file", [file("f"), file("f/x")], /its parent "f" is a file/),
    hostileLayer("a parent that is a FIFO", [fifo("f"), file("f/x")], /its parent "f" is a FIFO/),
    hostileLayer("a link to itself", [symlink("l", "l"), file("l/x")], /too many links/),
    hostileLayer("two links to each other", [symlink("a", "b"), symlink("b", "a"), file("a/x")], /too many links/),
    hostileLayer("40 links in a row", [...chain(40), directory("end"), file("l0/x")], "tar"),
    hostileLayer("41 links in a row", [...chain(41), directory("end"), file("l0/x")], /too many links/),
    hostileLayer(
      "into our descriptors",
      [symlink("fd", "/proc/self/fd"), file("fd/3")],
      ["fd", "proc/", "proc/self/", "proc/self/fd/", "proc/self/fd/3"],
    ),
    hostileLayer(
      "into our root",
      [symlink("r", "/proc/self/root/etc"), file("r/passwd")],
      ["proc/", "proc/self/", "proc/self/root/", "proc/self/root/etc/", "proc/self/root/etc/passwd", "r"],
    ),
    hostileLayer("a link to a FIFO, then written", [fifo("p"), symlink("l", "p"), file("l", "x")], "tar"),
    hostileLayer("a hard link to a FIFO", [fifo("p"), hardlink("h", "p")], "tar"),
    hostileLayer("a hard link to a directory", [directory("d"), hardlink("h", "d")], /hard link to a directory/),
    hostileLayer(
      "a hard link to a device",
      [device("null", "char", { major: 1, minor: 3 }), hardlink("h", "null")],
      [],
    ),
    hostileLayer("a hard link to itself", [file("x", "content"), hardlink("x", "x")], ["x"]),
    hostileLayer("a hard link to itself, absent", [hardlink("x", "x")], /which is no file in the layers below/),
    hostileLayer(
      "a hard link to a lower layer's file",
      [hardlink("h", "lower")],
      ["h", "lower"],
      [[file("lower", "content")]],
    ),
    hostileLayer(
      "a hard link to a lower layer's link",
      [hardlink("h", "lower")],
      ["h", "lower"],
      [[symlink("lower", `${target}/regular`)]],
    ),
    hostileLayer(
      "a hard link through a lower layer's link",
      [hardlink("h", "out/regular")],
      /which is no file in the layers below/,
      [[symlink("out", target)]],
    ),
    hostileLayer(
      "a hard link to what a layer between removed",
      [hardlink("h", "f")],
      /which is no file in the layers below/,
      [[file("f")], [whiteout("f")]],
    ),
    hostileLayer(
      "a link to a target of 4096 bytes",
      [symlink("l", "t".repeat(4096))],
      /impossible target of 4096 bytes/,
    ),
    hostileLayer("a link to a target of 4095 bytes", [symlink("l", "t".repeat(4095))], "tar"),
    hostileLayer("a link to nothing", [symlink("l", "")], /impossible target of 0 bytes/),
    hostileLayer(
      "a hard link with a size, as old tars wrote",
      [file("f", "first"), hardlink("h", "f", { size: 5 })],
      ["f", "h"],
    ),
    hostileLayer(
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
    hostileLayer(name, entries, outcome, [base]);
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
