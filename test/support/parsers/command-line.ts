// Words of a command line: flags, and the values of flags.

import { parseDetachKeys } from "../../../src/cli/detach-keys.ts";
import { parseEnvironmentWord, parseLabelWord } from "../../../src/cli/environment.ts";
import { parseFilterWord } from "../../../src/cli/filter.ts";
import {
  parseExtraHost,
  parseNameServer,
  parseResolverOption,
  parseSearchDomain,
} from "../../../src/cli/name-flags.ts";
import { processTable } from "../../../src/cli/process-row.ts";
import { parseBoolean, parseDecimal, parseInteger, quote } from "../../../src/cli/strconv.ts";
import { parseDuration, parseTime, parseTimestamp } from "../../../src/cli/time.ts";
import { parseUlimit } from "../../../src/cli/ulimit.ts";
import { VERBS } from "../../../src/cli/verbs.ts";
import { parseUserns } from "../../../src/cli/userns-flag.ts";
import { parseMapLine } from "../../../src/container/index.ts";
import { ensure, parser } from "../parsers.ts";

const NOW = new Date("2026-11-25T12:00:00Z");
const { verb: run } = await (VERBS["run"] as (typeof VERBS)[string]).load();
/** Nothing that would break a line of a file or steer a terminal. */
const ONE_LINE = /^[^\s\0-\x1f\x7f]+$/;

export const PARSERS = [
  parser({
    name: "words of run",
    parse: (text) => run.parse(text.split(" ")),
    seeds: [
      "--rm -it --name web -e A=1 --env=B=2 -v /a:/b busybox sh -c x",
      "-ditlA=1 --mount type=tmpfs,target=/t --ulimit nofile=1:2 --cap-add=all -- busybox",
      "--rm=false -u=1:2 -w / --stop-timeout 0x10 --add-host a:1.2.3.4 --tmpfs /t:ro x --rm",
      "-h name --dns 1.1.1.1 --expose 80-90/udp --shm-size 1g --label a=b --help",
    ],
    check: ({ positionals }, text) =>
      ensure(text.split(" ").join(" ").endsWith(positionals.join(" ")), "what follows the flags, untouched"),
  }),
  parser({
    name: "-e",
    parse: parseEnvironmentWord,
    seeds: ["A=1", "A", "=x", ""],
    check: (word) => ensure(/^[^=]/.test(word), "a name"),
  }),
  parser({
    name: "--label",
    parse: parseLabelWord,
    seeds: ["a=b", "a", " a=b", "a b=c", "=x"],
    check: ([key]) => ensure(key !== "" && !/[ \t]/.test(key), "a key without spaces"),
  }),
  parser({ name: "--filter", parse: parseFilterWord, seeds: ["status=exited", " Label = a=b ", "", "x"] }),
  parser({
    name: "--ulimit",
    parse: parseUlimit,
    seeds: ["nofile=1024:2048", "core=-1", "nproc=5", "x=1", "nofile=9:5"],
    check: ({ soft, hard }) => ensure(hard === -1 || (soft !== -1 && soft <= hard), "soft up to hard"),
  }),
  parser({ name: "--detach-keys", parse: parseDetachKeys, seeds: ["ctrl-p,ctrl-q", "a", "ctrl-[,x", ",", ""] }),
  parser({
    name: "--add-host",
    parse: parseExtraHost,
    seeds: ["a:1.2.3.4", "a=::1", "a:[::1]", "a:host-gateway", "a b:1.2.3.4", "a\u001a:::1"],
    check: (host) => ensure(ONE_LINE.test(host), "a line of /etc/hosts"),
  }),
  parser({
    name: "--dns",
    parse: parseNameServer,
    seeds: ["1.1.1.1", " ::1 ", "1.1.1", "fe80::1%eth0"],
    check: (server) => ensure(ONE_LINE.test(server), "a line of resolv.conf"),
  }),
  parser({
    name: "--dns-search",
    parse: parseSearchDomain,
    seeds: ["a.b", ".", " x ", "-", "a..b"],
    check: (domain) => ensure(ONE_LINE.test(domain), "a word of resolv.conf"),
  }),
  parser({
    name: "--dns-option",
    parse: parseResolverOption,
    seeds: ["ndots:2", "rotate", "a b"],
    check: (option) => ensure(ONE_LINE.test(option), "a word of resolv.conf"),
  }),
  parser({
    name: "options of ps",
    parse: (text) => processTable(text.split(" "), [], NOW),
    seeds: ["-ef", "aux", "-o pid,comm", "-eo pid=,args=X", "-o"],
  }),
  parser({ name: "boolean", parse: parseBoolean, seeds: ["true", "F", "1", "yes"] }),
  parser({
    name: "integer",
    parse: parseInteger,
    seeds: ["0x1f", "-1_000", "0o17", "0b11", "017", "9223372036854775808", "+5"],
    check: (value) => ensure(Number.isInteger(value), "a whole number"),
  }),
  parser({
    name: "decimal",
    parse: parseDecimal,
    seeds: ["10", "-1", "+07", "1e3", "99999999999999999999"],
    check: (value) => ensure(Number.isInteger(value), "a whole number"),
  }),
  parser({
    name: "duration",
    parse: parseDuration,
    seeds: ["1h2m3.5s", "-10ms", "0", ".5h", "1µs", "5", `${"9999999h".repeat(11)}9`],
    check: (value) => ensure(Number.isFinite(value), "a length of time"),
  }),
  parser({
    name: "time",
    parse: (text) => parseTime(text, NOW),
    seeds: ["2026-01-02T15:04:05.123456789Z", "2026-01-02", "1700000000.5", "10m", "2026-13-45T99:00+25:00"],
    check: (time) => ensure(/^\d{4}-/.test(time.toISOString()), "a time with a year of four digits"),
  }),
  parser({
    name: "timestamp",
    parse: (text) => parseTimestamp(text, NOW),
    seeds: [
      "2026-01-02T15:04:05.123456789Z",
      "2026-01-02T15",
      "1700000000.123456789",
      "99999999999999",
      "1h",
      "99999999h",
      "0000-01-01",
    ],
    check: (time) => ensure(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(time), "a log's time"),
  }),
  parser({
    name: "--uidmap",
    parse: (text) => parseMapLine(text, "--uidmap"),
    seeds: ["0:1:1000", "+ug1000:@1000", "u0:0", "0:1:0", "4294967294:0:1", "0:4294967295:4294967295", "0:1:2:3"],
    check: ({ inside, outside, size, uid, gid }) => {
      ensure(size > 0 && inside + size < 2 ** 32 - 1 && outside + size < 2 ** 32 - 1, "ids that there are");
      ensure(uid || gid, "some kind of ids");
    },
  }),
  parser({
    name: "--userns",
    parse: (text) => parseUserns(text, { uid: 1000, gid: 1000 }),
    seeds: [
      "auto:size=7,uidmapping=5:0:1,gidmapping=0:@1000:1",
      "keep-id:uid=7,gid=8",
      "nomap",
      "host",
      "auto:",
      "auto:size=0",
    ],
  }),
  parser({
    name: "quoting",
    parse: quote,
    seeds: ['a"b', "\u001b[31m", "\u202e", "\ud800", "é\n"],
    check: (quoted) => ensure(/^"[^\p{Cc}\p{Cf}]*"$/u.test(quoted), "nothing that cannot be seen"),
  }),
];
