// Two levels of user namespace: a container's root, given every capability and no filter, has no power over another
// container, over the keepers, over the user's own processes or over the host. It is even shown the host's /proc, which is
// more than any flag of ours would do.

import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { TestEnv } from "../../support/environment.ts";
import { requires } from "../../support/guards.ts";
import { answers, attack, hostileImage } from "../../support/hostile.ts";
import { Invariants } from "../../support/invariants.ts";
import { configurePodman } from "../../support/podman.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";
import { syscallNumber } from "../../support/syscalls.ts";

const it = requires("root", "bunker", "probe", "userns", "subids", "cgroup2");
const besidePodman = requires("root", "bunker", "probe", "userns", "subids", "cgroup2", "podman");

const ALMIGHTY = ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined"];
const SECRET = "victim-5f1c";

let registry: TestRegistry;
let env: TestEnv;
let watch: Invariants;
let image: string;
let victim: string;
let abstractBefore: string[];

beforeAll(async () => {
  registry = startRegistry();
  image = registry.push("hostile", "1", hostileImage());
  env = await TestEnv.create();
  watch = await Invariants.watch(env);
  abstractBefore = abstractNames();
  await env.ok(["pull", "--quiet", image]);
  victim = await env.ok(["run", "-d", "--network", "none", "-e", `SECRET=${SECRET}`, image, "sleep", "600"]);
});

afterAll(async () => {
  await env.ok(["rm", "-f", victim]);
  await watch.check();
  await env.host.close();
  registry.stop();
});

/** Those of the machine's network namespace, where the engine's processes are. */
function abstractNames(): string[] {
  const names = readFileSync(`/proc/${process.pid}/net/unix`, "utf8").matchAll(/ @(\S+)$/gm);
  return [...names].map(([, name = ""]) => name);
}

async function pidOf(container: string): Promise<number> {
  return Number(await env.ok(["inspect", "--format", "{{.State.Pid}}", container]));
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

type Reached = Record<string, Record<string, string>>;

function successes(reached: Reached): string[] {
  return Object.entries(reached).flatMap(([pid, ways]) =>
    Object.entries(ways).flatMap(([way, answer]) => (answer === "ok" ? [`${way} of ${pid}`] : [])),
  );
}

describe("through the host's /proc", () => {
  for (const flags of [[], ALMIGHTY]) {
    const who = flags.length === 0 ? "a default container" : "a container with all capabilities and no filter";

    it(`${who} gets nothing of its neighbour, its keeper and the user's processes`, async () => {
      const own = env.startOther(["sleep", "600"], { environment: { SECRET } });
      const pid = await pidOf(victim);
      const pids = [pid, parentOf(pid), own.pid].map(String);
      const run = ["run", "--rm", "--network", "none", "-v", "/proc:/host", ...flags, image];
      const reached = (await attack(env, run, ["reach", "/host", ...pids])) as Reached;
      own.kill();
      expect(Object.keys(reached).sort()).toEqual(pids.sort());
      expect(Object.values(reached).map((ways) => Object.keys(ways).length)).toEqual([30, 30, 30]);
      expect(successes(reached)).toEqual([]);
    });
  }

  besidePodman("a container of podman's gets a neighbour's memory and namespaces: the attack has teeth", async () => {
    await using beside = await TestEnv.create();
    configurePodman(beside);
    const podman = async (...words: string[]) => {
      const { code, stdout, stderr } = await beside.startOther(["podman", ...words]).result();
      if (code !== 0) throw new Error(stderr);
      return stdout.trim();
    };
    await podman("pull", "--tls-verify=false", image);
    const neighbour = await podman("run", "-d", "--network", "none", image, "sleep", "600");
    const pid = await podman("inspect", "--format", "{{.State.Pid}}", neighbour);
    const run = ["run", "--rm", "--network", "none", "-v", "/proc:/host", ...ALMIGHTY, image];
    const reached = JSON.parse(await podman(...run, "/attack", "reach", "/host", pid)) as Reached;
    expect(successes(reached)).toEqual(expect.arrayContaining([`read environ of ${pid}`, `join mnt of ${pid}`]));
  });
});

describe("a container with all capabilities and no filter", () => {
  it("sees only its own processes", async () => {
    const seen = await env.ok([
      "run",
      "--rm",
      "--network",
      "none",
      ...ALMIGHTY,
      image,
      "sh",
      "-c",
      "ls -d /proc/[0-9]*",
    ]);
    expect(seen.split("\n")).toEqual(["/proc/1", "/proc/2"].slice(0, seen.split("\n").length));
  });

  it("has no power over the machine", async () => {
    const refused = [
      "mknod s:/tmp/disk 0x61b6 0x0800",
      "mknod s:/tmp/memory 0x21b6 0x0101",
      "mount s:/dev/vda s:/tmp s:ext4 0 0",
      "open_by_handle_at -100 0 0",
      "kexec_load 0 0 0 0",
      "init_module 0 0 s:",
      "finit_module -1 s: 0",
      "delete_module s:overlay 0",
      "swapon s:/tmp 0",
      "swapoff s:/tmp",
      "settimeofday s:0000000000000000 0",
      "clock_settime 0 s:0000000000000000",
      "acct s:/tmp",
      "syslog 3 0 0",
      "syslog 5 0 0",
      "perf_event_open 0 -1 0 -1 0",
      "quotactl 0 0 0 0",
      "adjtimex s:0000000000000000000000000000000000000000000000000000000000000000",
      "umount2 s:/ 2",
    ].map((call) => call.replace(/^\S+/, (name) => String(syscallNumber(name))));
    const said = await answers(env, ["run", "--rm", "--network", "none", ...ALMIGHTY, image], refused);
    const through = refused.filter(
      (_, at) => !/^E(PERM|ACCES|NOSYS|FAULT|INVAL|NODEV|NOENT|BADF)$/.test(said[at] ?? ""),
    );
    expect(through).toEqual([]);
  });

  it("writes none of the host's settings", async () => {
    const places = [
      "/proc/sys/kernel/core_pattern",
      "/proc/sys/kernel/modprobe",
      "/proc/sys/kernel/printk",
      "/proc/sys/vm/overcommit_memory",
      "/proc/sys/fs/file-max",
      "/proc/sysrq-trigger",
      "/sys/kernel/uevent_helper",
      "/sys/kernel/mm/ksm/run",
      "/sys/fs/cgroup/cgroup.procs",
      "/proc/1/oom_score_adj",
    ];
    // What is read-only is made writable first, as it may: it is the container's own mount.
    const script = [
      "mount -o remount,rw /proc/sys; mount -o remount,rw /sys; umount /proc/sys; umount /sys/firmware; umount /proc/keys",
      ...places.map((place) => `if (echo -900 > ${place}) 2>/dev/null; then echo WROTE ${place}; fi`),
      "ulimit -n 2000000 2>/dev/null && echo RAISED",
      "ulimit -c unlimited 2>/dev/null && echo CORE",
      "true",
    ].join("\n");
    const said = await env.run(["run", "--rm", "--network", "none", ...ALMIGHTY, image, "sh", "-c", script]);
    expect(said.code).toBe(0);
    // Its own group is its own: what moves there was in it before.
    expect(said.stdout.split("\n").filter((line) => line !== "" && !line.endsWith("cgroup.procs"))).toEqual([]);
  });

  it("finds none of the user's keys", async () => {
    // The engine's own process has a key in its session, as pam_keyinit and kinit leave them.
    const [added] = await hostAnswers([`${syscallNumber("add_key")} s:user s:host-key s:secret 6 -4`]);
    expect(added).toBe("ok");
    const run = ["run", "--rm", "--network", "none", ...ALMIGHTY, image];
    const searches = [-3, -4, -5].map((ring) => `${syscallNumber("keyctl")} 10 ${ring} s:user s:host-key 0`);
    const found = await answers(env, run, [...searches, `${syscallNumber("request_key")} s:user s:host-key 0 0`]);
    expect(found.filter((answer) => answer === "ok")).toEqual([]);
    await hostAnswers([`${syscallNumber("keyctl")} 7 -4 0 0 0`]);
  });
});

/** System calls made by the user on the host. */
async function hostAnswers(calls: string[]): Promise<string[]> {
  const program = join(env.home, "attack");
  writeFileSync(program, readFileSync(join(import.meta.dir, "../../../dist/test/attack")), { mode: 0o755 });
  return JSON.parse((await env.startOther([program, "calls", ...calls]).result()).stdout) as string[];
}

describe("with the host's network", () => {
  it("there is no abstract socket of ours (CVE-2020-15257)", async () => {
    const id = await env.ok(["run", "-d", "-i", "--network", "host", image, "cat"]);
    const exec = env.start(["exec", "-i", id, "cat"], { interactive: true });
    const sockets = (await attack(env, ["exec", id], ["sockets"])) as Record<string, string>;
    expect(Object.keys(sockets).filter((name) => !abstractBefore.includes(name))).toEqual([]);
    await exec.closeStdin();
    await exec.result();
    await env.ok(["rm", "-f", id]);
  });

  it("all capabilities change nothing of the host's network", async () => {
    const script =
      "ip link set lo down; ip addr add 10.99.0.1/32 dev lo; ip link add x type dummy; ip route add 10.98.0.0/16 dev lo";
    const before = readFileSync("/proc/net/dev", "utf8").match(/^\s*\S+:/gm);
    const said = await env.run(["run", "--rm", "--network", "host", ...ALMIGHTY, image, "sh", "-c", script]);
    expect(said.stderr.match(/not permitted/g)?.length).toBe(4);
    expect(readFileSync("/proc/net/dev", "utf8").match(/^\s*\S+:/gm)).toEqual(before);
  });
});
