// Real root: the engine runs as the first of root's subordinate ids, and so do containers.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";
import { makeImage, makeLayer } from "../support/image.ts";
import { startRegistry } from "../support/registry.ts";
import { busyboxWith } from "../support/stage.ts";
import { file } from "../support/tar.ts";

const it = requires("root", "bunker", "userns", "cgroup2");
const usable = it === test;
const FIRST = 3_000_000;
const NONE = "--network=none";

let env: TestEnv;
beforeAll(async () => {
  if (usable) env = await TestEnv.create({ user: "root" });
});
afterAll(async () => {
  if (!usable) return;
  // Beside the environment's own group, as root's is.
  onHost("rmdir /sys/fs/cgroup/bunker/engine /sys/fs/cgroup/bunker || true");
  await env[Symbol.asyncDispose]();
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
    expect(refused).toContain(`root's containers are uid ${FIRST} on the host, who may not go there`);
    expect(refused).toContain(`chown ${FIRST}`);
    onHost("rm -r /tmp/roots");
    await env.ok(["rm", "c"]);
    const facts = await env.ok(["info", "--format", "{{.SecurityOptions}} {{.DockerRootDir}}"]);
    expect(facts).toContain("/var/lib/bunker");
  });

  it("has containers in groups of their own, below one that root hands over", async () => {
    using registry = startRegistry();
    const reference = registry.push("busybox", "latest", await busyboxWith({}));
    await env.ok(["run", "-d", "--quiet", "--name=c", NONE, reference, "sleep", "60"]);
    const pid = await env.ok(["inspect", "--format", "{{.State.Pid}}", "c"]);
    expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toMatch(/^0::\/bunker\/bunker-[0-9a-f]{12}$/m);
    expect(onHost("stat -c %u /sys/fs/cgroup/bunker /sys/fs/cgroup/bunker/cgroup.procs")).toBe(`${FIRST}\n${FIRST}`);
    // What limits the whole tree stays root's.
    expect(onHost("stat -c %u /sys/fs/cgroup/bunker/cgroup.freeze")).toBe("0");
    expect(await env.ok(["info"])).toMatch(/cgroups: \/sys\/fs\/cgroup\/bunker \(/);
    await env.ok(["pause", "c"]);
    expect(await env.ok(["ps", "--format", "{{.Status}}"])).toContain("(Paused)");
    await env.ok(["rm", "-f", "c"]);
    expect(onHost("ls -d /sys/fs/cgroup/bunker/bunker-* 2>/dev/null || true")).toBe("");
  });

  it("pulls with its own logins, which nobody else may read, and which come onto no disk", async () => {
    using registry = startRegistry();
    registry.requireBasic({ ada: "battery" });
    const image = makeImage({ layers: [makeLayer([file("etc/motd", "hello")])] });
    const wanted = registry.push("team/app", "1", image);
    const auths = { [registry.host]: { auth: Buffer.from("ada:battery").toString("base64") } };
    const place = (path: string, content: string) => {
      mkdirSync(dirname(join(env.home, path)), { recursive: true });
      writeFileSync(join(env.home, path), content, { mode: 0o600 });
    };
    chmodSync(env.home, 0o700);
    expect(await env.fails(["pull", "-q", wanted], 1)).toMatch(/denied|unauthorized|login/i);
    const ways: [path: string, environment: Record<string, string>][] = [
      [".docker/config.json", {}],
      ["elsewhere/config.json", { DOCKER_CONFIG: join(env.home, "elsewhere") }],
      [".config/containers/auth.json", {}],
      ["named.json", { REGISTRY_AUTH_FILE: join(env.home, "named.json") }],
    ];
    for (const [path, environment] of ways) {
      place(path, JSON.stringify({ auths, detachKeys: "ctrl-x" }));
      expect([path, await env.ok(["pull", "-q", wanted], { environment })]).toEqual([path, wanted]);
      rmSync(join(env.home, path));
      await env.ok(["rmi", wanted]);
    }
    const found = onHost("grep -rlF YWRhOmJhdHRlcnk= /var/lib/bunker /var/lib/bunker-root || true");
    expect(found).toBe("");
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
