// -v, --mount and --tmpfs, in docker's grammar and words.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { MountRequest } from "../../../src/volume/index.ts";
import { BunkerError } from "../../../src/errors.ts";
import {
  ensureDistinctTargets,
  parseDeviceFlag,
  parseMountFlag,
  parseTmpfsFlag,
  parseVolumeFlag,
  parseVolumesFrom,
} from "../../../src/volume/index.ts";

const HERE = "/home/a/work";
const BIND = {
  kind: "bind",
  readonly: false,
  propagation: "rprivate",
  recursive: true,
  createSource: true,
} as const;
const VOLUME = { kind: "volume", name: null, readonly: false, copyUp: true } as const;
const TMPFS = { kind: "tmpfs", size: null, mode: null, readonly: false, exec: false } as const;

function complaint(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof BunkerError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

describe("-v", () => {
  test.each([
    ["/a:/b", { ...BIND, source: "/a", target: "/b" }],
    ["/a:/b:ro", { ...BIND, source: "/a", target: "/b", readonly: true }],
    ["/a:/b:rw", { ...BIND, source: "/a", target: "/b" }],
    ["/a:/b:ro,rslave,z", { ...BIND, source: "/a", target: "/b", readonly: true, propagation: "rslave" }],
    ["/a:/b:Z,cached", { ...BIND, source: "/a", target: "/b" }],
    ["/a:/b/../c/./d//", { ...BIND, source: "/a", target: "/c/d" }],
    ["./x:/b", { ...BIND, source: `${HERE}/x`, target: "/b" }],
    ["../x:/b", { ...BIND, source: "/home/a/x", target: "/b" }],
    [".:/b", { ...BIND, source: HERE, target: "/b" }],
    ["/x", { ...VOLUME, target: "/x" }],
    ["data:/x", { ...VOLUME, name: "data", target: "/x" }],
    ["da.t_a-1:/x:ro,nocopy,z", { ...VOLUME, name: "da.t_a-1", target: "/x", readonly: true, copyUp: false }],
    ["/a:/b:U", { ...BIND, source: "/a", target: "/b", chown: true }],
    ["/a b:/c d", { ...BIND, source: "/a b", target: "/c d" }],
  ] as [string, MountRequest][])("%j", (text, expected) => {
    expect(parseVolumeFlag(text, HERE)).toEqual(expected);
  });

  test.each([
    ["", "usage: invalid empty volume spec"],
    [":", "usage: invalid spec: :: empty section between colons"],
    ["/a:", "usage: invalid spec: /a:: empty section between colons"],
    [":/b", "usage: invalid spec: :/b: empty section between colons"],
    ["/a:/b:", "usage: invalid spec: /a:/b:: empty section between colons"],
    ["/a:/b:ro:x", "usage: invalid volume specification: '/a:/b:ro:x'"],
    ["/foo:ro", "usage: invalid volume specification: '/foo:ro'"],
    ["/a:/b:foo", "usage: invalid mode: foo"],
    ["/a:/b:ro,rw", "usage: invalid mode: ro,rw"],
    ["/a:/b:z,Z", "usage: invalid mode: z,Z"],
    ["/a:/b:nocopy", "usage: invalid mode: nocopy"],
    ["/a:/b:constructor", "usage: invalid mode: constructor"],
    ["/a:b", "usage: invalid volume specification: '/a:b': invalid mount path: 'b' mount path must be absolute"],
    ["/a:/", "usage: invalid volume specification: '/a:/': invalid specification: destination can't be '/'"],
    ["/a:/x/..", "usage: invalid volume specification: '/a:/x/..': invalid specification: destination can't be '/'"],
    ["rel", "usage: invalid volume specification: 'rel': invalid mount path: 'rel' mount path must be absolute"],
    [
      "a/b:/c",
      'usage: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed',
    ],
    ["d:/x", "usage: volume name is too short, names should be at least two alphanumeric characters"],
    ["data:/x:shared", "usage: invalid mode: shared"],
    ["/a:/b:shared", 'unsupported: mount propagation "shared" cannot be had without root'],

    ["/a:/b:idmap=uids=0-1-2", 'unsupported: the volume option "idmap=uids=0-1-2" is not supported yet'],
  ])("%j is refused", (text, expected) => {
    expect(complaint(() => parseVolumeFlag(text, HERE))).toBe(expected);
  });
});

describe("--mount", () => {
  const bind = { ...BIND, createSource: false };
  test.each([
    ["type=bind,source=/a,target=/b", { ...bind, source: "/a", target: "/b" }],
    ["type=bind,src=/a,dst=/b,readonly", { ...bind, source: "/a", target: "/b", readonly: true }],
    ["type=bind,src=/a,destination=/b,ro=true", { ...bind, source: "/a", target: "/b", readonly: true }],
    ["type=bind,src=/a,dst=/b,ro=0", { ...bind, source: "/a", target: "/b" }],
    ["TYPE=BIND,SRC=/a,Dst=/b", { ...bind, source: "/a", target: "/b" }],
    ["type=bind,src=./x,dst=/b", { ...bind, source: `${HERE}/x`, target: "/b" }],
    ['type=bind,"src=/a,b",dst=/b', { ...bind, source: "/a,b", target: "/b" }],
    ['type=bind,"src=/a""b",dst=/b', { ...bind, source: '/a"b', target: "/b" }],
    ["type=bind,src=/a=b,dst=/b", { ...bind, source: "/a=b", target: "/b" }],
    ["type=bind,src=/a,dst=/b,bind-propagation=rslave", { ...bind, source: "/a", target: "/b", propagation: "rslave" }],
    ["type=bind,src=/a,dst=/b,bind-recursive=disabled", { ...bind, source: "/a", target: "/b", recursive: false }],
    ["type=bind,src=/a,dst=/b,bind-nonrecursive", { ...bind, source: "/a", target: "/b", recursive: false }],
    ["type=bind,src=/a,dst=/b,consistency=cached", { ...bind, source: "/a", target: "/b" }],
    ["type=tmpfs,dst=/t", { ...TMPFS, target: "/t", exec: true }],
    [
      "type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1777",
      { ...TMPFS, target: "/t", size: 67_108_864, mode: 0o1777, exec: true },
    ],
    ["type=volume,dst=/v", { ...VOLUME, target: "/v" }],
    ["type=image,src=i,dst=/i", { kind: "image", image: "i", target: "/i", readonly: true }],
    [
      "type=image,src=i:1,dst=/i,rw,image-subpath=a/b",
      { kind: "image", image: "i:1", target: "/i", readonly: false, subpath: "a/b" },
    ],
    [
      "src=vv,dst=/v,volume-subpath=a,U",
      { ...VOLUME, name: "vv", target: "/v", copyUp: false, subpath: "a", chown: true },
    ],
    ["type=bind,src=/a,dst=/b,relabel=shared,chown=true", { ...bind, source: "/a", target: "/b", chown: true }],
    ["type=tmpfs,dst=/t,tmpcopyup,noatime", { ...TMPFS, target: "/t", exec: true, copyUp: true }],
    ["dst=/v,volume-nocopy,ro", { ...VOLUME, target: "/v", copyUp: false, readonly: true }],
  ] as [string, MountRequest][])("%j", (text, expected) => {
    expect(parseMountFlag(text, HERE)).toEqual(expected);
  });

  test.each([
    ["", "usage: EOF"],
    ["foo", "usage: invalid field 'foo' must be a key=value pair"],
    ["type=bind,src=/a,dst=/b,", "usage: invalid field '' must be a key=value pair"],
    ["type=bind", "usage: target is required"],
    ["type=bind,source=/a", "usage: target is required"],
    ["type=,src=/a,dst=/b", "usage: type is required"],
    ["type=bind,dst=/b", 'usage: invalid mount config for type "bind": field Source must not be empty'],
    [
      "type=bind,src=a,dst=/b",
      `usage: invalid mount config for type "bind": invalid mount path: 'a' mount path must be absolute`,
    ],
    [
      "type=bind,src=/a,dst=b",
      `usage: invalid mount config for type "bind": invalid mount path: 'b' mount path must be absolute`,
    ],
    [
      "type=bind,src=/a,dst=/",
      `usage: invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    ],
    ["type=bind,src=/a,dst=/b,foo=1", "usage: unexpected key 'foo' in 'foo=1'"],
    ["type=bind,src=/a,dst=/b,constructor=1", "usage: unexpected key 'constructor' in 'constructor=1'"],
    [" type=bind,src=/a,dst=/b", "usage: unexpected key ' type' in ' type=bind'"],
    ["type=bind,src=/a,dst=/b,readonly=maybe", "usage: invalid value for readonly: maybe"],
    ["type=bind,src=/a,dst=/b,readonly=", "usage: invalid value for readonly: "],
    ["type=tmpfs,dst=/t,tmpfs-size=abc", "usage: invalid value for tmpfs-size: abc"],
    ["type=tmpfs,dst=/t,tmpfs-mode=9", "usage: invalid value for tmpfs-mode: 9"],
    ["type=tmpfs,src=/a,dst=/t", 'usage: invalid mount config for type "tmpfs": field Source must not be specified'],
    ["type=bind,src=/a,dst=/b,tmpfs-size=1m", "usage: cannot mix 'tmpfs-*' options with mount type 'bind'"],
    ["type=bind,src=/a,dst=/b,volume-nocopy", "usage: cannot mix 'volume-*' options with mount type 'bind'"],
    ["type=tmpfs,dst=/b,bind-propagation=shared", "usage: cannot mix 'bind-*' options with mount type 'tmpfs'"],
    [
      "type=bind,src=/a,dst=/b,bind-propagation=rshared",
      'unsupported: mount propagation "rshared" cannot be had without root',
    ],
    [
      "type=bind,src=/a,dst=/b,bind-propagation=foo",
      'usage: invalid mount config for type "bind": invalid propagation mode: foo',
    ],
    [
      "type=bind,src=/a,dst=/b,bind-recursive=foo",
      'usage: invalid value for bind-recursive: foo (must be "enabled", "disabled", "writable", or "readonly")',
    ],
    [
      "type=bind,src=/a,dst=/b,bind-recursive=writable",
      "usage: option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction",
    ],
    ['type=bind,src="/a,b",dst=/b', 'usage: parse error on line 1, column 15: bare " in non-quoted-field'],
    ['type=bind,"src=/a', 'usage: parse error on line 1, column 18: extraneous or missing " in quoted-field'],
    ["type=foo,dst=/b", 'usage: invalid mount config for type "foo": mount type unknown: "foo"'],
    ["type=image,dst=/b", 'usage: invalid mount config for type "image": field Source must not be empty'],
    ["type=devpts,dst=/b", 'unsupported: mounts of type "devpts" are not supported'],
    ["type=bind,src=/a,dst=/b,volume-subpath=x", "usage: cannot mix 'volume-*' options with mount type 'bind'"],
    [
      "type=volume,src=vv,dst=/b,volume-subpath=/x",
      'usage: invalid mount config for type "volume": subpath must be a relative path within the volume',
    ],
    [
      "type=volume,src=d,dst=/b",
      "usage: volume name is too short, names should be at least two alphanumeric characters",
    ],
    ["type=volume,dst=/b,volume-driver=x", 'unsupported: the mount option "volume-driver" is not supported yet'],
    ["type=bind,src=/a,dst=/b,U=maybe", "usage: invalid value for u: maybe"],
  ])("%j is refused", (text, expected) => {
    expect(complaint(() => parseMountFlag(text, HERE))).toBe(expected);
  });
});

describe("--tmpfs", () => {
  test.each([
    ["/t", { ...TMPFS, target: "/t" }],
    ["/t:", { ...TMPFS, target: "/t" }],
    ["/t:uid=7,gid=8,tmpcopyup", { ...TMPFS, target: "/t", uid: 7, gid: 8, copyUp: true }],
    ["/t:rw,noexec,nosuid,nodev,size=64m", { ...TMPFS, target: "/t", size: 67_108_864 }],
    [
      "/t:size=65536k,mode=1770,exec,ro",
      { ...TMPFS, target: "/t", size: 67_108_864, mode: 0o1770, exec: true, readonly: true },
    ],
    ["/t:size=1.5g", { ...TMPFS, target: "/t", size: 1_610_612_736 }],
    ["/t:size=100", { ...TMPFS, target: "/t", size: 100 }],
  ] as [string, MountRequest][])("%j", (text, expected) => {
    expect(parseTmpfsFlag(text)).toEqual(expected);
  });

  test.each([
    ["", "usage: invalid tmpfs specification: '': invalid mount path: '' mount path must be absolute"],
    ["t", "usage: invalid tmpfs specification: 't': invalid mount path: 't' mount path must be absolute"],
    ["/", "usage: invalid tmpfs specification: '/': invalid specification: destination can't be '/'"],
    ["/t:foo", 'usage: invalid tmpfs option ["foo"]'],
    ["/t:size=x", 'usage: invalid tmpfs option ["size=x"]'],
    ["/t:mode=8", 'usage: invalid tmpfs option ["mode=8"]'],
    ["/t:uid=x", 'usage: invalid tmpfs option ["uid=x"]'],
    ["/t:suid", 'unsupported: the tmpfs option "suid" is not supported yet'],
    ["/t:size=50%", `unsupported: the tmpfs option "size=50%" is not supported: it is a share of the host's memory`],
  ])("%j is refused", (text, expected) => {
    expect(complaint(() => parseTmpfsFlag(text))).toBe(expected);
  });
});

test("two mounts on one place are refused", () => {
  const mounts = ["/a:/x", "/b:/y", "/c:/x/"].map((text) => parseVolumeFlag(text, HERE));
  expect(() => ensureDistinctTargets(mounts)).toThrow("duplicate mount point: /x");
  expect(() => ensureDistinctTargets(mounts.slice(0, 2))).not.toThrow();
});

test("whatever is given, it is a mount with a clean absolute target, or refused by us", () => {
  const parsers = [
    (text: string) => parseVolumeFlag(text, HERE),
    (text: string) => parseMountFlag(text, HERE),
    parseTmpfsFlag,
  ];
  const words = fc.oneof(
    fc.string({ unit: "binary" }),
    fc
      .array(fc.constantFrom("/", "a", "..", ":", ",", "=", '"', "type=bind", "dst=", "src=", "ro", "size="))
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(words, fc.constantFrom(...parsers), (text, parse) => {
      try {
        const { target } = parse(text);
        expect(target).toMatch(/^\/[^]+$/);
        expect(target.split("/")).not.toContain("..");
      } catch (error) {
        expect(error).toBeInstanceOf(BunkerError);
      }
    }),
  );
});

test.each([
  ["a", { container: "a", readonly: false }],
  ["a:rw,z", { container: "a", readonly: false }],
  ["a:ro", { container: "a", readonly: true }],
])("--volumes-from %j", (text, expected) => {
  expect(parseVolumesFrom(text)).toEqual(expected);
});

test.each([
  ["", 'usage: invalid volumes-from specification: ""'],
  [":ro", 'usage: invalid volumes-from specification: ":ro"'],
  ["a:", "usage: invalid mode: "],
  ["a:nocopy", "usage: invalid mode: nocopy"],
  ["a:rslave", "usage: invalid mode: rslave"],
  ["a:U", "usage: invalid mode: U"],
])("--volumes-from %j is refused", (text, expected) => {
  expect(complaint(() => parseVolumesFrom(text))).toBe(expected);
});

test.each([
  ["/dev/kvm", { source: "/dev/kvm", target: "/dev/kvm" }],
  ["/dev/kvm:rwm", { source: "/dev/kvm", target: "/dev/kvm" }],
  ["/dev/a:/dev/b", { source: "/dev/a", target: "/dev/b" }],
  ["/dev/a:/dev/b:rw", { source: "/dev/a", target: "/dev/b" }],
])("--device %j", (text, expected) => {
  expect(parseDeviceFlag(text)).toEqual(expected);
});

test.each([
  ["", "usage: bad format for path: "],
  [":/dev/b", "usage: bad format for path: :/dev/b"],
  ["/a:/b:rw:x", "usage: bad format for path: /a:/b:rw:x"],
  ["/a:/b:rr", "usage: bad mode specified: rr"],
  ["/a:/b:", "usage: bad mode specified: "],
  ["/a:rwx", "usage: rwx is not an absolute path"],
  ["dev", "usage: dev is not an absolute path"],
  ["/a:r", 'unsupported: device mode "r" cannot be had without root'],
  ["vendor.com/class=name", 'unsupported: device "vendor.com/class=name": CDI devices are not supported yet'],
])("--device %j is refused", (text, expected) => {
  expect(complaint(() => parseDeviceFlag(text))).toBe(expected);
});
