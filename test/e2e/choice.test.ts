// Verbs for many containers at once: all, the latest, those that suit, those in files.

import { describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage();
const { it } = stage;

const names = async (...words: string[]) =>
  (await stage.env.ok(["ps", "--format", "{{.Names}}", ...words])).split("\n").filter(Boolean).sort();

describe("a verb for many containers", () => {
  it("acts on all that it can act on", async () => {
    const { env } = stage;
    for (const name of ["a", "b"]) await env.ok(["run", "-d", `--name=${name}`, NONE, "busybox", "sleep", "1000"]);
    await env.ok(["create", "--name=c", NONE, "busybox"]);
    expect((await env.ok(["stop", "--all", "-t", "0"])).split("\n")).toHaveLength(2);
    expect(await names()).toEqual([]);
    await env.ok(["restart", "--filter", "name=a"]);
    expect(await names()).toEqual(["a"]);
    expect((await env.ok(["kill", "-a"])).split("\n")).toHaveLength(1);
    await env.ok(["wait", "a"]);
    await env.ok(["restart", "b"]);
    expect((await env.ok(["rm", "--all"])).split("\n")).toHaveLength(2);
    expect(await names("-a")).toEqual(["b"]);
    expect((await env.ok(["rm", "--all", "--force", "--time", "0"])).split("\n")).toHaveLength(1);
    expect(await env.ok(["stop", "--all"])).toBe("");
  });

  it("acts on the latest, on those that suit, and on those in files", async () => {
    const { env } = stage;
    const file = join(env.makeDirectory("files0"), "id");
    for (const name of ["a", "b", "c"])
      await env.ok(["create", `--name=${name}`, "--label", `l=${name}`, NONE, "busybox"]);
    const latest = await env.ok(["inspect", "-f", "{{.Id}}", "c"]);
    expect(await env.ok(["rm", "--latest"])).toBe(latest);
    expect(await env.ok(["rm", "--filter", "until=1h"])).toBe("");
    await env.ok(["rm", "--filter", "label!=l=a", "--filter", "until=0s"]);
    expect(await names("-a")).toEqual(["a"]);
    writeFileSync(file, `${await env.ok(["inspect", "-f", "{{.Id}}", "a"])}\n`);
    await env.ok(["rm", "--cidfile", file]);
    expect(await names("-a")).toEqual([]);
  });

  it("is refused when it names and chooses at once, or does neither", async () => {
    const { env } = stage;
    expect(await env.fails(["stop"], 1)).toContain("'bunker stop' requires at least 1 argument");
    expect(await env.fails(["rm", "-a", "x"], 1)).toContain("cannot be used together with names");
    expect(await env.fails(["kill", "-a", "-l"], 1)).toContain("--latest cannot be used together with --all");
    expect(await env.fails(["rm", "--cidfile", "/no/such/file"], 1)).toContain("/no/such/file");
    expect(await env.fails(["rm", "-t", "3", "x"], 1)).toContain("--force option must be specified");
    expect(await env.run(["rm", "--ignore", "nosuch"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await env.run(["stop", "-i", "nosuch", "--cidfile", "/no/such/file"])).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect(await env.fails(["rm", "nosuch"], 1)).toContain("no such container: nosuch");
    expect(await env.fails(["start", "-l", "x"], 1)).toContain("--latest cannot be used together with names");
    expect(await env.fails(["exec", "x"], 1)).toContain("'bunker exec' requires at least 2 arguments");
    expect(await env.fails(["attach"], 1)).toContain("'bunker attach' requires 1 argument");
  });

  it("says so when there is no latest, and reads a file no further than its first line", async () => {
    const { env } = stage;
    for (const words of [["rm"], ["stop"], ["wait"], ["logs"], ["port"], ["attach"], ["inspect"], ["start"]])
      expect(await env.fails([...words, "--latest"], 1)).toContain("no such container: there is none");
    expect(await env.fails(["exec", "-l", "true"], 1)).toContain("no such container: there is none");
    const file = join(env.makeDirectory("files1"), "id");
    writeFileSync(file, "\nweb\n");
    expect(await env.fails(["rm", "--cidfile", file], 1)).toContain(`no container ID in ${file}\nhint: `);
    expect(await env.fails(["rm", "--cidfile", "/dev/zero"], 1)).toContain("read /dev/zero: larger than");
    await env.ok(["create", "--name=c", NONE, "busybox"]);
    writeFileSync(file, "c\nand so on\n");
    expect(await env.ok(["rm", "--cidfile", file])).toBe("c");
  });

  it("acts on the latest: exec, attach, logs, port, inspect, start, wait", async () => {
    const { env } = stage;
    const file = join(env.makeDirectory("files2"), "id");
    await env.ok(["create", "--name=a", NONE, "busybox", "true"]);
    await env.ok(["create", "--name=b", NONE, "--cidfile", file, "busybox", "sh", "-c", "echo $NAME; sleep 100"]);
    await env.ok(["start", "--latest"]);
    expect(await env.ok(["inspect", "-l", "-f", "{{.Name}}"])).toBe("/b");
    expect(await env.ok(["container", "inspect", "--latest", "-f", "{{.State.Status}}"])).toBe("running");
    expect(await env.fails(["inspect", "-l", "--type=image"], 1)).toContain("--latest names a container");
    expect(await env.ok(["exec", "-l", "echo", "hello"])).toBe("hello");
    expect(await env.ok(["exec", "--cidfile", file, "echo", "hello"])).toBe("hello");
    expect(await env.ok(["port", "-l"])).toBe("");
    expect(await env.ok(["port", "-a"])).toBe("");
    expect(await env.fails(["port", "-l", "80"], 1)).toContain("no public port '80/tcp' published for");
    await env.ok(["kill", "-l"]);
    expect(await env.ok(["wait", "-l"])).toBe("137");
    expect(await env.ok(["logs", "-l"])).toBe("");
  });

  it("starts all, or those that suit, and restarts those that run", async () => {
    const { env } = stage;
    for (const name of ["a", "b", "c"])
      await env.ok(["create", `--name=${name}`, "--label", `l=${name}`, NONE, "busybox", "sleep", "1000"]);
    expect(await env.ok(["start", "-f", "label=l=b"])).toBe(await env.ok(["inspect", "-f", "{{.Id}}", "b"]));
    const pid = (name: string) => env.ok(["inspect", "-f", "{{.State.Pid}}", name]);
    const before = await pid("b");
    expect((await env.ok(["restart", "--running", "-t", "0"])).split("\n")).toHaveLength(1);
    expect(await names()).toEqual(["b"]);
    expect(await pid("b")).not.toBe(before);
    expect((await env.ok(["start", "--all"])).split("\n")).toHaveLength(2);
    expect(await names()).toEqual(["a", "b", "c"]);
    expect(await env.ok(["start", "--all", "-a"])).toBe("");
  });
});

describe("wait", () => {
  it("for a state", async () => {
    const { env } = stage;
    await env.ok([
      "create",
      "--name=c",
      NONE,
      "busybox",
      "sh",
      "-c",
      "while ! [ -e /go ]; do sleep 0.05; done; exit 3",
    ]);
    expect(await env.ok(["wait", "--condition", "configured", "c"])).toBe("-1");
    const running = env.start(["wait", "--condition=running", "-i", "20ms", "c"]);
    const ended = env.start(["wait", "--condition=stopped,removing", "--interval", "20", "c"]);
    await env.ok(["start", "c"]);
    expect((await running.result()).stdout).toBe("-1\n");
    await env.ok(["pause", "c"]);
    expect(await env.ok(["wait", "--condition=paused", "c"])).toBe("-1");
    await env.ok(["unpause", "c"]);
    await env.ok(["exec", "c", "touch", "/go"]);
    expect((await ended.result()).stdout).toBe("3\n");
    const gone = env.start(["wait", "--condition=removing", "c"]);
    await Bun.sleep(100);
    await env.ok(["rm", "c"]);
    expect((await gone.result()).stdout).toBe("-1\n");
    await env.ok(["run", "-d", "--rm", "--name=r", NONE, "busybox", "sh", "-c", "sleep 0.3; exit 4"]);
    expect(await env.ok(["wait", "--condition=exited", "r"])).toBe("4");
  });

  it("for some that may be missing, or for the first of several", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=long", NONE, "busybox", "sleep", "1000"]);
    await env.ok(["run", "-d", "--name=short", NONE, "busybox", "sh", "-c", "exit 5"]);
    expect(await env.ok(["wait", "--ignore", "nosuch", "short"])).toBe("-1\n5");
    expect(await env.ok(["wait", "--exit-first-match", "long", "short"])).toBe("5");
    expect(await env.fails(["wait", "nosuch"], 1)).toContain("no such container: nosuch");
  });

  it("refuses what no container can be", async () => {
    const { env } = stage;
    expect(await env.fails(["wait", "--condition", "dancing", "c"], 125)).toContain(
      'unknown container state "dancing"',
    );
    expect(await env.fails(["wait", "--condition", "healthy", "c"], 1)).toContain("healthy is not supported yet");
    expect(await env.fails(["wait", "-i", "0s", "c"], 125)).toContain("longer than nothing");
  });
});

describe("logs of several containers", () => {
  it("say whose each line is", async () => {
    const { env } = stage;
    const ids: string[] = [];
    for (const name of ["a", "b"]) {
      const script = `echo err >&2; sleep 0.1; echo ${name}1; printf ${name}2`;
      ids.push((await env.ok(["run", "-d", `--name=${name}`, NONE, "busybox", "sh", "-c", script])).slice(0, 12));
    }
    await env.ok(["wait", "a", "b"]);
    const shown = await env.run(["logs", "a", "b"]);
    expect(shown.stdout).toBe(`${ids[0]} a1\n${ids[0]} a2\n${ids[1]} b1\n${ids[1]} b2`);
    expect(shown.stderr).toBe(`${ids[0]} err\n${ids[1]} err\n`);
    expect(await env.ok(["logs", "--names", "a", "b"])).toBe("a a1\na a2\nb b1\nb b2");
    expect(await env.ok(["logs", "--names", "b"])).toBe("b b1\nb b2");
    expect(await env.ok(["logs", "-f", "--names", "--tail=1", "a", "b"])).toContain("b b2");
    expect(await env.ok(["logs", "--color", "--names", "--tail=1", "b"])).toBe("\u001b[36mb\u001b[0m b2");
    expect(await env.ok(["logs", "--names", "-t", "--tail=1", "a"])).toMatch(/^a 2\S+Z a2$/);
    expect(await env.run(["logs", "a", "nosuch"])).toMatchObject({ code: 1, stdout: "" });
  });
});
