// Standard input, output and error of run, attach and exec through pipes: byte for byte, closed when they should be, whatever the
// other side does. What docker does where nobody reads any more is decided here: the client ends like a broken pipe (141), the
// container runs on, with --rm too.

import { describe, expect } from "bun:test";

import type { CommandResult } from "../support/command.ts";
import { isLong } from "../support/guards.ts";
import { useStage } from "../support/stage.ts";

const MIB = 1 << 20;
const LARGE = isLong() ? 1024 * MIB : 100 * MIB;

const ENDS = isLong() ? 500 : 3;

const stage = useStage();
const { it } = stage;

/** A script in bash, as the user; the program is $b, what a container gets is `run`. */
function shell(script: string): Promise<CommandResult> {
  const prelude = `b=${stage.env.program}; run() { "$b" run --rm --network none "$@"; }; `;
  return stage.env.startOther(["bash", "-c", prelude + script]).result();
}

async function isRunning(name: string): Promise<boolean> {
  return (await stage.env.ok(["ps", "-q", "--filter", `name=^${name}$`])) !== "";
}

describe("standard input", () => {
  it("reaches the process to its end, and its end reaches the process", async () => {
    expect(await stage.env.run(["run", "--rm", "-i", "busybox", "cat"], { stdin: "typed\n" })).toMatchObject({
      code: 0,
      stdout: "typed\n",
    });
    expect(await stage.env.run(["run", "--rm", "-i", "busybox", "wc", "-c"], { stdin: "" })).toMatchObject({
      stdout: "0\n",
    });
    // After its end the process goes on, and is still heard.
    expect(
      await stage.env.run(["run", "--rm", "-i", "busybox", "sh", "-c", "cat; sleep 0.3; echo after"], { stdin: "x" }),
    ).toMatchObject({ stdout: "xafter\n" });
  });

  it("is empty without -i", async () => {
    expect(await stage.env.run(["run", "--rm", "busybox", "cat"], { stdin: "unseen" })).toMatchObject({
      code: 0,
      stdout: "",
    });
    expect(await stage.env.ok(["run", "--rm", "busybox", "readlink", "/proc/self/fd/0"])).toBe("/dev/null");
  });

  it("is passed on as it comes, line by line", async () => {
    const running = stage.env.start(
      ["run", "--rm", "-i", "busybox", "sh", "-c", "while read line; do echo got $line; done; echo over"],
      { interactive: true },
    );
    for (const word of ["one", "two"]) {
      await running.write(`${word}\n`);
      await running.waitFor(new RegExp(`got ${word}`));
    }
    await running.closeStdin();
    expect(await running.result()).toMatchObject({ code: 0, stdout: "got one\ngot two\nover\n" });
  });

  it("can be left unread, or stay open after the process has ended", async () => {
    expect(await shell("yes | run -i busybox head -n 1; echo ${PIPESTATUS[@]}")).toMatchObject({
      stdout: "y\n141 0\n",
    });
    const open = stage.env.start(["run", "--rm", "-i", "busybox", "echo", "done"], { interactive: true });
    expect(await open.result()).toMatchObject({ code: 0, stdout: "done\n" });
  });

  it("can be a file, /dev/null, a terminal's other side, or closed", async () => {
    expect(
      await shell(
        "echo from file > f; run -i busybox cat < f; run -i busybox cat < /dev/null; run -i busybox wc -c <&-",
      ),
    ).toMatchObject({
      code: 0,
      stdout: "from file\n0\n",
      stderr: "",
    });
  });
});

describe("standard output and error", () => {
  it("can be files, /dev/null, full, or closed", async () => {
    const both = "busybox sh -c 'echo out; echo err >&2; exit 4'";
    const result = await shell(
      `run ${both} > o 2> e; echo $?; cat o e; run ${both} > same 2>&1; sort same; run ${both} >> o; wc -l < o; run ${both} > /dev/null 2>&1; echo $?`,
    );
    expect(result).toMatchObject({ stdout: "4\nout\nerr\nerr\nout\n2\n4\n", stderr: "err\n" });
    // Descriptors that are missing: nothing else may end up in their place.
    for (const closed of ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"]) {
      expect([closed, (await shell(`run -i ${both} ${closed}`)).code]).toEqual([closed, 4]);
    }
    expect((await shell(`"$b" ps >&- 2>&-`)).code).toBeLessThanOrEqual(1);
  });

  it("are complete when the process ends, however fast", async () => {
    const lines = 20_000;
    for (let round = 0; round < ENDS; round += 1) {
      const { stdout } = await stage.env.run(["run", "--rm", "--network", "none", "busybox", "seq", String(lines)]);
      expect(stdout.length).toBe(
        Array.from({ length: lines }, (_, at) => String(at + 1).length + 1).reduce((sum, length) => sum + length),
      );
      expect(stdout.endsWith(`\n${lines}\n`)).toBe(true);
    }
    // A reader slower than the process.
    const slow = await shell(`run busybox seq ${lines} | (sleep 0.5; tail -n 1)`);
    expect(slow.stdout).toBe(`${lines}\n`);
    // What children of the process left behind it write no longer counts, and is not waited for.
    expect(await shell("run --init busybox sh -c 'sleep 5 & echo parent'")).toMatchObject({
      code: 0,
      stdout: "parent\n",
    });
  });

  it("keep every byte, both ways", async () => {
    const all = new Uint8Array(65_536).map((_, at) => at * 7 + (at >> 8));
    const { stdoutBytes } = await stage.env.run(["run", "--rm", "-i", "--network", "none", "busybox", "cat"], {
      stdin: all,
    });
    expect(Buffer.from(stdoutBytes).equals(Buffer.from(all))).toBe(true);
  });

  it(`carry ${LARGE / MIB} MiB both ways at once, unharmed`, async () => {
    // openssl's stream is fast, and as random as it needs to be.
    const source = `head -c ${LARGE} /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 2>/dev/null`;
    const script = `${source} | tee >(sha256sum > in) | run -i busybox cat | sha256sum > out; while [ ! -s in ]; do sleep 0.01; done; cmp in out && echo same`;
    expect(await shell(script)).toMatchObject({ code: 0, stdout: "same\n" });
    const inside = await shell(
      `${source} | tee >(sha256sum > in) | run -i busybox sha256sum > out; while [ ! -s in ]; do sleep 0.01; done; cmp in out && echo same`,
    );
    expect(inside).toMatchObject({ code: 0, stdout: "same\n" });
    const exec = `"$b" run -d --name big --network none busybox sleep 60 > id; ${source} | "$b" exec -i big cat | sha256sum > out; cmp in out && echo same`;
    expect(await shell(exec)).toMatchObject({ code: 0, stdout: "same\n" });
  });

  it("that nobody reads any more end the client like a broken pipe, and the container runs on", async () => {
    const forever = "sh -c 'while echo line; do sleep 0.02; done'";
    expect(
      await shell(`"$b" run --name on --network none busybox ${forever} | head -n 1; echo \${PIPESTATUS[0]}`),
    ).toMatchObject({
      stdout: "line\n141\n",
      stderr: "",
    });
    expect(await isRunning("on")).toBe(true);
    expect(await shell(`"$b" logs -f on | head -n 2; echo \${PIPESTATUS[0]}`)).toMatchObject({
      stdout: "line\nline\n141\n",
      stderr: "",
    });
    expect(await shell(`"$b" attach on | head -n 1; echo \${PIPESTATUS[0]}`)).toMatchObject({
      stdout: "line\n141\n",
      stderr: "",
    });
    expect(await shell(`"$b" exec on ${forever} | head -n 1; echo \${PIPESTATUS[0]}`)).toMatchObject({
      stdout: "line\n141\n",
      stderr: "",
    });
    await stage.env.ok(["stop", "-t", "0", "on"]);
    // With --rm it goes when it ends, not before.
    expect(
      await shell(
        `run --name short busybox sh -c 'echo line; for i in 1 2 3 4 5; do sleep 0.1; echo; done' | head -n 1; echo \${PIPESTATUS[0]}`,
      ),
    ).toMatchObject({
      stdout: "line\n141\n",
    });
    expect(await isRunning("short")).toBe(true);
    for (let left = "x"; left !== ""; left = await stage.env.ok(["ps", "-aq", "--filter", "name=short"]))
      await Bun.sleep(20);
  });

  it("stall the process while the reader is slow, and lose nothing", async () => {
    const script =
      "run busybox seq 1 400000 | (sleep 1; cat) | sha256sum > stalled; seq 1 400000 | sha256sum | cmp - stalled && echo same";
    expect((await shell(script)).stdout).toBe("same\n");
  });
});

describe("signals to the client", () => {
  const trap = [
    "sh",
    "-c",
    'for s in HUP INT QUIT USR1 USR2 TERM; do trap "echo caught $s; exit 7" $s; done; echo ready; while :; do sleep 0.02; done',
  ];

  it("are passed on to the process", async () => {
    for (const signal of ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM"]) {
      const running = stage.env.start(["run", "--rm", "--network", "none", "busybox", ...trap]);
      await running.waitFor(/ready/);
      running.kill(`SIG${signal}` as NodeJS.Signals);
      expect(await running.result()).toMatchObject({ code: 7, stdout: `ready\ncaught ${signal}\n` });
    }
  });

  it("are not with --sig-proxy=false: they end the client, and the container runs on", async () => {
    const running = stage.env.start([
      "run",
      "--sig-proxy=false",
      "--name",
      "on",
      "--network",
      "none",
      "busybox",
      ...trap,
    ]);
    await running.waitFor(/ready/);
    running.kill("SIGTERM");
    expect(await running.result()).toMatchObject({ code: null, signal: "SIGTERM" });
    expect(await isRunning("on")).toBe(true);
    const attached = stage.env.start(["attach", "--sig-proxy=false", "on"]);
    await Bun.sleep(200);
    attached.kill("SIGINT");
    expect((await attached.result()).signal).toBe("SIGINT");
    const proxied = stage.env.start(["attach", "on"]);
    await Bun.sleep(200);
    proxied.kill("SIGUSR1");
    expect(await proxied.result()).toMatchObject({ code: 7, stdout: "caught USR1\n" });
  });

  it("that kill the client leave the container as it is, its output in the log, its input closed", async () => {
    const running = stage.env.start(
      ["run", "-i", "--name", "on", "--network", "none", "busybox", "sh", "-c", "cat; echo input closed; sleep 60"],
      { interactive: true },
    );
    await running.write("before\n");
    await running.waitFor(/before/);
    running.kill("SIGKILL");
    await running.result();
    expect(await isRunning("on")).toBe(true);
    const log = stage.env.start(["logs", "-f", "on"]);
    await log.waitFor(/before\ninput closed/);
    log.kill();
  });

  it("end a client whose container does not care at the third Ctrl-C", async () => {
    const deaf = ["sh", "-c", "trap '' INT TERM; echo ready; while :; do sleep 0.05; done"];
    const running = stage.env.start(["run", "--name", "deaf", "--network", "none", "busybox", ...deaf]);
    await running.waitFor(/ready/);
    for (let round = 0; round < 3; round += 1) {
      running.kill("SIGINT");
      await Bun.sleep(100);
    }
    const { stderr } = await running.result();
    expect(stderr).toContain("got 3 SIGTERM/SIGINTs, forcefully exiting");
    expect(await isRunning("deaf")).toBe(true);
  });
});
