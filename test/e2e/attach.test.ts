// bunker attach: in front of a running container, alone and together.

import { describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

/** Lines; far more than all pipes between hold. */
const MANY = 300_000;

const stage = useStage();
const { it } = stage;

/** Detached, with its input open. */
function runDetached(name: string, script: string, ...flags: string[]): Promise<string> {
  return stage.env.ok(["run", "-d", "--name", name, "--network", "none", ...flags, "busybox", "sh", "-c", script]);
}

describe("attach", () => {
  it("shows what comes from now on, on both outputs, and exits as the container", async () => {
    await runDetached("c", "echo before; read line; echo out $line; echo err $line >&2; exit 4", "-i");
    await stage.env.start(["logs", "-f", "c"]).waitFor(/before/);
    expect(await stage.env.run(["attach", "c"], { stdin: "typed\n" })).toMatchObject({
      code: 4,
      stdout: "out typed\n",
      stderr: "err typed\n",
    });
  });

  it("of several clients shows all of them the same", async () => {
    await runDetached("c", "read line; for i in 1 2 3; do echo $i $line; done; exit 3", "-i");
    const watchers = Array.from({ length: 4 }, () => stage.env.start(["attach", "--no-stdin", "c"]));
    await Bun.sleep(300);
    const writer = await stage.env.run(["attach", "c"], { stdin: "go\n" });
    const expected = { code: 3, stdout: "1 go\n2 go\n3 go\n" };
    expect(writer).toMatchObject(expected);
    for (const watcher of watchers) expect(await watcher.result()).toMatchObject(expected);
  });

  it("leaves the input open when it goes, unless run was in front", async () => {
    await runDetached("c", "while read line; do echo got $line; done; echo over", "-i");
    for (const word of ["one", "two"]) {
      const client = stage.env.start(["attach", "c"], { interactive: true });
      await client.write(`${word}\n`);
      await client.waitFor(new RegExp(`got ${word}`));
      client.kill();
      await client.result();
    }
    expect(await stage.env.ok(["logs", "c"])).toBe("got one\ngot two");
    expect(await stage.env.ok(["ps", "-q"])).not.toBe("");
  });

  it("is slowed down by nobody who does not read", async () => {
    await runDetached("c", "read line; seq 1 30000; echo done", "-i");
    const quiet = stage.env.start(["attach", "--no-stdin", "c"]);
    await Bun.sleep(200);
    expect((await stage.env.run(["attach", "c"], { stdin: "go\n" })).stdout).toEndWith("30000\ndone\n");
    expect((await quiet.result()).stdout).toEndWith("30000\ndone\n");
  });

  it("gives several clients every byte, at the pace of the slowest", async () => {
    await runDetached("c", `read line; seq 1 ${MANY}`, "-i");
    const b = stage.env.program;
    const client = (pause: string) => `("${b}" attach --no-stdin c | (sleep ${pause}; sha256sum))`;
    const script = `${client("0")} & ${client("0.7")} & ${client("0")} & sleep 0.5; echo go | "${b}" attach c | sha256sum; wait; seq 1 ${MANY} | sha256sum`;
    const { stdout } = await stage.env.startOther(["bash", "-c", script]).result();
    const sums = stdout.trimEnd().split("\n");
    expect(sums).toEqual(Array.from({ length: 5 }, () => sums[0] ?? ""));
  });

  it("comes and goes while much is said, and the log has all of it", async () => {
    await runDetached("c", `seq 1 ${MANY}; read line; echo over`, "-i");
    for (let round = 0; round < 3; round += 1) {
      const client = stage.env.start(["attach", "--no-stdin", "c"]);
      await Bun.sleep(50);
      client.kill();
      await client.result();
    }
    const follower = stage.env.start(["logs", "-f", "c"]);
    await follower.waitFor(new RegExp(`\n${MANY}\n`));
    expect((await stage.env.run(["attach", "c"], { stdin: "x\n" })).stdout).toBe("over\n");
    const { stdout } = await follower.result();
    expect(stdout).toBe(`${Array.from({ length: MANY }, (_, at) => at + 1).join("\n")}\nover\n`);
  });

  it("detaches by keys one of several terminals, the others stay", async () => {
    await runDetached("c", "while read line; do echo got $line; done", "-it");
    const [first, second] = [
      stage.env.terminal(["attach", "c"]),
      stage.env.terminal(["attach", "--detach-keys", "x", "c"]),
    ];
    await Bun.sleep(300);
    second.type("hello\n");
    await Promise.all([first.waitFor(/got hello/), second.waitFor(/got hello/)]);
    second.type("x");
    expect(await second.exited()).toEqual({ code: 0, signal: null });
    await stage.env.ok(["kill", "c"]);
    expect(await first.exited()).toEqual({ code: 137, signal: null });
  });

  it("refuses what does not run, and several at once, in docker's words", async () => {
    await stage.env.ok(["create", "--name", "made", "busybox"]);
    await stage.env.ok(["run", "--name", "ended", "busybox", "true"]);
    for (const name of ["made", "ended"]) {
      const complaint = await stage.env.fails(["attach", name], 1);
      expect(complaint).toContain("you cannot attach to a stopped container, start it first");
      expect(complaint).toContain("hint: ");
    }
    expect(await stage.env.fails(["attach", "nosuch"], 1)).toContain("no such container: nosuch");
    expect(await stage.env.fails(["attach", "a", "b"], 1)).toContain("requires 1 argument");
    await runDetached("tty", "sleep 60", "-it");
    expect(await stage.env.fails(["attach", "tty"], 1)).toContain("the input device is not a TTY");
  });

  it("tells the end of a container that is removed meanwhile", async () => {
    await runDetached("c", "echo ready; sleep 60");
    const client = stage.env.start(["attach", "c"]);
    await Bun.sleep(200);
    await stage.env.ok(["rm", "-f", "c"]);
    expect((await client.result()).code).toBe(137);
  });
});
