// Containers that an installed OCI runtime makes instead of us: what holds for ours holds for these.

import { describe, expect } from "bun:test";
import { rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { requires } from "../support/guards.ts";
import { until } from "../support/private-host.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { makeLayer } from "../support/image.ts";
import { directory, file, symlink } from "../support/tar.ts";
import { isAlive, killKeeper } from "./faults/fixture.ts";

const NO_NETWORK = "--network=none";
const CRUN = ["--runtime", "crun", NO_NETWORK];
const CTRL_P_Q = "\u0010\u0011";

const stage = useStage({ needs: ["crun"] });
const { it } = stage;
const useRunc = requires("root", "bunker", "userns", "subids", "cgroup2", "busybox", "umoci", "crun", "runc");

/** `run --rm --runtime crun`. */
function run(flags: string[], ...command: string[]): Promise<string> {
  return stage.env.ok(["run", "--rm", ...CRUN, ...flags, "busybox", ...command]);
}

describe("--runtime crun", () => {
  it("hands on output, input and exit codes", async () => {
    const { env } = stage;
    const all = await env.run(["run", "--rm", ...CRUN, "busybox", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    expect([all.code, all.stdout, all.stderr]).toEqual([7, "out\n", "err\n"]);
    expect(await env.ok(["run", "--rm", "-i", ...CRUN, "busybox", "cat"], { stdin: "typed" })).toBe("typed");
    await env.fails(["run", "--rm", "--timeout", "1", ...CRUN, "busybox", "sleep", "1000"], 137);
    const missing = await env.fails(["run", "--rm", ...CRUN, "busybox", "nothere"], 127);
    expect(missing).toContain('exec: "nothere": executable file not found in $PATH');
    expect(await env.fails(["run", "--rm", ...CRUN, "busybox", "/nothere"], 127)).toContain(
      "no such file or directory",
    );
    expect(await env.fails(["run", "--rm", ...CRUN, "busybox", "/etc"], 126)).toContain('exec: "/etc"');
  });

  it("is the global flag too, and is remembered", async () => {
    const { env } = stage;
    const flags = ["--runtime", "crun", "--runtime-flag", "debug"];
    const id = await env.ok([...flags, "create", NO_NETWORK, "busybox", "cat", "/proc/1/comm"]);
    expect(await env.ok(["inspect", "--format", "{{.HostConfig.Runtime}}", id])).toBe("crun");
    for (let start = 0; start < 2; start++) expect(await env.ok(["start", "--attach", id])).toBe("cat");
    const own = await env.ok(["--runtime", "crun", "create", "--runtime", "bunker", "busybox"]);
    expect(await env.ok(["inspect", "--format", "{{.HostConfig.Runtime}}", own])).toBe("bunker");
  });

  it("has to be a program", async () => {
    for (const name of ["nothere", "/etc/passwd", "io.containerd.runc.v2"]) {
      const said = await stage.env.fails(["run", "--rm", "--runtime", name, "busybox", "true"], 125);
      expect(said).toContain(`unknown or invalid runtime name: ${name}`);
    }
  });

  it("is the one that makes the namespaces, and nothing else is left to be", async () => {
    const { env } = stage;
    const place = env.makeDirectory("calls");
    const program = join(place, "crun-written-down");
    writeFileSync(program, `#!/bin/sh\necho "$@" >> ${place}/calls\nexec /usr/bin/crun "$@"\n`, { mode: 0o755 });
    expect(await env.ok(["run", "--rm", NO_NETWORK, "--runtime", program, "busybox", "hostname"])).toMatch(
      /^[0-9a-f]{12}$/,
    );
    const verbs = (await Bun.file(join(place, "calls")).text()).match(/ (?:create|start|delete) /g);
    expect(verbs).toEqual([" create ", " start ", " delete "]);
  });

  it("says what went wrong in the runtime's words", async () => {
    const { env } = stage;
    const place = env.makeDirectory("broken");
    const program = join(place, "crun-broken");
    writeFileSync(program, `#!/bin/sh\nexec /usr/bin/crun --nothing "$@"\n`, { mode: 0o755 });
    await env.fails(["run", "--rm", NO_NETWORK, "--runtime", program, "busybox", "true"], 125);
    const silent = join(place, "silent");
    writeFileSync(silent, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    await env.fails(["run", "--rm", NO_NETWORK, "--runtime", silent, "busybox", "true"], 125);
  });

  it("leaves nothing where the keeper was killed before it knew what was made", async () => {
    const { env } = stage;
    const place = env.makeDirectory("killer");
    const program = join(place, "crun-and-kill");
    // Beside the container's group, with which it would be ended where there is one.
    const leave =
      "g=$(/bin/sed -n s/^0:://p /proc/self/cgroup); g=/sys/fs/cgroup${g%/*}/aside; /bin/mkdir -p $g; echo $$ > $g/cgroup.procs";
    const script = `case "$*" in *" create "*) ${leave}; /usr/bin/crun "$@"; /bin/cp pid ${place}; kill -9 $PPID;; *) exec /usr/bin/crun "$@";; esac`;
    writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    for (const flags of [["--rm"], ["--userns", "keep-id"]]) {
      const { code } = await env.run(["run", ...flags, NO_NETWORK, "--runtime", program, "busybox", "true"]);
      expect(code).not.toBe(0);
      const pid = Number(await Bun.file(join(place, "pid")).text());
      expect(pid).toBeGreaterThan(1);
      await env.ok(["ps", "-a"]);
      await until(() => !isAlive(pid), 5000);
      expect(isAlive(pid)).toBe(false);
      rmdirSync(join(`/proc/${env.host.pid}/root`, env.host.group ?? "", "aside"));
    }
  });

  useRunc("runc can be it as well", async () => {
    const { env } = stage;
    const flags = ["run", "--rm", "--runtime", "runc", NO_NETWORK];
    expect(await env.ok([...flags, "busybox", "hostname"])).toMatch(/^[0-9a-f]{12}$/);
    await env.fails([...flags, "--init", "busybox", "sh", "-c", "exit 9"], 9);
    expect(await env.ok([...flags, "--tty", "busybox", "tty"])).toStartWith("/dev/pts/0");
    await env.fails([...flags, "busybox", "nothere"], 127);
    await env.fails([...flags, "busybox", "/etc"], 126);
    expect(await env.fails([...flags, "--group-add", "keep-groups", "busybox"], 125)).toContain("keep-groups");
  });

  it("leaves nothing where it has made nothing in time to be known", async () => {
    const { env } = stage;
    await env.fails(["run", "--rm", ...CRUN, "--ulimit", "nofile=9999999:9999999", "busybox", "true"], 125);
    expect(await env.ok(["ps", "-aq"])).toBe("");
  });
});

describe("a container that crun has made", () => {
  it("has the names, user, directory, limits and root that were asked for", async () => {
    expect(await run(["--hostname", "box", "--domainname", "example.org"], "hostname")).toBe("box");
    const shown = "id -u; id -g; id -G; pwd; ulimit -n; umask; echo $HOME";
    const flags = [
      "--user",
      "1000:7",
      "--group-add",
      "8",
      "--workdir",
      "/new/place",
      "--ulimit",
      "nofile=99",
      "--umask",
      "77",
    ];
    expect((await run(flags, "sh", "-c", shown)).split("\n")).toEqual([
      "1000",
      "7",
      "7 8",
      "/new/place",
      "99",
      "0077",
      "/",
    ]);
    await stage.env.fails(["run", "--rm", ...CRUN, "--read-only", "busybox", "touch", "/x"], 1);
    expect(await run(["--read-only", "--tmpfs", "/scratch"], "sh", "-c", "touch /scratch/x && ls /scratch")).toBe("x");
    expect(await run(["--sysctl", "net.ipv4.ip_forward=1"], "cat", "/proc/sys/net/ipv4/ip_forward")).toBe("1");
    expect(await run(["--shm-size", "1m"], "sh", "-c", "df -k /dev/shm | tail -1 | awk '{print $2}'")).toBe("1024");
    expect(await run([], "cat", "/sys/class/net/lo/operstate", "/sys/class/net/lo/flags")).toContain("0x9");
  });

  it("has volumes with the image's content, binds, devices and its own files", async () => {
    const { env } = stage;
    await stage.add(
      "full",
      busyboxWith({}, [makeLayer([directory("data", { uid: 5 }), file("data/x", "of the image")])]),
    );
    const host = env.makeDirectory("host");
    writeFileSync(join(host, "y"), "of the host");
    const flags = [
      "-v",
      "filled:/data",
      "-v",
      `${host}:/host:ro`,
      "--device",
      "/dev/zero:/dev/mine",
      "--add-host",
      "a:10.0.0.1",
    ];
    const script =
      "cat /data/x /host/y; stat -c %u /data; head -c 1 /dev/mine | wc -c; grep -c 10.0.0.1 /etc/hosts; touch /host/z";
    const { stdout, stderr } = await env.run(["run", "--rm", ...CRUN, ...flags, "full", "sh", "-c", script]);
    expect(stdout).toBe("of the imageof the host5\n1\n1\n");
    expect(stderr).toContain("Read-only file system");
    await env.ok(["volume", "rm", "filled"]);
    expect(await run(["-v", `${join(host, "y")}:/etc/passwd`], "cat", "/etc/passwd")).toBe("of the host");
  });

  it("goes no way that an image's link shows", async () => {
    await stage.add("linked", busyboxWith({}, [makeLayer([symlink("kernel", "/proc"), symlink("devices", "/dev")])]));
    for (const target of ["/kernel", "/devices/x", "/proc/1", "/dev"]) {
      await stage.env.fails(["run", "--rm", ...CRUN, "-v", `/:${target}`, "linked", "true"], 125);
    }
  });

  it("can be executed in, looked at, stopped and removed", async () => {
    const { env } = stage;
    const id = await env.ok([
      "run",
      "-d",
      "--name",
      "c",
      ...CRUN,
      "busybox",
      "sh",
      "-c",
      "echo begun; trap 'exit 3' TERM; while :; do sleep 0.1; done",
    ]);
    expect(await env.ok(["exec", "c", "sh", "-c", "echo $$ > /tmp/x; cat /proc/1/comm"])).toBe("sh");
    expect(await env.ok(["top", "c"])).toContain("while :");
    expect(await env.ok(["stats", "--no-stream", "--format", "{{.Name}}", "c"])).toBe("c");
    await env.ok(["cp", "c:/tmp/x", env.home]);
    await env.ok(["pause", "c"]);
    await env.ok(["unpause", "c"]);
    await env.ok(["restart", "-t", "5", "c"]);
    await env.ok(["stop", "-t", "5", "c"]);
    expect(await env.ok(["inspect", "--format", "{{.State.ExitCode}}", id])).toBe("3");
    expect(await env.ok(["logs", "c"])).toBe("begun\nbegun");
    await env.ok(["rm", "c"]);
  });

  it("has a terminal, which can be left and attached to again", async () => {
    const { env } = stage;
    const first = env.terminal(["run", "-it", "--name", "t", ...CRUN, "busybox", "sh"], { columns: 70, rows: 20 });
    first.type("stty size; tty\n");
    await first.waitFor(/20 70\s+\/dev\/pts\/0/, 0);
    first.type(CTRL_P_Q);
    await first.exited();
    const second = env.terminal(["attach", "t"]);
    second.type("exit 4\n");
    expect((await second.exited()).code).toBe(4);
  });

  it("outlives its keeper, and ends as any other", async () => {
    const { env } = stage;
    const id = await env.ok(["run", "-d", "--name", "k", ...CRUN, "busybox", "sleep", "1000"]);
    const { pid } = await killKeeper(env, id);
    expect(await env.ok(["ps", "--format", "{{.Names}} {{.Status}}"])).toStartWith("k Up");
    expect(await env.ok(["exec", "k", "echo", "inside"])).toBe("inside");
    await killKeeper(env, id);
    await env.ok(["stop", "-t0", "k"]);
    expect(isAlive(pid)).toBe(false);
    await env.ok(["start", "k"]);
    await killKeeper(env, id);
    await env.ok(["rm", "-f", "k"]);
  });

  it("shares what it is to share", async () => {
    const { env } = stage;
    await env.ok([
      "run",
      "-d",
      "--name",
      "other",
      NO_NETWORK,
      "--ipc",
      "shareable",
      "busybox",
      "sh",
      "-c",
      "echo x > /dev/shm/theirs; sleep 1000",
    ]);
    const flags = ["run", "--rm", "--runtime", "crun"];
    const joined = ["--network", "container:other", "--ipc", "container:other"];
    expect(await env.ok([...flags, ...joined, "busybox", "cat", "/dev/shm/theirs"])).toBe("x");
    const inode = await env.ok(["exec", "other", "readlink", "/proc/1/ns/net"]);
    expect(await env.ok([...flags, ...joined, "busybox", "readlink", "/proc/self/ns/net"])).toBe(inode);
    expect(await env.fails([...flags, "--pid", "container:other", "busybox", "true"], 125)).toContain(
      "--pid container",
    );
    const host = ["--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host", "--cgroupns", "host"];
    expect(await env.ok([...flags, ...host, "busybox", "sh", "-c", "ls /proc/1/comm"])).toBe("/proc/1/comm");
  });

  it("has an init where one is asked for", async () => {
    expect(await run(["--init"], "sh", "-c", "cat /proc/1/comm; exit 0")).toBe("bunker-init");
    await stage.env.fails(["run", "--rm", "--init", ...CRUN, "busybox", "sh", "-c", "exit 9"], 9);
    const missing = await stage.env.fails(["run", "--rm", "--init", ...CRUN, "busybox", "nothere"], 127);
    expect(missing).toContain('exec: "nothere": executable file not found in $PATH');
  });

  it("has the ids that were asked for", async () => {
    const shown = "id -u; stat -c %u /host";
    const place = stage.env.makeDirectory("mine");
    expect(
      await run(["--userns", "keep-id:uid=77,gid=77", "--user", "77", "-v", `${place}:/host`], "sh", "-c", shown),
    ).toBe("77\n77");
    expect(await run(["--userns", "host"], "id", "-u")).toBe("0");
  });
});
