// -e, --env-file, --label, --ulimit, --security-opt, --detach-keys: docker's grammar and complaints.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseDetachKeys } from "../../../src/cli/detach-keys.ts";
import {
  collectEnvironment,
  parseEnvironmentFile,
  parseEnvironmentWord,
  parseLabelWord,
} from "../../../src/cli/environment.ts";
import { parseSecurityOptions } from "../../../src/cli/security-option.ts";
import { parseUlimit } from "../../../src/cli/ulimit.ts";
import { BunkerError } from "../../../src/errors.ts";

const directory = mkdtempSync(`${tmpdir()}/bunker-cli-`);
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = `${directory}/${name}`;
  writeFileSync(path, content);
  return path;
}

const HOST = { HOME: "/home/a", EMPTY: "" };

describe("the environment", () => {
  test("is files, then words, in order; bare names take the host's values", () => {
    const path = file("env", "A=1\n# comment\n\nHOME\nNOT_THERE\n  B=2 3 \nC=\r\n");
    expect(collectEnvironment([path], ["D=4", "HOME", "EMPTY", "GONE", "E="], HOST)).toEqual([
      "A=1",
      "HOME=/home/a",
      "B=2 3 ",
      "C=",
      "D=4",
      "HOME=/home/a",
      "EMPTY=",
      "GONE",
      "E=",
    ]);
  });

  test("never takes what only a prototype has", () => {
    expect(collectEnvironment([], ["constructor"], HOST)).toEqual(["constructor"]);
    expect(parseEnvironmentFile("toString", HOST)).toEqual([]);
  });

  test.each([
    ["=x", "no variable name on line '=x'"],
    ["A B=1", "variable 'A B' contains whitespaces"],
    ["export A=1", "variable 'export A' contains whitespaces"],
  ])("a file with %j is refused", (text, expected) => {
    const path = file("bad", text);
    expect(() => collectEnvironment([path], [], HOST)).toThrow(`invalid env file (${path}): ${expected}`);
  });

  test("a byte order mark is no part of a name", () => {
    expect(collectEnvironment([file("bom", "\ufeffA=1")], [], HOST)).toEqual(["A=1"]);
  });

  test("a file that is not UTF-8 is refused", () => {
    expect(() => collectEnvironment([file("binary", new Uint8Array([0xff, 0xfe]))], [], HOST)).toThrow("not UTF-8");
  });

  test("a file without end is refused", () => {
    expect(() => collectEnvironment(["/dev/zero"], [], HOST)).toThrow("read /dev/zero: larger than");
  });

  test.each([
    [`${directory}/nope`, "no such file or directory"],
    [directory, "is a directory"],
  ])("%s: %s", (path, reason) => {
    expect(() => collectEnvironment([path], [], HOST)).toThrow(`${path}: ${reason}`);
  });

  test.each(["", "=", "=a"])("%j is no variable", (word) => {
    expect(() => parseEnvironmentWord(word)).toThrow(`invalid environment variable: ${word}`);
  });
});

describe("labels", () => {
  test.each([
    ["a=b", ["a", "b"]],
    ["a", ["a", ""]],
    ["a=b=c", ["a", "b=c"]],
    ["com.x/y=", ["com.x/y", ""]],
  ])("%j", (word, expected) => {
    expect(parseLabelWord(word)).toEqual(expected as [string, string]);
  });

  test.each([
    ["", "invalid label '': empty name"],
    ["=a", "invalid label '=a': empty name"],
    ["a b=c", "label 'a b' contains whitespaces"],
  ])("%j is none", (word, expected) => {
    expect(() => parseLabelWord(word)).toThrow(expected);
  });
});

describe("ulimits", () => {
  test.each([
    ["nofile=1024", { name: "nofile", soft: 1024, hard: 1024 }],
    ["nofile=1024:2048", { name: "nofile", soft: 1024, hard: 2048 }],
    ["core=-1", { name: "core", soft: -1, hard: -1 }],
    ["core=0:-1", { name: "core", soft: 0, hard: -1 }],
  ])("%j", (text, expected) => {
    expect(parseUlimit(text)).toEqual(expected);
  });

  test.each([
    ["foo", "invalid ulimit argument: foo"],
    ["foo=1", "invalid ulimit type: foo"],
    ["NOFILE=1", "invalid ulimit type: NOFILE"],
    ["nofile=a", 'strconv.ParseInt: parsing "a": invalid syntax'],
    ["nofile=", 'strconv.ParseInt: parsing "": invalid syntax'],
    ["nofile=:1", 'strconv.ParseInt: parsing "": invalid syntax'],
    ["nofile=2:1", "ulimit soft limit must be less than or equal to hard limit: 2 > 1"],
    ["nofile=-1:1", "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 1"],
    ["nofile=1:2:3", "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"],
  ])("%j is none", (text, expected) => {
    expect(() => parseUlimit(text)).toThrow(expected);
  });
});

describe("security options", () => {
  test.each([
    [[], { noNewPrivileges: false, seccomp: "default" }],
    [["no-new-privileges"], { noNewPrivileges: true, seccomp: "default" }],
    [["no-new-privileges=true"], { noNewPrivileges: true, seccomp: "default" }],
    [["no-new-privileges:true"], { noNewPrivileges: true, seccomp: "default" }],
    [["no-new-privileges", "no-new-privileges=false"], { noNewPrivileges: false, seccomp: "default" }],
    [["seccomp=unconfined"], { noNewPrivileges: false, seccomp: "unconfined" }],
    [["seccomp:unconfined"], { noNewPrivileges: false, seccomp: "unconfined" }],
    [["seccomp=builtin"], { noNewPrivileges: false, seccomp: "default" }],
  ])("%j", (words, expected) => {
    expect(parseSecurityOptions(words)).toEqual(expected as ReturnType<typeof parseSecurityOptions>);
  });

  test.each([
    [["label=disable", "apparmor:unconfined"], { words: ["label=disable", "apparmor=unconfined"] }],
    [["systempaths=unconfined"], { unmasked: ["ALL"] }],
    [["unmask=all"], { words: ["unmask=all"], unmasked: ["ALL"] }],
    [
      ["unmask=/proc/*:/sys/firmware"],
      { words: ["unmask=/proc/*:/sys/firmware"], unmasked: ["/proc/*", "/sys/firmware"] },
    ],
    [["mask=/a:/b", "mask=/c"], { words: ["mask=/a:/b", "mask=/c"], masked: ["/a", "/b", "/c"] }],
    [["proc-opts=hidepid=2,gid=7"], { words: ["proc-opts=hidepid=2,gid=7"], procOptions: ["hidepid=2", "gid=7"] }],
  ])("%j confine", (words, expected) => {
    const none = { words: [], masked: [], unmasked: [], procOptions: [] };
    expect(parseSecurityOptions(words).confinement).toEqual({ ...none, ...expected });
  });

  test("a profile is read from its file", () => {
    const path = file("profile.json", '{"defaultAction":"SCMP_ACT_ALLOW"}');
    expect(parseSecurityOptions([`seccomp=${path}`]).seccomp).toEqual({ profile: { defaultAction: "SCMP_ACT_ALLOW" } });
  });

  test.each([
    ["foo", 'invalid --security-opt: "foo"'],
    ["foo=bar", 'invalid --security-opt: "foo=bar"'],
    ["seccomp", 'invalid --security-opt: "seccomp"'],
    ["no-new-privileges=maybe", 'invalid --security-opt: "no-new-privileges=maybe"'],
    ["apparmor=x", "--security-opt apparmor=x is not supported: containers get no AppArmor profiles"],
    ["label:type:x", "--security-opt label=type:x is not supported: containers get no SELinux labels"],
    ["writable-cgroups=true", "--security-opt writable-cgroups is not supported yet"],
    ["systempaths=x", 'invalid --security-opt: "systempaths=x"'],
    ["mask", 'invalid --security-opt: "mask"'],
    ["mask=", 'path "" is not an absolute path'],
    ["mask=/a:b", 'path "b" is not an absolute path'],
    ["unmask=all:/proc/kcore", 'path "all" is not an absolute path'],
    ["proc-opts=hidepid=3", "invalid --security-opt: proc-opts=hidepid=3"],
    ["proc-opts=subset=pid", "invalid --security-opt: proc-opts=subset=pid"],
    ["seccomp=/nope.json", "opening seccomp profile (/nope.json) failed: open /nope.json: no such file or directory"],
    ["seccomp=/etc/passwd", "reading seccomp profile (/etc/passwd) failed: it is not JSON"],
  ])("%j is refused", (word, expected) => {
    expect(() => parseSecurityOptions([word])).toThrow(expected);
  });
});

describe("detach keys", () => {
  test.each([
    [null, "ctrl-p,ctrl-q"],
    ["", ""],
    ["ctrl-a", "ctrl-a"],
    ["ctrl-@,q,ctrl-]", "ctrl-@,q,ctrl-]"],
  ])("%j", (text, expected) => {
    expect(parseDetachKeys(text)).toBe(expected);
  });

  test.each(["foo", "ctrl-", "ctrl-1", "a,,b", "\u001b"])("%j are none", (text) => {
    expect(() => parseDetachKeys(text)).toThrow(BunkerError);
  });
});
