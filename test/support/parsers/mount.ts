// What is mounted, and how much of it: -v, --mount, --tmpfs, sizes, the paths of cp.

import {
  type MountRequest,
  parseBytes,
  parseCopyPath,
  parseMountFlag,
  parseTmpfsFlag,
  parseVolumeFlag,
} from "../../../src/volume/index.ts";
import { parseCsvLine } from "../../../src/volume/csv.ts";
import { ensure, parser } from "../parsers.ts";

const HERE = "/here";

function check(request: MountRequest): void {
  const { target } = request;
  ensure(target.startsWith("/") && target !== "/", "an absolute place below the root");
  ensure(!target.split("/").includes(".."), "a place that does not climb");
  if (request.kind === "bind") ensure(request.source.startsWith("/"), "an absolute source");
  if (request.kind === "volume" && request.name !== null) {
    ensure(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(request.name), "a volume's name that is no path");
  }
  if (request.kind === "tmpfs") {
    const { size, mode } = request;
    ensure(size === null || (Number.isSafeInteger(size) && size >= 0), "a size");
    ensure(mode === null || (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777), "a mode");
  }
}

export const PARSERS = [
  parser({
    name: "-v",
    parse: (text) => parseVolumeFlag(text, HERE),
    seeds: ["/a:/b", "name:/b:ro", "/b", "./a:/b:rw,z", "~/a:/b", "/a:/b:rslave,ro", "a:/../b", "/a:/b:nocopy"],
    check,
  }),
  parser({
    name: "--mount",
    parse: (text) => parseMountFlag(text, HERE),
    seeds: [
      "type=bind,source=/a,target=/b,readonly",
      'type=volume,"src=a",dst=/b,volume-nocopy',
      "type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1777",
      "type=bind,src=.,dst=/b,bind-propagation=rslave,bind-recursive=disabled",
    ],
    check,
  }),
  parser({
    name: "--tmpfs",
    parse: parseTmpfsFlag,
    seeds: ["/t", "/t:size=64m,mode=1777,exec", "/t:ro,noexec,nosuid", "/t:size=50%"],
    check,
  }),
  parser({
    name: "comma-separated values",
    parse: parseCsvLine,
    seeds: ["a,b", '"a,b",c', '"a""b"', '"', 'a"b', ","],
    check(fields, text) {
      const quoted = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
      ensure(Bun.deepEquals(parseCsvLine(quoted), fields), `the fields of ${text}, quoted, are the same`);
    },
  }),
  parser({
    name: "size",
    parse: parseBytes,
    seeds: ["64m", "1.5g", "10KiB", "0", "9007199254740993", "1e3", ".5k", "1 MB"],
    check: (size) => ensure(size === null || (Number.isSafeInteger(size) && size >= 0), "a size"),
  }),
  parser({
    name: "path of cp",
    parse: (text) => parseCopyPath(text, HERE),
    seeds: ["web:/etc", "./a:b", "/a", "-", "web:", "a/b:c"],
  }),
];
