// Real root: the engine runs as the first of root's subordinate ids, and so do containers.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";

const it = requires("root", "bunker", "userns", "cgroup2");
const usable = it === test;
const FIRST = 3_000_000;
const NONE = "--network=none";

let env: TestEnv;
beforeAll(async () => {
  if (usable) env = await TestEnv.create({ user: "root" });
});
afterAll(async () => {
  if (usable) await env[Symbol.asyncDispose]();
});

/** Something of the host's own, replaced in this test's mounts alone. */
function onHost(script: string): string {
  const done = Bun.spawnSync(env.host.enter(["sh", "-ec", script], "/"));
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return done.stdout.toString().trim();
}

describe("root", () => {
  it("without subordinate ids is told which line to add", async () => {
    const none = join(env.host.base, "none");
    writeFileSync(none, "");
    onHost(`mount --bind ${none} /etc/subuid`);
    const said = await env.fails(["run", "--rm", NONE, "hello"], 125);
    expect(said).toContain("root has no subordinate ids");
    expect(said).toContain("echo root:100000:65536 >> /etc/subuid");
    onHost("umount /etc/subuid");
  });

  it("runs containers that are nobody's on the host", async () => {
    const [ids, lib] = [join(env.host.base, "ids"), join(env.host.base, "lib")];
    writeFileSync(ids, `root:${FIRST}:65536\n`);
    onHost(
      `mount --bind ${ids} /etc/subuid; mount --bind ${ids} /etc/subgid; mkdir -p ${lib}; mount --bind ${lib} /var/lib`,
    );
    chmodSync(env.host.base, 0o755);
    expect(await env.ok(["run", "--rm", NONE, "hello"])).toContain("Hello from inside a container!");
    expect(statSync(join(lib, "bunker")).uid).toBe(FIRST);
    expect(statSync(join(lib, "bunker")).mode & 0o777).toBe(0o700);
    await env.ok(["run", "-d", "--name=c", NONE, "hello"]);
    await env.ok(["wait", "c"]);
    expect(await env.ok(["logs", "c"])).toContain("user 0, process 1");
    // Nothing of root's alone is open to it.
    onHost("mkdir -m 700 /tmp/roots; echo secret > /tmp/roots/file");
    const refused = await env.fails(["run", "--rm", NONE, "-v", "/tmp/roots/file:/x", "hello"], 125);
    expect(refused).toContain("/tmp/roots/file");
    onHost("rm -r /tmp/roots");
    await env.ok(["rm", "c"]);
    const facts = await env.ok(["info", "--format", "{{.SecurityOptions}} {{.DockerRootDir}}"]);
    expect(facts).toContain("/var/lib/bunker");
  });

  it("never takes over a directory that is somebody's", async () => {
    onHost("mkdir -p /var/lib/theirs; touch /var/lib/theirs/file");
    expect(await env.fails(["--root", "/var/lib/theirs", "ps"], 1)).toContain("is not that of root's subordinate id");
    expect(onHost("stat -c %u /var/lib/theirs")).toBe("0");
    onHost(`mkdir -p /var/lib/open; chmod 777 /var/lib/open`);
    await env.fails(["--root", "/var/lib/open/home", "ps"], 1);
    expect(await env.ok(["--root", "/var/lib/other", "ps", "-aq"])).toBe("");
    expect(onHost("stat -c %u /var/lib/other")).toBe(String(FIRST));
  });
});
