// The probe on this very machine, as the test user, and the comparison of what it says.

import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { TestEnv } from "./environment.ts";
import { requires } from "./guards.ts";
import { comparePostures, type Posture, readPosture } from "./posture.ts";
import { compareStrength } from "./posture-strength.ts";

const PROBE = resolve(import.meta.dir, "../../dist/test/probe");

async function probeHost(prefix: string[] = []): Promise<Posture> {
  await using env = await TestEnv.create({ program: "/bin/true" });
  copyFileSync(PROBE, join(env.home, "probe"));
  const running = env.startOther([...prefix, join(env.home, "probe")]);
  return readPosture((await running.result()).stdout);
}

describe("the posture probe", () => {
  const it = requires("root", "userns", "probe");

  it("tells what an ordinary user may do, the same each time", async () => {
    const posture = await probeHost();
    expect(
      comparePostures(posture, await probeHost()).filter(
        (line) => !/^(process|environment|other|mounts\/\/var\/tmp)\b/.test(line),
      ),
    ).toEqual([]);
    expect(posture).toMatchObject({
      "status/CapEff": "0000000000000000",
      "status/NoNewPrivs": "0",
      "status/Seccomp": "0",
      "namespaces/user": "host",
      "syscalls/0": "EBADF",
      "syscalls/60": "ends",
      "cases/unshare CLONE_NEWUSER": "ok",
      "cases/unshare CLONE_NEWNET": "EPERM",
      "sockets/1": "stream dgram raw seqpacket",
    });
    expect(Object.keys(posture).filter((name) => name.startsWith("syscalls/")).length).toBeGreaterThan(460);
  });

  it("sees that no_new_privs and another user namespace make a difference", async () => {
    const free = await probeHost();
    const bound = await probeHost(["setpriv", "--no-new-privs", "unshare", "--user", "--map-root-user"]);
    const { weaker, stricter } = compareStrength(bound, free);
    expect(stricter).toContain("status/NoNewPrivs");
    expect(stricter).toContain("namespaces/user");
    expect(weaker).toContain("cases/unshare CLONE_NEWNET");
  });
});

describe("comparing postures", () => {
  test("names what differs on either side", () => {
    expect(comparePostures({ a: "1", b: "2" }, { b: "3", c: "4" })).toEqual([
      'a: expected "1", found "nothing"',
      'b: expected "2", found "3"',
      'c: expected "nothing", found "4"',
    ]);
  });

  const cases: [string, Posture, Posture][] = [
    ["syscall mount", { "syscalls/165": "EFAULT" }, { "syscalls/165": "EPERM" }],
    ["cases/x32 getpid", { "cases/x32 getpid": "ok" }, { "cases/x32 getpid": "signal 31" }],
    ["sockets/40", { "sockets/40": "stream" }, { "sockets/40": "EAFNOSUPPORT" }],
    ["CapBnd bit 21", { "status/CapBnd": "200000" }, { "status/CapBnd": "0" }],
    [
      "paths/proc/keys read",
      { "paths/proc/keys": "file read:readable write:-" },
      { "paths/proc/keys": "file read:empty write:-" },
    ],
    ["mounts/proc nosuid", { "mounts/proc": "proc nodev" }, { "mounts/proc": "proc nodev,nosuid" }],
    ["namespaces/net", { "namespaces/net": "host" }, { "namespaces/net": "own" }],
    ["fds/7", { "fds/7": "socket:[]" }, {}],
  ];
  test.each(cases)("knows that %s is weaker one way and stricter the other", (property, weak, strong) => {
    expect(compareStrength(weak, strong)).toEqual({ weaker: [property], stricter: [] });
    expect(compareStrength(strong, weak)).toEqual({ weaker: [], stricter: [property] });
  });
});
