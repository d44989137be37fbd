// The ends of containers: stop, kill, wait and rm, one and several.

import { describe, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { busyboxWith, useStage } from "../support/stage.ts";

/** Far less than docker's ten seconds. */
const SOON_MS = 5_000;
const DEAF = "trap '' TERM INT; echo ready; while :; do sleep 0.05; done";
/** Tells which signal it got, and ends with 10. */
const TELLS =
  'for s in HUP INT QUIT USR1 USR2 TERM; do trap "echo got $s; exit 10" $s; done; echo ready; while :; do sleep 0.02; done';

const stage = useStage({
  prepare: async (opened) => {
    await opened.add("quits", busyboxWith({ StopSignal: "SIGQUIT" }));
  },
});
const { it } = stage;

/** Detached, and ready. */
async function start(name: string, script: string, ...flags: string[]): Promise<string> {
  const image = flags.at(-1) === "quits" ? flags : [...flags, "busybox"];
  const id = await stage.env.ok(["run", "-d", "--name", name, "--network", "none", ...image, "sh", "-c", script]);
  const log = stage.env.start(["logs", "-f", name]);
  await log.waitFor(/ready/);
  log.kill();
  return id;
}

function field(name: string, format: string): Promise<string> {
  return stage.env.ok(["inspect", "-f", format, name]);
}

async function timed<T>(action: Promise<T>): Promise<{ value: T; ms: number }> {
  const started = performance.now();
  const value = await action;
  return { value, ms: performance.now() - started };
}

describe("stop", () => {
  it("sends the stop signal: TERM, the image's, or the one of --stop-signal or -s", async () => {
    await start("term", TELLS);
    await start("image", TELLS, "quits");
    await start("flag", TELLS, "--stop-signal", "USR1");
    await start("asked", TELLS, "--stop-signal", "USR1");
    expect(await stage.env.ok(["stop", "term", "image", "flag"])).toBe("term\nimage\nflag");
    expect(await stage.env.ok(["stop", "-s", "HUP", "asked"])).toBe("asked");
    const expected = [
      ["term", "TERM"],
      ["image", "QUIT"],
      ["flag", "USR1"],
      ["asked", "HUP"],
    ];
    for (const [name = "", signal] of expected) {
      expect(await stage.env.ok(["logs", name])).toBe(`ready\ngot ${signal}`);
      expect(await field(name, "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 10");
    }
  });

  it("kills what does not listen, after -t seconds, --stop-timeout, or at once", async () => {
    await start("slow", DEAF);
    const { ms } = await timed(stage.env.ok(["stop", "-t", "1", "slow"]));
    expect(ms).toBeGreaterThan(1000);
    expect(ms).toBeLessThan(SOON_MS);
    expect(await field("slow", "{{.State.ExitCode}}")).toBe("137");
    await start("own", DEAF, "--stop-timeout", "0");
    expect((await timed(stage.env.ok(["stop", "own"]))).ms).toBeLessThan(SOON_MS);
    await start("now", DEAF);
    expect((await timed(stage.env.ok(["stop", "--timeout=0", "now"]))).ms).toBeLessThan(SOON_MS);
  });

  it("of several takes as long as of one", async () => {
    await Promise.all([1, 2, 3].map((at) => start(`deaf-${at}`, DEAF)));
    const { ms } = await timed(stage.env.ok(["stop", "-t", "1", "deaf-1", "deaf-2", "deaf-3"]));
    expect(ms).toBeLessThan(3000);
  });

  it("of one that does not run is no failure", async () => {
    await stage.env.ok(["create", "--name", "made", "busybox"]);
    await stage.env.ok(["run", "--name", "ended", "busybox", "true"]);
    expect(await stage.env.ok(["stop", "made", "ended"])).toBe("made\nended");
    expect(await field("made", "{{.State.Status}}")).toBe("created");
  });

  it("goes on with the others after a failure", async () => {
    await start("there", TELLS);
    const result = await stage.env.run(["stop", "missing", "there"]);
    expect(result).toMatchObject({ code: 1, stdout: "there\n" });
    expect(result.stderr).toContain("no such container: missing");
    expect(await stage.env.fails(["stop"], 1)).toContain("requires at least 1 argument");
    expect(await stage.env.fails(["stop", "-s", "NOSUCH", "there"], 1)).toContain("invalid signal: NOSUCH");
    expect(await stage.env.fails(["stop", ""], 1)).toContain("container name cannot be empty");
  });

  it("removes one that was run with --rm", async () => {
    await start("gone", TELLS, "--rm");
    expect(await stage.env.ok(["stop", "gone"])).toBe("gone");
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
  });
});

describe("kill", () => {
  it("kills, or sends what -s names, in any form", async () => {
    await start("killed", DEAF);
    expect(await stage.env.ok(["kill", "killed"])).toBe("killed");
    expect(await field("killed", "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 137");
    for (const [name, signal] of [
      ["HUP", "HUP"],
      ["INT", "sigint"],
      ["USR1", "10"],
      ["TERM", "SIGTERM"],
    ] as const) {
      const container = `got-${name.toLowerCase()}`;
      await start(container, TELLS);
      expect(await stage.env.ok(["kill", "-s", signal, container])).toBe(container);
      expect(await stage.env.ok(["wait", container])).toBe("10");
      expect(await stage.env.ok(["logs", container])).toBe(`ready\ngot ${name}`);
    }
  });

  it("refuses what does not run, in docker's words", async () => {
    const id = await stage.env.ok(["create", "--name", "made", "busybox"]);
    const complaint = await stage.env.fails(["kill", "made"], 1);
    expect(complaint).toContain(`cannot kill container: made: container ${id} is not running`);
    expect(complaint).toContain("hint: ");
    expect(await stage.env.fails(["kill", "nosuch"], 1)).toContain("no such container: nosuch");
    for (const signal of ["NOSUCH", "0", "65", "-1", "SIG"]) {
      expect(await stage.env.fails(["kill", `--signal=${signal}`, "made"], 1)).toContain(`invalid signal: ${signal}`);
    }
  });

  it("of several tells each", async () => {
    await Promise.all(["a", "b"].map((name) => start(name, DEAF)));
    const result = await stage.env.run(["kill", "a", "missing", "b"]);
    expect(result).toMatchObject({ code: 1, stdout: "a\nb\n" });
  });
});

describe("wait", () => {
  it("tells the exit codes of several, in the order they were named", async () => {
    await start("slow", "echo ready; sleep 0.5; exit 3");
    await start("fast", "echo ready; exit 4");
    expect(await stage.env.ok(["wait", "slow", "fast"])).toBe("3\n4");
    expect(await stage.env.ok(["wait", "fast"])).toBe("4");
  });

  it("of one that was never started is over at once, as docker's", async () => {
    await stage.env.ok(["create", "--name", "made", "busybox"]);
    expect(await stage.env.ok(["wait", "made"])).toBe("0");
    await stage.env.fails(["run", "--name", "failed", "busybox", "nosuch"], 127);
    expect(await stage.env.ok(["wait", "failed"])).toBe("127");
  });

  it("hears the end of one that is killed or removed", async () => {
    await Promise.all(
      ["killed", "removed", "own"].map((name) => start(name, DEAF, ...(name === "own" ? ["--rm"] : []))),
    );
    const waits = ["killed", "removed", "own"].map((name) => stage.env.start(["wait", name]));
    await Bun.sleep(300);
    await stage.env.ok(["kill", "killed", "own"]);
    await stage.env.ok(["rm", "-f", "removed"]);
    for (const wait of waits) expect(await wait.result()).toMatchObject({ code: 0, stdout: "137\n" });
    expect(await stage.env.fails(["wait", "nosuch"], 1)).toContain("no such container: nosuch");
  });
});

describe("rm", () => {
  it("removes what does not run, by name and id, and all that belongs to it", async () => {
    const made = await stage.env.ok(["create", "--name", "made", "busybox"]);
    await stage.env.ok(["run", "--name", "ended", "busybox", "true"]);
    expect(await stage.env.ok(["rm", made.slice(0, 10), "ended"])).toBe(`${made.slice(0, 10)}\nended`);
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
    expect(readdirSync(join(stage.env.dataHome, "containers"))).toEqual([]);
  });

  it("refuses what runs, unless forced", async () => {
    const id = await start("runs", DEAF);
    const complaint = await stage.env.fails(["rm", "runs"], 1);
    expect(complaint).toContain('cannot remove container "runs": container is running');
    expect(complaint).toContain("hint: ");
    expect(await field("runs", "{{.State.Status}}")).toBe("running");
    expect(await stage.env.ok(["rm", "-f", "runs"])).toBe("runs");
    expect(existsSync(join(stage.env.dataHome, "containers", id))).toBe(false);
  });

  it("-f tells what is missing, and is content", async () => {
    const result = await stage.env.run(["rm", "-f", "nosuch"]);
    expect(result).toMatchObject({ code: 0, stdout: "" });
    expect(result.stderr).toContain("no such container: nosuch");
    expect(await stage.env.fails(["rm", "nosuch"], 1)).toContain("no such container: nosuch");
    await stage.env.ok(["create", "--name", "made", "busybox"]);
    expect(await stage.env.run(["rm", "nosuch", "made"])).toMatchObject({ code: 1, stdout: "made\n" });
  });

  it("-f of one that removes itself is content too", async () => {
    await start("own", DEAF, "--rm");
    expect(await stage.env.ok(["rm", "-f", "own"])).toBe("own");
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
  });

  it("by many at once removes once", async () => {
    await start("one", DEAF);
    const results = await Promise.all([1, 2, 3, 4].map(() => stage.env.run(["rm", "-f", "one"])));
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
  });

  it("removes what a container made unremovable for its own user", async () => {
    const script =
      "mkdir -p /locked/deep; echo x > /locked/deep/file; chmod 000 /locked/deep /locked; mkfifo /fifo; ln -s / /root-link; chown -R 1000:1000 /home 2>/dev/null; mkdir -p /home/x && chown 1000 /home/x && chmod 700 /home/x";
    await stage.env.ok(["run", "--name", "locked", "busybox", "sh", "-c", script]);
    await stage.env.ok(["rm", "locked"]);
  });
});
