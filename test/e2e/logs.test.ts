// bunker logs: every byte of both outputs, parts of it, and what is still to come, across rotations.

import { describe, expect } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { isLong } from "../support/guards.ts";
import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { file } from "../support/tar.ts";

const ALL_BYTES = new Uint8Array(65_536).map((_, at) => at * 31 + (at >> 8));
/** 3 files of 10 MB, and what one write adds to each. */
const LOG_LIMIT = 30_500_000;

const stage = useStage({
  prepare: async (opened) => {
    await opened.add("bytes", busyboxWith({}, [makeLayer([{ ...file("all"), content: ALL_BYTES }])]));
  },
});
const { it } = stage;

/** Runs to the end, detached. */
async function ran(name: string, script: string, image = "busybox"): Promise<void> {
  await stage.env.ok(["run", "-d", "--name", name, "--network", "none", image, "sh", "-c", script]);
  await stage.env.ok(["wait", name]);
}

function logs(...words: string[]): Promise<string> {
  return stage.env.run(["logs", ...words]).then(({ stdout }) => stdout);
}

describe("logs", () => {
  it("shows what was written to each output, on that output", async () => {
    await ran("c", "echo out; echo err >&2; echo more");
    expect(await stage.env.run(["logs", "c"])).toMatchObject({ code: 0, stdout: "out\nmore\n", stderr: "err\n" });
  });

  it("keeps every byte, lines of any length, and no newline where none was", async () => {
    await ran("bytes", "cat /all; printf end", "bytes");
    const { stdoutBytes } = await stage.env.run(["logs", "bytes"]);
    expect(Buffer.from(stdoutBytes).equals(Buffer.concat([ALL_BYTES, Buffer.from("end")]))).toBe(true);
    await ran("line", "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after");
    expect(await logs("line")).toBe(`${"x".repeat(3_000_000)}\nafter\n`);
    expect(await logs("--tail", "1", "line")).toBe("after\n");
    expect(await logs("--tail", "2", "line")).toBe(`${"x".repeat(3_000_000)}\nafter\n`);
    await ran("open", "printf one; sleep 0.2; printf two");
    expect(await logs("open")).toBe("onetwo");
    expect(await logs("-t", "open")).toMatch(/^2\S+Z onetwo$/);
    await ran("empty", "true");
    expect(await logs("empty")).toBe("");
  });

  it("has a terminal's output as the terminal had it", async () => {
    await stage.env.ok(["run", "-d", "-t", "--name", "c", "busybox", "sh", "-c", "echo out; echo err >&2"]);
    await stage.env.ok(["wait", "c"]);
    expect(await stage.env.run(["logs", "c"])).toMatchObject({ stdout: "out\r\nerr\r\n", stderr: "" });
  });

  it("--tail counts lines from the end", async () => {
    await ran("c", "seq 1 100");
    for (const [count, lines] of [
      ["0", 0],
      ["1", 1],
      ["10", 10],
      ["100", 100],
      ["1000", 100],
      ["all", 100],
      ["-1", 100],
    ] as const) {
      const expected = Array.from({ length: lines }, (_, at) => `${100 - lines + at + 1}\n`).join("");
      expect(await logs("--tail", count, "c")).toBe(expected);
    }
    expect(await logs("-n", "2", "c")).toBe("99\n100\n");
    expect(await stage.env.fails(["logs", "--tail", "many", "c"], 1)).toContain("many");
  });

  it("--since and --until cut at any line, exactly", async () => {
    await ran("c", "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done");
    const stamped = (await logs("-t", "c")).trim().split("\n");
    expect(stamped).toHaveLength(5);
    const times = stamped.map((line) => {
      const [, time = "", text] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (\d)$/.exec(line) ?? [];
      expect(text).toBeDefined();
      return time;
    });
    // Both ends belong to it (docker's rule).
    expect(await logs("--since", times[2] ?? "", "c")).toBe("3\n4\n5\n");
    expect(await logs("--until", times[2] ?? "", "c")).toBe("1\n2\n3\n");
    expect(await logs("--since", times[1] ?? "", "--until", times[3] ?? "", "c")).toBe("2\n3\n4\n");
    expect(await logs("--since", times[1] ?? "", "--tail", "1", "c")).toBe("5\n");
    expect(await logs("--since", "10m", "c")).toBe("1\n2\n3\n4\n5\n");
    expect(await logs("--until", "10m", "c")).toBe("");
    expect(await logs("--since", String(Date.now() / 1000 + 60), "c")).toBe("");
    const second = Date.parse(`${times[0]?.slice(0, 23)}Z`) / 1000;
    expect(await logs("--since", second.toFixed(9), "c")).toBe("1\n2\n3\n4\n5\n");
    expect(await stage.env.fails(["logs", "--since", "yesterday", "c"], 1)).toContain("--since");
  });

  it("-t dates lines that came in one go one by one", async () => {
    await ran("c", "printf 'a\\nb\\n'; printf 'c\\n' >&2");
    const { stdout, stderr } = await stage.env.run(["logs", "-t", "c"]);
    expect(stdout).toMatch(/^\S+Z a\n\S+Z b\n$/);
    expect(stderr).toMatch(/^\S+Z c\n$/);
  });

  it("-f shows what comes, at once, until the end", async () => {
    await stage.env.ok([
      "run",
      "-d",
      "-i",
      "--name",
      "c",
      "busybox",
      "sh",
      "-c",
      "echo first; while read line; do echo got $line; done; echo last",
    ]);
    const follower = stage.env.start(["logs", "-f", "c"]);
    await follower.waitFor(/first\n/);
    const tail = stage.env.start(["logs", "-f", "--tail", "0", "c"]);
    await Bun.sleep(200);
    const writer = stage.env.start(["attach", "c"], { interactive: true });
    await writer.write("one\n");
    await follower.waitFor(/got one\n/);
    await tail.waitFor(/got one\n/);
    await stage.env.ok(["kill", "c"]);
    expect(await follower.result()).toMatchObject({ code: 0, stdout: "first\ngot one\n" });
    expect(await tail.result()).toMatchObject({ code: 0, stdout: "got one\n" });
    await writer.result();
    // Ended already: everything, and no waiting.
    expect(await logs("-f", "c")).toBe("first\ngot one\n");
    expect(await logs("-f", await stage.env.ok(["create", "busybox"]))).toBe("");
  });

  it("-f --until ends by itself", async () => {
    await stage.env.ok(["run", "-d", "--name", "c", "busybox", "sh", "-c", "echo before; sleep 60"]);
    expect(await stage.env.run(["logs", "-f", "--until", new Date(Date.now() + 500).toISOString(), "c"])).toMatchObject(
      { code: 0, stdout: "before\n" },
    );
  });

  it("-f goes on when the container is removed, and ends", async () => {
    await stage.env.ok(["run", "-d", "--name", "c", "busybox", "sh", "-c", "echo there; sleep 60"]);
    const follower = stage.env.start(["logs", "-f", "c"]);
    await follower.waitFor(/there/);
    await stage.env.ok(["rm", "-f", "c"]);
    expect(await follower.result()).toMatchObject({ code: 0, stdout: "there\n" });
  });

  it("is kept over starts, and has both of them", async () => {
    await ran("c", "echo run");
    await stage.env.ok(["start", "-a", "c"]);
    expect(await logs("c")).toBe("run\nrun\n");
    expect(await logs("-f", "c")).toBe("run\nrun\n");
  });

  it("refuses in docker's words", async () => {
    expect(await stage.env.fails(["logs", "nosuch"], 1)).toContain("no such container: nosuch");
    expect(await stage.env.fails(["logs"], 1)).toContain("requires at least 1 argument");
    expect(await stage.env.fails(["logs", "a", "b"], 1)).toContain("no such container: a");
  });
});

describe("a log's size", () => {
  const lines = isLong() ? 20_000_000 : 1_200_000;

  it("is limited: the oldest goes, the newest is whole, and a follower misses nothing", async () => {
    const script = `read go; seq 1 ${lines}; echo end`;
    await stage.env.ok(["run", "-d", "-i", "--name", "c", "--network", "none", "busybox", "sh", "-c", script]);
    const follower = stage.env.startOther(["bash", "-c", `${stage.env.program} logs -f c | sha256sum`]);
    const whole = stage.env.startOther(["bash", "-c", `(seq 1 ${lines}; echo end) | sha256sum`]);
    // On a machine with other work it begins late, and what is gone by then is gone.
    await Bun.sleep(1_500);
    const writer = await stage.env
      .startOther(["bash", "-c", `echo go | ${stage.env.program} attach c | sha256sum`])
      .result();
    const expected = (await whole.result()).stdout;
    expect(writer.stdout).toBe(expected);
    expect((await follower.result()).stdout).toBe(expected);
    const id = await stage.env.ok(["inspect", "-f", "{{.Id}}", "c"]);
    const directory = join(stage.env.dataHome, "containers", id);
    const files = readdirSync(directory).filter((name) => /^log(\.\d)?$/.test(name));
    expect(files.sort()).toEqual(["log", "log.1", "log.2"]);
    expect(files.map((name) => statSync(join(directory, name)).size).reduce((sum, size) => sum + size)).toBeLessThan(
      LOG_LIMIT,
    );
    // The first may be the rest of a line that began in a file that is gone.
    const kept = (await logs("c")).split("\n").slice(1, -2).map(Number);
    expect(kept.length).toBeGreaterThan(100_000);
    expect(kept.at(-1)).toBe(lines);
    expect(kept.every((number, at) => number === (kept[0] ?? 0) + at)).toBe(true);
    expect(await logs("--tail", "3", "c")).toBe(`${lines - 1}\n${lines}\nend\n`);
  });
});
