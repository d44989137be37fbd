// A container's processes in the columns of ps.

import { describe, expect, test } from "bun:test";
import { processTable } from "../../../src/cli/process-row.ts";
import type { ProcessFacts } from "../../../src/engine/index.ts";

const NOW = new Date("2026-11-25T12:00:00");
const AN_HOUR_AGO = NOW.getTime() / 1000 - 3600;

const FACTS: ProcessFacts = {
  pid: 42,
  parent: 7,
  insidePid: 2,
  insideParent: 1,
  group: 2,
  uid: 1000,
  gid: 100,
  realUid: 1000,
  realGid: 100,
  hostUid: 100_999,
  hostGid: 100_099,
  nice: 0,
  state: "S",
  seccomp: 2,
  capabilities: { CapEff: "0000000000000000", CapBnd: "0000000000000401", CapPrm: "000001ffffffffff" },
  size: 1000,
  resident: 100,
  startedAt: AN_HOUR_AGO,
  cpu: 2.7,
  share: 3,
  terminal: "pts/0",
  name: "sh",
  words: ["sh", "-c", "a b"],
};

function rows(words: string[], changes: Partial<ProcessFacts> = {}): string[][] {
  return processTable(words, [{ ...FACTS, ...changes }], NOW) ?? [];
}

describe("top's columns", () => {
  test.each([[[]], [["-ef"]], [["-e", "-f"]], [["ef"]]])("%p are those of ps -ef", (words) => {
    expect(rows(words)).toEqual([
      ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
      ["1000", "42", "7", "3", "11:00", "pts/0", "00:00:02", "sh -c a b"],
    ]);
  });

  test.each([
    [
      ["-o", "pid,user,comm"],
      ["PID", "USER", "COMMAND"],
      ["42", "1000", "sh"],
    ],
    [["-opid,uid"], ["PID", "UID"], ["42", "1000"]],
    [
      ["-o", "ppid", "args"],
      ["PPID", "COMMAND"],
      ["7", "sh -c a b"],
    ],
    [
      ["-e", "-o", "c,tty,time"],
      ["C", "TTY", "TIME"],
      ["3", "pts/0", "00:00:02"],
    ],
  ])("are chosen by %p", (words, headings, values) => {
    expect(rows(words)).toEqual([headings, values]);
  });

  test.each<[string, string, Partial<ProcessFacts>, string]>([
    ["root by its name", "user", { uid: 0 }, "root"],
    ["root by its number", "uid", { uid: 0 }, "0"],
    ["one without words by its name", "cmd", { words: [] }, "[sh]"],
    ["no terminal", "tty", { terminal: null }, "?"],
    ["long work", "time", { cpu: 90_061 }, "25:01:01"],
    ["a start of another day", "stime", { startedAt: AN_HOUR_AGO - 3 * 86_400 }, "Nov22"],
  ])("show %s", (_, column, changes, expected) => {
    expect(rows(["-o", column], changes)[1]).toEqual([expected]);
  });

  test.each([
    ["pid ppid hpid huser", ["PID", "PPID", "HPID", "HUSER"], ["2", "1", "42", "100999"]],
    ["pid,user,group", ["PID", "USER", "GROUP"], ["2", "1000", "100"]],
    ["seccomp command args", ["SECCOMP", "COMMAND", "COMMAND"], ["filter", "sh", "sh -c a b"]],
    [
      "capeff capbnd capprm",
      ["EFFECTIVE CAPS", "BOUNDING CAPS", "PERMITTED CAPS"],
      ["none", "CHOWN,NET_BIND_SERVICE", "full"],
    ],
  ])("are podman's descriptors: %s", (words, headings, values) => {
    expect(rows(words.split(" "))).toEqual([headings, values]);
  });

  test.each([
    [["aux"]],
    [["-o", "pid,nosuch"]],
    [["-o"]],
    [["-o", "constructor"]],
    [["pid", "nosuch"]],
    [["pid", "-ww"]],
  ])("%p are for the host's ps", (words) => {
    expect(processTable(words, [FACTS], NOW)).toBeNull();
  });
});
