// A container's terminal: what is typed, shown and resized, how it is left, and that the user's own is always given back.

import { describe, expect } from "bun:test";

import { TerminalSession } from "../support/command.ts";
import { until } from "../support/private-host.ts";
import { useStage } from "../support/stage.ts";

const TIMEOUT_MS = 60_000;
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const CTRL_P = "\u0010";
const CTRL_Q = "\u0011";
const CTRL_Z = "\u001a";
const CTRL_BACKSLASH = "\u001c";

const stage = useStage();
const { it } = stage;

/** A shell of the user's on a terminal, with `b` for the program and a prompt that can be waited for. */
class Shell {
  readonly session: TerminalSession;
  #seen = 0;

  constructor() {
    const argv = stage.env.command(["bash", "--norc", "--noprofile", "-i"], { environment: { TERM: "dumb" } });
    this.session = new TerminalSession(argv, "bash", { columns: 80, rows: 24, timeoutMs: TIMEOUT_MS });
  }

  static async open(): Promise<Shell> {
    const shell = new Shell();
    shell.session.type(`PS1='[$?]% '; PS2=; b=${stage.env.program}; before=$(stty -g)\n`);
    await shell.answer();
    return shell;
  }

  /** Waits for what matches after everything waited for so far. */
  async see(pattern: RegExp): Promise<void> {
    this.#seen = await this.session.waitFor(pattern, this.#seen);
  }

  type(keys: string): void {
    this.session.type(keys);
  }

  /** The exit code in the next prompt, and what was shown until then. */
  async answer(): Promise<{ code: number; shown: string }> {
    const from = this.#seen;
    const prompt = /\[(\d+)\]% /;
    this.#seen = await this.session.waitFor(prompt, from);
    const shown = this.session.output.slice(from, this.#seen);
    return { code: Number(prompt.exec(shown)?.[1]), shown };
  }

  async run(command: string): Promise<{ code: number; shown: string }> {
    this.type(`${command}\n`);
    return this.answer();
  }

  /** The terminal is as it was when the shell was opened. */
  async expectRestored(): Promise<void> {
    const { shown } = await this.run('[ "$(stty -g)" = "$before" ] && echo "as it"" was" || stty -a');
    expect(shown).toContain("as it was");
  }

  async close(): Promise<void> {
    this.type("exit\n");
    await this.session.exited();
  }
}

async function isRunning(name: string): Promise<boolean> {
  return (await stage.env.ok(["ps", "-q", "--filter", `name=^${name}$`])) !== "";
}

describe("run -it", () => {
  it("is a terminal of the container's own: echo, editing, size, and the exit code", async () => {
    const session = stage.env.terminal(["run", "--rm", "-it", "busybox"], { columns: 91, rows: 33 });
    await session.waitFor(/# /);
    session.type("stty size; tty; test -t 0 -a -t 1 -a -t 2 && echo all $((40+2)); ls -l /dev/console | cut -c1\n");
    let seen = await session.waitFor(/all 42/);
    expect(session.output).toContain("33 91\r\n/dev/pts/0\r\n");
    session.type("echo typ\u007fyped | tr a-z A-Z\n");
    seen = await session.waitFor(/TYYPED|TYPED/, seen);
    session.type("exit 3\n");
    expect(await session.exited()).toEqual({ code: 3, signal: null });
  });

  it("follows the size of the user's terminal, from the first moment on", async () => {
    const script = "stty size; trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; done";
    const session = stage.env.terminal(["run", "--rm", "-it", "busybox", "sh", "-c", script], {
      columns: 71,
      rows: 17,
    });
    let seen = await session.waitFor(/17 71\r\nready/);
    session.resize(100, 40);
    seen = await session.waitFor(/40 100/, seen);
    session.resize(60, 20);
    await session.waitFor(/20 60/, seen);
    session.type(CTRL_C);
    await session.exited();
  });

  it("passes Ctrl-C, Ctrl-\\ and Ctrl-D to the process, not to the client", async () => {
    const session = stage.env.terminal([
      "run",
      "--rm",
      "-it",
      "busybox",
      "sh",
      "-c",
      "trap 'echo interrupted; over=1' INT; echo ready; until [ $over ]; do sleep 0.02; done; echo over; cat; exit 5",
    ]);
    let seen = await session.waitFor(/ready/);
    session.type(CTRL_C);
    seen = await session.waitFor(/interrupted\r\nover/, seen);
    session.type(CTRL_D);
    expect(await session.exited()).toEqual({ code: 5, signal: null });
    const other = stage.env.terminal(["run", "--rm", "-it", "--init", "busybox", "sleep", "60"]);
    // Nothing says when sleep has begun.
    const all = () => other.output;
    await until(() => all() !== "", 300);
    other.type(CTRL_BACKSLASH);
    expect(await other.exited()).toEqual({ code: 131, signal: null });
  });

  it("has job control inside", async () => {
    const session = stage.env.terminal(["run", "--rm", "-it", "busybox"]);
    let seen = await session.waitFor(/# /);
    session.type("sleep 60\n");
    await Bun.sleep(200);
    session.type(CTRL_Z);
    seen = await session.waitFor(/Stopped.*sleep 60/, seen);
    session.type("jobs; kill -9 %1; exec true\n");
    await session.waitFor(/Stopped.*sleep 60/, seen);
    expect((await session.exited()).code).toBe(0);
  });

  it("needs a terminal for -i -t, in docker's words, and none for -t alone", async () => {
    expect(await stage.env.fails(["run", "--rm", "-it", "busybox"], 1)).toContain("the input device is not a TTY");
    expect(
      await stage.env.ok(["run", "--rm", "-t", "busybox", "sh", "-c", "test -t 1 && echo out; echo err >&2"]),
    ).toBe("out\r\nerr\r");
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
  });

  it("ends when the container is killed from elsewhere", async () => {
    const session = stage.env.terminal(["run", "-it", "--name", "hangs", "busybox"]);
    await session.waitFor(/# /);
    await stage.env.ok(["kill", "hangs"]);
    expect(await session.exited()).toEqual({ code: 137, signal: null });
  });
});

describe("detaching", () => {
  it("is Ctrl-P Ctrl-Q, leaves the container running, and attach comes back to it", async () => {
    const session = stage.env.terminal(["run", "-it", "--name", "left", "busybox"]);
    let seen = await session.waitFor(/# /);
    session.type("x=kept\n");
    seen = await session.waitFor(/# /, seen);
    session.type(CTRL_P + CTRL_Q);
    expect(await session.exited()).toEqual({ code: 0, signal: null });
    expect(session.output).toMatch(/read escape sequence\r?\n$/);
    expect(await isRunning("left")).toBe(true);
    const again = stage.env.terminal(["attach", "left"]);
    again.type("echo $x and $((1+1))\n");
    seen = await again.waitFor(/kept and 2/);
    again.type("exit 4\n");
    expect(await again.exited()).toEqual({ code: 4, signal: null });
  });

  it("passes a beginning that is not followed by the rest on", async () => {
    const session = stage.env.terminal([
      "run",
      "--rm",
      "-it",
      "busybox",
      "sh",
      "-c",
      "stty raw -echo; echo ready; dd bs=1 count=3 2>/dev/null | od -An -tx1",
    ]);
    await session.waitFor(/ready/);
    session.type(`${CTRL_P}a${CTRL_P}${CTRL_C}`);
    await session.waitFor(/10 61 10/);
    expect((await session.exited()).code).toBe(0);
  });

  it("takes other keys, or none", async () => {
    const session = stage.env.terminal(["run", "-it", "--name", "keys", "--detach-keys", "ctrl-x,y", "busybox"]);
    const seen = await session.waitFor(/# /);
    session.type(`${CTRL_P}${CTRL_Q}echo st""ill\n`);
    await session.waitFor(/still/, seen);
    session.type("\u0018y");
    expect((await session.exited()).code).toBe(0);
    expect(await isRunning("keys")).toBe(true);
    const other = stage.env.terminal(["exec", "-it", "--detach-keys", "", "keys", "sh"]);
    const shown = await other.waitFor(/# /);
    other.type(`${CTRL_P}${CTRL_Q}echo st""ill\n`);
    await other.waitFor(/still/, shown);
    other.type("exit\n");
    await other.exited();
    expect(await stage.env.fails(["run", "--detach-keys", "ctrl-", "busybox"], 125)).toContain(
      "invalid detach keys (ctrl-) provided",
    );
  });

  it("works for exec, whose process then goes on", async () => {
    await stage.env.ok(["run", "-d", "--name", "host", "busybox", "sleep", "60"]);
    const session = stage.env.terminal(["exec", "-it", "host", "sh", "-c", "echo ready; read line; sleep 60"]);
    await session.waitFor(/ready/);
    session.type(CTRL_P + CTRL_Q);
    expect((await session.exited()).code).toBe(0);
    expect(await stage.env.ok(["exec", "host", "sh", "-c", "ps | grep -c 'read [l]ine'"])).toBe("1");
  });
});

describe("the user's own terminal", () => {
  it("is as it was after every way out", async () => {
    const shell = await Shell.open();
    const run = "$b run -it --network none --name t busybox";
    // The command ends.
    shell.type(`${run} sh -c 'echo ready; read x; exit 9'\n`);
    await shell.see(/ready\r\n/);
    shell.type("\n");
    expect((await shell.answer()).code).toBe(9);
    await shell.expectRestored();
    // It could not be started.
    await shell.run("$b rm t");
    expect((await shell.run(`${run} nosuch`)).code).toBe(127);
    await shell.expectRestored();
    await shell.run("$b rm t");
    expect((await shell.run(`${run} -u nosuch`)).code).toBe(127);
    await shell.expectRestored();
    await shell.run("$b rm t");
    // Detached from.
    shell.type(`${run} sh -c 'echo ready; sleep 60'\n`);
    await shell.see(/ready\r\n/);
    shell.type(CTRL_P + CTRL_Q);
    expect((await shell.answer()).code).toBe(0);
    await shell.expectRestored();
    // Attached again, and the container killed from elsewhere.
    shell.type("$b attach t\n");
    await Bun.sleep(200);
    await stage.env.ok(["kill", "t"]);
    expect((await shell.answer()).code).toBe(137);
    await shell.expectRestored();
    await shell.close();
  });

  it("is given back when the client is ended by a signal", async () => {
    const shell = await Shell.open();
    await stage.env.ok(["run", "-d", "--name", "t", "busybox", "sleep", "60"]);
    shell.type("$b exec -it t sh -c 'echo $((40+2)); sleep 50'\n");
    await shell.see(/42\r\n/);
    await stage.env.startOther(["pkill", "-TERM", "-u", String(stage.env.user.uid), "-f", "exec -it t sh"]).result();
    expect((await shell.answer()).code).toBe(143);
    await shell.expectRestored();
    await shell.close();
  });

  it("is the shell's again while the client is stopped, and raw after fg", async () => {
    const shell = await Shell.open();
    shell.type(
      "$b run --rm -it --network none busybox sh -c 'echo $((40+2)); stty raw -echo; dd bs=1 count=1 2>/dev/null | od -An -tx1'\n",
    );
    await shell.see(/42\r\n/);
    await stage.env
      .startOther(["pkill", "-STOP", "-u", String(stage.env.user.uid), "-f", "bunker run --rm -it"])
      .result();
    await shell.see(/Stopped/);
    await shell.answer();
    await shell.expectRestored();
    shell.type("fg\n");
    await shell.see(/fg\r\n[^\n]*busybox[^\n]*\n/);
    await Bun.sleep(200);
    shell.type(CTRL_C);
    await shell.see(/03/);
    expect((await shell.answer()).code).toBe(0);
    await shell.expectRestored();
    await shell.close();
  });

  it("without -t lets Ctrl-Z stop the client, and fg and bg go on with it", async () => {
    const shell = await Shell.open();
    shell.type("$b run --rm -i --network none busybox sh -c 'echo $((40+2)); cat; echo after'\n");
    await shell.see(/42\r\n/);
    shell.type(CTRL_Z);
    await shell.see(/Stopped/);
    await shell.answer();
    await shell.expectRestored();
    shell.type("fg\n");
    await shell.see(/fg\r\n/);
    shell.type("line\n");
    await shell.see(/line\r\nline\r\n/);
    shell.type(CTRL_D);
    await shell.see(/after\r\n/);
    expect((await shell.answer()).code).toBe(0);
    await shell.expectRestored();
    await shell.close();
  });

  it("without -t passes Ctrl-C on to the container", async () => {
    const shell = await Shell.open();
    shell.type(
      "$b run --rm --network none busybox sh -c 'trap \"echo caught; exit 6\" INT; echo $((40+2)); while :; do sleep 0.05; done'\n",
    );
    await shell.see(/42\r\n/);
    shell.type(CTRL_C);
    await shell.see(/caught\r\n/);
    expect((await shell.answer()).code).toBe(6);
    await shell.close();
  });

  it("shows what it is told, colours and all, and no more", async () => {
    const session = stage.env.terminal([
      "run",
      "--rm",
      "-it",
      "busybox",
      "printf",
      "\\033[1mbold\\033[0m\\n\\303\\274",
    ]);
    await session.exited();
    expect(session.output).toBe("\u001b[1mbold\u001b[0m\r\nü");
  });
});
