// Settings of the container's process and kernel: --sysctl, --oom-score-adj, --umask, --timeout, --tz, --no-healthcheck.

import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { symlink } from "../support/tar.ts";
import { killKeeper } from "./faults/fixture.ts";

const NONE = "--network=none";
const KILLED = 137;

const stage = useStage({
  prepare: async (opened) => {
    const layer = makeLayer([symlink("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")]);
    await opened.add("zoned", busyboxWith({}, [layer]));
  },
});
const { it } = stage;

async function run(...words: string[]): Promise<string> {
  return await stage.env.ok(["run", "--rm", NONE, ...words]);
}

async function fails(...words: string[]): Promise<string> {
  return await stage.env.fails(["run", "--rm", ...words], 125);
}

describe("--sysctl", () => {
  it("sets what is the container's own", async () => {
    const flags = ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl=net.ipv4.ip_unprivileged_port_start=80"];
    const files = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_unprivileged_port_start"];
    expect(await run(...flags, "busybox", "cat", ...files)).toBe("1\n80");
    await stage.env.ok(["create", "--name=c", NONE, ...flags, "busybox"]);
    expect(JSON.parse(await stage.env.ok(["inspect", "-f", "{{json .HostConfig.Sysctls}}", "c"]))).toEqual({
      "net.ipv4.ip_forward": "1",
      "net.ipv4.ip_unprivileged_port_start": "80",
    });
  });

  it("sets its own shared memory's and queues' too, where the kernel lets a user's root do it, and else says so", async () => {
    for (const [name, value] of [
      ["kernel.shm_rmid_forced", "1"],
      ["kernel.msgmax", "4096"],
      ["fs.mqueue.msg_max", "5"],
    ] as const) {
      const words = ["run", "--rm", NONE, `--sysctl=${name}=${value}`, "busybox", "cat"];
      const { code, stdout, stderr } = await stage.env.run([...words, `/proc/sys/${name.replaceAll(".", "/")}`]);
      // Older kernels keep these for the host's root.
      if (code === 0) expect(stdout).toBe(`${value}\n`);
      else expect(stderr).toContain(`setting sysctl "${name}"`);
    }
  });

  it("refuses the host's, also those of a namespace that the container shares", async () => {
    for (const word of ["kernel.core_pattern=|/x", "vm.swappiness=1", "kernel.hostname=x", "net/ipv4/x=1", "net.=1"]) {
      expect(await fails("--sysctl", word, NONE, "busybox")).toContain(`sysctl '${word}' is not allowed`);
    }
    expect(await fails("--network=host", "--sysctl=net.ipv4.ip_forward=1", "busybox")).toContain(
      'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
    );
  });

  it("says which could not be set", async () => {
    expect(await fails(NONE, "--sysctl=net.no_such=1", "busybox", "true")).toContain('"net.no_such"');
  });
});

describe("the process has", () => {
  it("the score that --oom-score-adj gives it, and never a better one than ours", async () => {
    const { env } = stage;
    const script = "cat /proc/self/oom_score_adj";
    expect(await run("--oom-score-adj=500", "busybox", "sh", "-c", script)).toBe("500");
    expect(await run("--init", "--oom-score-adj=501", "busybox", "sh", "-c", script)).toBe("501");
    const lowered = await env.run(["run", "--rm", NONE, "--oom-score-adj=-1000", "busybox", "sh", "-c", script]);
    const own = readFileSync("/proc/self/oom_score_adj", "utf8").trim();
    expect(lowered.stdout.trim()).toBe(own);
    expect(lowered.stderr).toContain(`Requested oom_score_adj=-1000 is lower than the current one, changing to ${own}`);
    expect(await fails("--oom-score-adj=1001", "busybox")).toContain(
      "Invalid value 1001, range for oom score adj is [-1000, 1000]",
    );
    await env.ok(["run", "-d", "--name=c", NONE, "--oom-score-adj=300", "busybox", "sleep", "1000"]);
    expect(await env.ok(["exec", "c", "sh", "-c", script])).toBe("300");
    expect(await env.ok(["inspect", "-f", "{{.HostConfig.OomScoreAdj}}", "c"])).toBe("300");
  });

  it("the umask that --umask says, as have those that exec adds", async () => {
    const { env } = stage;
    expect(await run("--umask=77", "busybox", "sh", "-c", "umask; touch /f; stat -c %a /f")).toBe("0077\n600");
    await env.ok(["run", "-d", "--name=c", "--umask=0002", NONE, "busybox", "sleep", "1000"]);
    expect(await env.ok(["exec", "c", "sh", "-c", "umask"])).toBe("0002");
    expect(await env.ok(["inspect", "-f", "{{.Config.Umask}}", "c"])).toBe("0002");
    expect(await fails("--umask=9999", "busybox")).toContain("invalid umask string 9999");
  });

  it("the time of --tz's zone, also where the image's /etc/localtime is a link", async () => {
    for (const image of ["busybox", "zoned"]) {
      expect(await run("--tz=Asia/Tokyo", image, "date", "+%z")).toBe("+0900");
      expect(await run(image, "date", "+%z")).toBe("+0000");
    }
    expect(await run("--tz=local", "busybox", "date", "+%z")).toBe(
      Bun.spawnSync(["date", "+%z"], { env: { TZ: undefined } })
        .stdout.toString()
        .trim(),
    );
    for (const zone of ["No/Where", "../../../etc/passwd", "/etc/passwd", "Asia", ""]) {
      expect(await fails(`--tz=${zone}`, NONE, "busybox")).toContain(`finding timezone: unknown time zone ${zone}`);
    }
  });

  it("no healthcheck with --no-healthcheck", async () => {
    await stage.env.ok(["create", "--name=c", "--no-healthcheck", NONE, "busybox"]);
    expect(await stage.env.ok(["inspect", "-f", "{{json .Config.Healthcheck.Test}}", "c"])).toBe('["NONE"]');
  });
});

describe("--timeout", () => {
  it("kills the container, attached or not", async () => {
    const { env } = stage;
    await env.fails(["run", "--rm", NONE, "--timeout=1", "busybox", "sleep", "1000"], KILLED);
    await env.ok(["run", "-d", "--name=c", NONE, "--timeout=1", "busybox", "sleep", "1000"]);
    expect(await env.ok(["wait", "c"])).toBe(String(KILLED));
    // Anew at each start.
    await env.ok(["start", "c"]);
    expect(await env.ok(["wait", "c"])).toBe(String(KILLED));
    expect(await env.ok(["inspect", "-f", "{{.Config.Timeout}}", "c"])).toBe("1");
  });

  it("is kept by whoever looks after a container whose keeper was killed", async () => {
    const { env } = stage;
    const id = await env.ok(["run", "-d", "--name=c", NONE, "--timeout=2", "busybox", "sleep", "1000"]);
    await killKeeper(env, id);
    await env.ok(["exec", "c", "true"]);
    await env.ok(["wait", "c"]);
    expect(await env.ok(["ps", "-q"])).toBe("");
  });

  it("lets alone what has ended before, and is no negative number", async () => {
    expect(await run("--timeout=60", "busybox", "echo", "done")).toBe("done");
    expect(await run("--timeout=0", "busybox", "echo", "done")).toBe("done");
    expect(await fails("--timeout=-1", "busybox")).toContain("invalid timeout: -1");
  });
});
