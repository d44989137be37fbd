// The environment itself, with bash standing in for the engine.

import { describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";

import { TestEnv } from "./environment.ts";
import { requires } from "./guards.ts";
import { until } from "./private-host.ts";

const it = requires("root", "userns", "cgroup2");

function createEnv(options: Parameters<typeof TestEnv.create>[0] = {}): Promise<TestEnv> {
  return TestEnv.create({ program: "/bin/bash", ...options });
}

function shell(script: string): string[] {
  return ["-c", script];
}

describe("the test environment", () => {
  it("runs the program as an ordinary user without capabilities", async () => {
    await using env = await createEnv();
    const status = await env.ok(shell("grep -E '^(Uid|Gid|CapEff|CapPrm|CapInh)' /proc/self/status"));
    expect(status.replaceAll("\t", " ").split("\n")).toEqual([
      `Uid: ${Array(4).fill(env.user.uid).join(" ")}`,
      `Gid: ${Array(4).fill(env.user.gid).join(" ")}`,
      "CapInh: 0000000000000000",
      "CapPrm: 0000000000000000",
      "CapEff: 0000000000000000",
    ]);
  });

  it("gives it fresh private directories and nothing else in its environment", async () => {
    await using env = await createEnv({ environment: { EXTRA: "1", LANG: undefined } });
    expect(
      await env.ok(shell("ls -A $HOME $XDG_RUNTIME_DIR /tmp /dev/shm | grep -v :; stat -c %a $HOME $XDG_RUNTIME_DIR")),
    ).toBe("\n\n\n700\n700");
    expect(await env.ok(shell('echo "$EXTRA ${LANG-unset} $HOME"'))).toBe(`1 unset ${env.home}`);
  });

  it("can go without a runtime directory and without subordinate ids", async () => {
    await using env = await createEnv({ user: "plain", runtimeDirectory: false });
    expect(await env.ok(shell('echo "${XDG_RUNTIME_DIR-unset}"; grep -c "^$USER:" /etc/subuid || true'))).toBe(
      "unset\n0",
    );
  });

  it("delegates a cgroup v2 subtree", async () => {
    await using env = await createEnv();
    const script =
      "d=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup); mkdir $d/../child && echo $$ > $d/../child/cgroup.procs";
    expect(await env.ok(shell(`${script} && sed -n s/^0:://p /proc/self/cgroup`))).toMatch(
      /^\/bunker-test-bt.*\/child$/,
    );
  });

  it("lets ordinary users open the devices that distributions let them open", async () => {
    await using env = await createEnv();
    const before = readFileSync("/proc/self/mountinfo", "utf8");
    expect(
      await env.ok(shell("for d in /dev/fuse /dev/net/tun; do [ ! -e $d ] || { : <>$d && echo opened; }; done")),
    ).toMatch(/^(opened\n?)*$/);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(before);
  });

  it("tells exit codes, signals and both outputs apart, byte for byte", async () => {
    await using env = await createEnv();
    expect(await env.run(shell("printf out; printf err >&2; exit 7"))).toMatchObject({
      code: 7,
      stdout: "out",
      stderr: "err",
    });
    expect(await env.run(shell("kill -9 $$"))).toMatchObject({ code: null, signal: "SIGKILL" });
    const binary = new Uint8Array([0, 255, 10, 128]);
    const { stdoutBytes } = await env.run(shell("cat"), { stdin: binary });
    expect([...stdoutBytes]).toEqual([...binary]);
    await expect(env.ok(shell("echo why >&2; exit 1"))).rejects.toThrow("why");
  });

  it("follows and feeds a program that runs", async () => {
    await using env = await createEnv();
    const running = env.start(shell("while read line; do echo got $line; done; echo end"), { interactive: true });
    await running.write("one\n");
    await running.waitFor(/got one/);
    await running.closeStdin();
    expect((await running.result()).stdout).toBe("got one\nend\n");
  });

  it("gives it a terminal", async () => {
    await using env = await createEnv();
    const session = env.terminal(["--norc", "-i"], { columns: 100, rows: 30 });
    session.type("stty size; tty -s && echo is a $((40+2))\n");
    const seen = await session.waitFor(/is a 42/);
    expect(session.output).toContain("30 100");
    session.resize(60, 20);
    session.type("stty size\n");
    await session.waitFor(/20 60/, seen);
    session.type("exit 3\n");
    expect(await session.exited()).toEqual({ code: 3, signal: null });
  });

  it("stops what takes too long, and says what it printed", async () => {
    await using env = await createEnv();
    await expect(env.run(shell("echo so far; sleep 60"), { timeoutMs: 300 })).rejects.toThrow(/timed out\n[^]*so far/);
  });

  it("ends what was left running, and leaves no trace", async () => {
    const env = await createEnv();
    const pid = await env.ok(shell("setsid sleep 600 > /dev/null 2>&1 < /dev/null & echo $!"));
    await env.host.close();
    // A zombie until init reaps it, so its command line tells.
    expect(await until(() => commandLineOf(pid) === "", 2_000)).toBe(true);
    expect(existsSync(env.host.base)).toBe(false);
  });
});

function commandLineOf(pid: string): string {
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
}
