// bunker create and start, one and several, again and again, in front and behind.

import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory } from "../support/tar.ts";

const stage = useStage({
  prepare: async (opened) => {
    const owned = makeLayer([{ ...directory("./"), uid: 1000, gid: 1000, mode: 0o711 }]);
    await opened.add("owned-root", busyboxWith({}, [owned]));
  },
});
const { it } = stage;

function create(name: string, ...words: string[]): Promise<string> {
  return stage.env.ok(["create", "--name", name, "--network", "none", ...words]);
}

function field(name: string, format: string): Promise<string> {
  return stage.env.ok(["inspect", "-f", format, name]);
}

async function exited(name: string): Promise<void> {
  await stage.env.ok(["wait", name]);
}

describe("create", () => {
  it("prints the id, and starts nothing", async () => {
    const id = await create("made", "busybox", "echo", "hello");
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(
      await field("made", "{{.Id}} {{.State.Status}} {{.State.Running}} {{.State.Pid}} {{.State.StartedAt}}"),
    ).toBe(`${id} created false 0 0001-01-01T00:00:00Z`);
    expect(await stage.env.ok(["ps", "-q"])).toBe("");
    expect(await stage.env.ok(["logs", "made"])).toBe("");
  });

  it("writes --cidfile as run does", async () => {
    const path = join(stage.env.home, "cid");
    const id = await create("made", "--cidfile", path, "busybox");
    expect(readFileSync(path, "utf8")).toBe(id);
    expect(await stage.env.fails(["create", "--cidfile", path, "busybox"], 1)).toContain("container ID file found");
  });

  it("refuses what run refuses, with exit code 1", async () => {
    await create("taken", "busybox");
    expect(await stage.env.fails(["create", "--name", "taken", "busybox"], 1)).toContain(
      'The container name "/taken" is already in use',
    );
    expect(await stage.env.fails(["create", "--pull", "never", "nosuch"], 1)).toContain("no such image: nosuch");
    expect(await stage.env.fails(["create", "--nosuch", "busybox"], 125)).toContain("unknown flag: --nosuch");
    expect(await stage.env.fails(["create"], 1)).toContain("requires at least 1 argument");
  });
});

describe("start", () => {
  it("starts by id, beginning of an id, or name, and prints what it was given", async () => {
    const id = await create("one", "busybox", "sleep", "60");
    await create("two", "busybox", "sleep", "60");
    await create("three", "busybox", "sleep", "60");
    expect(await stage.env.ok(["start", id.slice(0, 8), "two", "/three"])).toBe(`${id.slice(0, 8)}\ntwo\n/three`);
    expect(await stage.env.ok(["ps", "--format", "{{.Names}}"])).toBe("three\ntwo\none");
    // One that runs is left alone.
    expect(await stage.env.ok(["start", "one"])).toBe("one");
  });

  it("starts again: the file system is kept, the start is counted anew", async () => {
    const script =
      "echo run >> /count; cat /count | wc -l; test -d /made && stat -c %a /made; mkdir -p -m 700 /made; exit 3";
    await create("again", "busybox", "sh", "-c", script);
    expect(await stage.env.fails(["start", "-a", "again"], 3)).toBe("");
    const first = await field("again", "{{.State.StartedAt}}");
    const result = await stage.env.run(["start", "-a", "again"]);
    expect(result).toMatchObject({ code: 3, stdout: "2\n700\n" });
    expect((await field("again", "{{.State.StartedAt}}")) > first).toBe(true);
    expect(await stage.env.ok(["logs", "again"])).toBe("1\n2\n700");
  });

  it("leaves the root directory's own mode and owner alone", async () => {
    await create("mode", "busybox", "sh", "-c", "stat -c '%a %u' /; chmod 1700 /; chown 5:5 /");
    expect(await stage.env.ok(["start", "-a", "mode"])).toBe("755 0");
    expect(await stage.env.ok(["start", "-a", "mode"])).toBe("1700 5");
    await create("owned", "owned-root", "stat", "-c", "%a %u", "/");
    expect(await stage.env.ok(["start", "-a", "owned"])).toBe("711 1000");
    expect(await stage.env.ok(["start", "-a", "owned"])).toBe("711 1000");
  });

  it("of several tries all, tells each failure, and fails if one did", async () => {
    await create("bad", "busybox", "nosuch");
    await create("good", "busybox", "sleep", "60");
    const result = await stage.env.run(["start", "bad", "missing", "good"]);
    expect(result.code).toBe(1);
    expect(result.stdout).toBe("good\n");
    expect(result.stderr).toContain('exec: "nosuch": executable file not found in $PATH');
    expect(result.stderr).toContain("no such container: missing");
    expect(await field("bad", "{{.State.Status}} {{.State.ExitCode}}")).toBe("created 127");
    expect(await field("good", "{{.State.Status}}")).toBe("running");
  });

  it("-a shows output and error and exits as the container", async () => {
    await create("shown", "busybox", "sh", "-c", "echo out; echo err >&2; cat; exit 5");
    expect(await stage.env.run(["start", "-a", "shown"], { stdin: "unseen" })).toMatchObject({
      code: 5,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it("-a -i feeds a container that was made with -i", async () => {
    await create("fed", "-i", "busybox", "cat");
    expect(await stage.env.run(["start", "-ai", "fed"], { stdin: "first" })).toMatchObject({
      code: 0,
      stdout: "first",
    });
    expect(await stage.env.run(["start", "-a", "-i", "fed"], { stdin: "second" })).toMatchObject({
      code: 0,
      stdout: "second",
    });
  });

  it("-a -i takes a terminal that was asked for at create", async () => {
    await create("shell", "-it", "busybox");
    const session = stage.env.terminal(["start", "-ai", "shell"]);
    await session.waitFor(/# /);
    session.type("stty size; exit 6\n");
    await session.waitFor(/24 80/);
    expect(await session.exited()).toEqual({ code: 6, signal: null });
    expect(await stage.env.fails(["start", "-ai", "shell"], 1)).toContain("the input device is not a TTY");
  });

  it("-a refuses more than one, in docker's words", async () => {
    await create("a", "busybox");
    await create("b", "busybox");
    expect(await stage.env.fails(["start", "-a", "a", "b"], 1)).toContain(
      "you cannot start and attach multiple containers at once",
    );
    expect(await stage.env.fails(["start"], 1)).toContain("requires at least 1 argument");
    expect(await stage.env.fails(["start", "-a", "nosuch"], 1)).toContain("no such container: nosuch");
  });

  it("removes one that was made with --rm when it ends", async () => {
    await create("gone", "--rm", "busybox", "echo", "x");
    expect(await stage.env.ok(["start", "-a", "gone"])).toBe("x");
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
  });

  it("and rm at the same moment: one of them comes first, and nothing is left of the other", async () => {
    for (let round = 0; round < 6; round += 1) {
      const name = `both-${round}`;
      await create(name, "busybox", "sleep", "60");
      const [started, removed] = await Promise.all([stage.env.run(["start", name]), stage.env.run(["rm", name])]);
      const running = await stage.env.ok(["ps", "-aq", "--filter", `name=^${name}$`]);
      if (removed.code === 0) {
        expect(running).toBe("");
      } else {
        expect(removed.stderr).toContain("container is running");
        expect(started.code).toBe(0);
      }
    }
  });

  it("of one container by many at once starts it once", async () => {
    await create("once", "busybox", "sh", "-c", "echo run >> /count; wc -l < /count; sleep 0.5");
    const starts = await Promise.all(Array.from({ length: 6 }, () => stage.env.run(["start", "once"])));
    expect(starts.map(({ code, stdout }) => [code, stdout])).toEqual(starts.map(() => [0, "once\n"]));
    await exited("once");
    expect(await stage.env.ok(["logs", "once"])).toBe("1");
  });
});
