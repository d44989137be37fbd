// The isolation baseline, row by row: what every container must have, whatever image it runs. The posture records say the same
// and more; here each row has a name, so that it is plain what a change would give up.

import { afterAll, beforeAll, describe, expect } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { TestEnv } from "../../support/environment.ts";
import { requires } from "../../support/guards.ts";
import { answers, hostileImage } from "../../support/hostile.ts";
import { Invariants } from "../../support/invariants.ts";
import { parsePosture, type ProbeRecord } from "../../support/posture.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";
import { syscallNumber } from "../../support/syscalls.ts";
import { directory, file } from "../../support/tar.ts";

const it = requires("root", "bunker", "probe", "userns", "subids", "cgroup2");
const withPlainUser = requires("root", "bunker", "probe", "userns", "cgroup2");

/** CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP. */
const ELEVEN = "00000000800405fb";
const NONE = "0000000000000000";
const MASKED = "acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats"
  .split(" ")
  .map((name) => `/proc/${name}`)
  .concat("/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux");
const READ_ONLY = ["bus", "fs", "irq", "sys"].map((name) => `/proc/${name}`);
const DEVICES: Record<string, string> = {
  "/dev/null": "character 1:3 0666",
  "/dev/zero": "character 1:5 0666",
  "/dev/full": "character 1:7 0666",
  "/dev/random": "character 1:8 0666",
  "/dev/urandom": "character 1:9 0666",
  "/dev/tty": "character 5:0 0666",
  "/dev/ptmx": "link pts/ptmx",
  "/dev/pts": "directory 0755",
  "/dev/pts/ptmx": "character 5:2 0666",
  "/dev/shm": "directory 1777",
  "/dev/mqueue": "directory 1777",
  "/dev/fd": "link /proc/self/fd",
  "/dev/stdin": "link /proc/self/fd/0",
  "/dev/stdout": "link /proc/self/fd/1",
  "/dev/stderr": "link /proc/self/fd/2",
};
const DEFAULT_LIMIT = 1_048_576;

let registry: TestRegistry;
let env: TestEnv;
let watch: Invariants;
let image: string;
let record: ProbeRecord;
/** Mount point → options of the mount and of its file system. */
let mounts: Map<string, string[]>;

beforeAll(async () => {
  registry = startRegistry();
  const files = [directory("data", { mode: 0o750 }), file("data/seed", "from the image\n")];
  image = registry.push("hostile", "1", hostileImage({ files, run: { Volumes: { "/data": {} } } }));
  env = await TestEnv.create({ environment: { HOST_SECRET: "host-secret" } });
  watch = await Invariants.watch(env);
  await env.ok(["pull", "--quiet", image]);
  [record, mounts] = await probe([]);
});

afterAll(async () => {
  await watch.check();
  await env.host.close();
  registry.stop();
});

async function probe(flags: string[], options = {}): Promise<[ProbeRecord, Map<string, string[]>]> {
  const words = ["run", "--rm", "--network", "none", ...flags, image, "/probe", ...PARTS];
  const found = parsePosture(await env.ok(words, options));
  return [found, mountsOf(found)];
}

const PARTS =
  "fds status namespaces mounts uidMap gidMap limits environment cwd cgroup oomScoreAdj process sysctls devices paths".split(
    " ",
  );

function mountsOf({ mounts: lines }: ProbeRecord): Map<string, string[]> {
  return new Map(
    lines.map((line) => {
      const [place = "", origin = ""] = line.split(" - ");
      const [, , , , target = "", options = ""] = place.split(" ");
      const [type = "", , superOptions = ""] = origin.split(" ");
      return [target, [type, ...options.split(","), ...superOptions.split(",").map((option) => `super:${option}`)]];
    }),
  );
}

function expectMount(target: string, has: string[], hasNot: string[] = []): void {
  const options = mounts.get(target) ?? [];
  expect({ target, missing: has.filter((option) => !options.includes(option)) }).toEqual({ target, missing: [] });
  expect({ target, extra: hasNot.filter((option) => options.includes(option)) }).toEqual({ target, extra: [] });
}

describe("every container", () => {
  it("has podman's eleven capabilities, none inheritable, none ambient", () => {
    const { CapPrm, CapEff, CapBnd, CapInh, CapAmb } = record.status;
    expect([CapPrm, CapEff, CapBnd, CapInh, CapAmb]).toEqual([ELEVEN, ELEVEN, ELEVEN, NONE, NONE]);
  });

  it("has none for a user that is not root, but keeps the bounding set (CVE-2018-10856)", async () => {
    const [{ status }] = await probe(["--user", "1000"]);
    expect([status["CapPrm"], status["CapEff"], status["CapInh"], status["CapAmb"]]).toEqual([NONE, NONE, NONE, NONE]);
    expect(status["CapBnd"]).toBe(ELEVEN);
  });

  it("has one seccomp filter, and no_new_privs only when asked", () => {
    const { NoNewPrivs, Seccomp, Seccomp_filters: filters } = record.status;
    expect([NoNewPrivs, Seccomp, filters]).toEqual(["0", "2", "1"]);
  });

  it("has the union of docker's and podman's masked paths", () => {
    const visible = MASKED.filter((path) => {
      const found = record.paths[path];
      return found !== undefined && found.kind !== "absent" && found.read !== "empty";
    });
    expect(visible).toEqual([]);
    // Something is really masked here: the test does not pass by absence alone.
    expect(MASKED.filter((path) => mounts.has(path)).length).toBeGreaterThanOrEqual(4);
    for (const path of MASKED.filter((masked) => mounts.has(masked))) expectMount(path, ["ro", "nosuid", "noexec"]);
  });

  it("has the read-only paths, /sys and the cgroup tree read-only", () => {
    for (const path of READ_ONLY) expectMount(path, ["ro", "nosuid", "nodev", "noexec"]);
    expectMount("/proc", ["proc", "nosuid", "nodev", "noexec"]);
    expectMount("/sys", ["sysfs", "ro", "nosuid", "nodev", "noexec"]);
    expectMount("/sys/fs/cgroup", ["cgroup2", "ro", "nosuid", "nodev", "noexec"]);
  });

  it("has exactly the harmless devices, with their own numbers", () => {
    const found = Object.entries(record.devices).map(([path, text]) => [path, text.replace(/ \d+:\d+$/, "")] as const);
    // The last number is the owner but for devices, whose owner follows their mode.
    const plain = found.map(([path, text]) => [path, text.replace(/ (\d+:\d+)$/, "")]);
    expect(Object.fromEntries(plain)).toEqual(DEVICES);
    expectMount("/dev", ["tmpfs", "nosuid", "noexec", "super:mode=755", "super:size=65536k"]);
    for (const [path, text] of Object.entries(DEVICES)) {
      if (text.startsWith("character 1:")) expectMount(path, ["nosuid", "noexec"]);
    }
  });

  it("has terminals, shared memory and message queues of its own", async () => {
    expectMount("/dev/pts", ["devpts", "nosuid", "noexec", "super:mode=620", "super:ptmxmode=666"]);
    expectMount("/dev/shm", ["tmpfs", "nosuid", "nodev", "noexec", "super:size=65536k"]);
    expectMount("/dev/mqueue", ["mqueue", "nosuid", "nodev", "noexec"]);
    const one = await env.ok([
      "run",
      "-d",
      "--rm",
      "--network",
      "none",
      image,
      "sh",
      "-c",
      "touch /dev/shm/a; sleep 60",
    ]);
    expect(await env.ok(["run", "--rm", "--network", "none", image, "ls", "/dev/shm"])).toBe("");
    await env.ok(["rm", "-f", one]);
  });

  it("has all eight namespaces of its own, the user namespace too", async () => {
    const { namespaces } = record;
    expect(Object.keys(namespaces).sort()).toEqual(
      "cgroup ipc mnt net pid pid_for_children time time_for_children user uts".split(" "),
    );
    expect(new Set(Object.values(namespaces)).size).toBe(8);
    // An inode number may be used again once a container is gone: two that live at once.
    const ids = await Promise.all(
      [0, 1].map(() => env.ok(["run", "-d", "--rm", "--network", "none", image, "sleep", "60"])),
    );
    const list = (id: string) =>
      env.ok(["exec", id, "sh", "-c", "for name in /proc/self/ns/*; do readlink $name; done"]);
    const [one = "", other = ""] = await Promise.all(ids.map(list));
    expect(one.split("\n").length).toBe(10);
    expect(one.split("\n").filter((line) => other.split("\n").includes(line))).toEqual([]);
    await env.ok(["rm", "-f", ...ids]);
  });

  it("has root mapped to the user and the rest to his subordinate ids", () => {
    expect(record.uidMap.trim().split(/\s+/)).toEqual(["0", "0", "1", "1", "1", "65536"]);
    expect(record.gidMap.trim().split(/\s+/)).toEqual(["0", "0", "1", "1", "1", "65536"]);
  });

  it("may use any port, and any group may ping", async () => {
    expect(record.sysctls["net/ipv4/ip_unprivileged_port_start"]).toBe("0");
    expect(record.sysctls["net/ipv4/ping_group_range"]).toBe("0\t65536");
    for (const user of ["0", "1000", "65536:65536"]) {
      const run = ["run", "--rm", "--network", "none", "--user", user, image];
      // AF_INET, SOCK_DGRAM, IPPROTO_ICMP.
      expect([user, await answers(env, run, [`${syscallNumber("socket")} 2 2 1`])]).toEqual([user, ["ok"]]);
      const listen = "nc -l -p 80 -e true & sleep 0.1; netstat -ltn | grep -c ':80 '";
      expect([user, await env.ok([...run, "sh", "-c", listen])]).toEqual([user, "1"]);
    }
  });

  it("dumps no core, which the host's core_pattern would handle", () => {
    expect(record.limits["Max core file size"]).toBe("0 0");
  });

  it("has limits on files and processes as today's podman: a million, or the user's own hard ones", async () => {
    const own = (await env.startOther(["cat", "/proc/self/limits"]).result()).stdout;
    const hard = (name: string) => Number(new RegExp(`^${name} +\\S+ +(\\d+)`, "m").exec(own)?.[1] ?? DEFAULT_LIMIT);
    const [files, processes] = [hard("Max open files"), hard("Max processes")];
    const both = (limit = 0) => Array<number>(2).fill(Math.min(limit, DEFAULT_LIMIT)).join(" ");
    expect(record.limits["Max open files"]).toBe(both(files));
    expect(record.limits["Max processes"]).toBe(both(processes));
  });

  it("is in a group of its own, and inspect says what limit is in force", async () => {
    const id = await env.ok(["run", "-d", "--rm", "--network", "none", image, "sleep", "60"]);
    const [pid, limit] = (await env.ok(["inspect", "--format", "{{.State.Pid}} {{.HostConfig.PidsLimit}}", id])).split(
      " ",
    );
    const group = readFileSync(`/proc/${pid}/cgroup`, "utf8")
      .split("\n")
      .find((line) => line.startsWith("0::"));
    expect(group).toEndWith(`/bunker-${id.slice(0, 12)}`);
    const place = env.host.view(`/sys/fs/cgroup${group?.slice("0::".length)}`);
    const inForce = readOr(join(place, "pids.max"), "none").trim();
    expect(limit).toBe(inForce === "2048" ? "2048" : "<nil>");
    // Its view of the tree begins at its own group.
    expect(await env.ok(["exec", id, "cat", "/proc/self/cgroup"])).toMatch(/^0::\/$/m);
    expect(await env.ok(["exec", id, "cat", "/sys/fs/cgroup/cgroup.procs"])).toMatch(/^1$/m);
    await env.ok(["rm", "-f", id]);
  });

  it("has the groups that were asked for and no other, and the engine's own oom score", () => {
    expect([record.status["Groups"], record.oomScoreAdj]).toEqual(["0", "0"]);
  });

  it("has nothing of the caller's environment, and no open file but three", () => {
    expect(record.environment).toEqual(["HOME", "HOSTNAME", "PATH", "container"]);
    expect(Object.keys(record.fds)).toEqual(["0", "1", "2"]);
  });

  it("has a root without devices, and with no_new_privs without setuid", async () => {
    expectMount("/", ["overlay", "nodev"], ["nosuid"]);
    const [, withoutNew] = await probe(["--security-opt", "no-new-privileges"]);
    expect(withoutNew.get("/")).toContain("nosuid");
  });

  it("starts the same whatever the caller's umask", async () => {
    for (const umask of ["000", "077", "777"]) {
      const command = ["sh", "-c", `umask ${umask}; exec "$@"`, "sh", env.program];
      const script = "umask; stat -c '%n %a' /data /new /made /made/deep /etc/hosts /dev/pts /dev/shm /";
      const flags = ["-w", "/made/deep", "--tmpfs", "/new", "-v", `${env.home}:/made/home`];
      const run = ["run", "--rm", "--network", "none", ...flags, image, "sh", "-c", script];
      const { stdout, stderr } = await env.startOther([...command, ...run]).result();
      expect(stderr).toBe("");
      expect(stdout.trim().split("\n")).toEqual([
        "0022",
        "/data 750",
        "/new 1777",
        "/made 755",
        "/made/deep 755",
        "/etc/hosts 644",
        "/dev/pts 755",
        "/dev/shm 1777",
        "/ 755",
      ]);
    }
  });
});

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}

describe("mounts that are asked for", () => {
  it("have neither devices nor setuid, and keep what the source forbids", async () => {
    const source = join(env.home, "bound");
    mkdirSync(source, { recursive: true });
    chownSync(source, env.user.uid, env.user.gid);
    writeFileSync(join(source, "id"), readFileSync("/bin/busybox"));
    chmodSync(join(source, "id"), 0o4755);
    // The environment's /dev/shm is a tmpfs of its own, nosuid and nodev like any.
    const flags = [
      "-v",
      `${source}:/bound`,
      "-v",
      `${source}:/readonly:ro`,
      "--tmpfs",
      "/fast",
      "--tmpfs",
      "/run/x:exec,ro",
    ];
    const [, found] = await probe(flags);
    const options = (target: string) => found.get(target) ?? [];
    expect(options("/bound")).toEqual(expect.arrayContaining(["rw", "nosuid", "nodev"]));
    expect(options("/readonly")).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev"]));
    expect(options("/fast")).toEqual(expect.arrayContaining(["tmpfs", "rw", "nosuid", "nodev", "noexec"]));
    expect(options("/run/x")).toEqual(expect.arrayContaining(["tmpfs", "ro", "nosuid", "nodev"]));
    expect(options("/run/x")).not.toContain("noexec");
    expect(options("/data")).toEqual(expect.arrayContaining(["rw", "nosuid", "nodev"]));
    const who = [
      "run",
      "--rm",
      "--network",
      "none",
      "--user",
      "1000",
      "-v",
      `${source}:/bound`,
      image,
      "/bound/id",
      "-u",
    ];
    expect(await env.ok(who)).toBe("1000");
  });

  it("do not travel back: a mount inside is not seen outside", async () => {
    const source = join(env.home, "shared");
    mkdirSync(source, { recursive: true });
    chownSync(source, env.user.uid, env.user.gid);
    const flags = ["--cap-add", "SYS_ADMIN", "-v", `${source}:/shared:rslave`];
    const script = "mkdir /shared/in && mount -t tmpfs none /shared/in && touch /shared/in/x && ls /shared/in";
    expect(await env.ok(["run", "--rm", "--network", "none", ...flags, image, "sh", "-c", script])).toBe("x");
    expect(readFileSync(`/proc/${env.host.pid}/mountinfo`, "utf8")).not.toContain(`${source}/in`);
  });
});

describe("sysctls", () => {
  it("cannot be smuggled in (CVE-2022-0811)", async () => {
    const values = [
      "kernel.shm_rmid_forced=1+kernel.core_pattern=|/x",
      "net/../kernel/core_pattern=|/x",
      "net/ipv4/../../kernel/core_pattern=|/x",
      "net.ipv4.ping_group_range/../../../kernel/core_pattern=|/x",
      "a.b=1\nc.d=2",
      "net.ipv4.ip_unprivileged_port_start=1\nkernel.core_pattern=|/x",
    ];
    // By us, before anything is made: the kernel need not be asked.
    const said = await Promise.all(
      values.map((value) => env.fails(["run", "--rm", "--sysctl", value, image, "true"], 125)),
    );
    expect(said.filter((text) => !/is not allowed|setting sysctl "kernel\.shm_rmid_forced"/.test(text))).toEqual([]);
  });
});

describe("without subordinate ids", () => {
  withPlainUser("a container has one id, no group for its terminals, and the same walls", async () => {
    await using plain = await TestEnv.create({ user: "plain" });
    await plain.ok(["pull", "--quiet", image]);
    const run = ["run", "--rm", "--network", "none", image, "/probe", ...PARTS, "keyring"];
    const found = parsePosture(await plain.ok(run));
    expect(found.uidMap.trim().split(/\s+/)).toEqual(["0", "0", "1"]);
    expect(found.status).toMatchObject({ CapEff: ELEVEN, CapInh: NONE, CapAmb: NONE, Seccomp: "2" });
    expect(mountsOf(found).get("/dev/pts")).not.toContain("super:gid=5");
    expect(found.sysctls["net/ipv4/ping_group_range"]).toBe("0\t0");
    expect(await plain.fails(["run", "--rm", "--user", "1000", image, "true"], 125)).toContain("1000");
  });

  it("that anybody could map, a container has one id as well", async () => {
    await using poor = await TestEnv.create();
    Bun.spawnSync(poor.host.enter(["mount", "--bind", "/dev/null", "/usr/bin/newgidmap"], "/"));
    await poor.ok(["pull", "--quiet", image]);
    const run = ["run", "--rm", "--network", "none", image, "/probe", ...PARTS];
    expect(
      parsePosture(await poor.ok(run))
        .uidMap.trim()
        .split(/\s+/),
    ).toEqual(["0", "0", "1"]);
  });
});
