// bunker exec: one more process in a running container, with every flag, and with a container that ends meanwhile.

import { describe, expect } from "bun:test";
import { chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file } from "../support/tar.ts";

const PATIENCE_MS = 5_000;

const stage = useStage({
  prepare: async (opened) => {
    const odd = makeLayer([
      { ...directory("home/user"), uid: 1000, gid: 1000, mode: 0o700 },
      { ...file("odd/not-executable", "#!/bin/sh\n"), mode: 0o644 },
      { ...file("odd/empty", ""), mode: 0o755 },
    ]);
    await opened.add("odd", busyboxWith({ Env: ["PATH=/bin", "IMAGE=1", "A=image"], WorkingDir: "/home" }, [odd]));
  },
});
const { it } = stage;

function runDetached(name: string, ...words: string[]): Promise<string> {
  return stage.env.ok(["run", "-d", "--name", name, "--network", "none", ...words]);
}

function exec(...words: string[]): Promise<string> {
  return stage.env.ok(["exec", ...words]);
}

describe("exec", () => {
  it("runs in all the container's namespaces, with its environment, directory, user and limits", async () => {
    await runDetached(
      "c",
      "-u",
      "1000:2000",
      "-e",
      "RUN=2",
      "--ulimit",
      "nofile=111",
      "--hostname",
      "box",
      "--cap-add",
      "NET_ADMIN",
      "odd",
      "sleep",
      "60",
    );
    const link = (pid: string) =>
      exec("c", "sh", "-c", `for n in pid mnt net ipc uts cgroup user time; do readlink /proc/${pid}/ns/$n; done`);
    expect(await link("self")).toBe(await link("1"));
    expect(
      await exec("c", "sh", "-c", "echo $IMAGE $RUN $HOSTNAME $HOME $(pwd) $(id -u) $(id -g) $(ulimit -n) $(hostname)"),
    ).toBe("1 2 box / /home 1000 2000 111 box");
    const status = (pid: string) =>
      exec("-u", "0", "c", "grep", "-E", "^(CapBnd|Seccomp|NoNewPrivs)", `/proc/${pid}/status`);
    expect(await status("self")).toBe(await status("1"));
  });

  it("exits as the command, or 128 and its signal", async () => {
    await runDetached("c", "busybox", "sleep", "60");
    for (const code of [0, 1, 42, 125, 126, 127, 255])
      await stage.env.fails(["exec", "c", "sh", "-c", `exit ${code}`], code);
    await stage.env.fails(["exec", "c", "sh", "-c", "kill -9 $$"], 137);
    await stage.env.fails(["exec", "c", "sh", "-c", "kill -TERM $$"], 143);
  });

  it("is 127 and 126 for what is not there and what cannot be executed, in docker's words", async () => {
    await runDetached("c", "odd", "sleep", "60");
    for (const [words, code, says] of [
      [["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'],
      [["/no/such"], 127, 'exec: "/no/such": no such file or directory'],
      [["/odd/not-executable"], 126, 'exec: "/odd/not-executable": permission denied'],
      [["/odd/empty"], 126, 'exec: "/odd/empty": exec format error'],
      [["/odd"], 126, 'exec: "/odd": permission denied'],
      [[""], 127, 'exec: ""'],
    ] as const) {
      const complaint = await stage.env.fails(["exec", "c", ...words], code);
      expect(complaint).toContain(says);
      expect(complaint).toContain("hint: ");
    }
    // Of a place to be in, too (docker's exit code).
    expect(await stage.env.fails(["exec", "-w", "/no/such", "c", "true"], 127)).toContain("/no/such");
    expect(await stage.env.fails(["exec", "-w", "relative", "c", "true"], 1)).toContain(
      "it needs to be an absolute path",
    );
  });

  it("is 1 for what the engine refuses, 126 for a user who is not there, in docker's words", async () => {
    await stage.env.ok(["create", "--name", "made", "busybox"]);
    await stage.env.ok(["run", "--name", "ended", "busybox", "true"]);
    for (const name of ["made", "ended"]) {
      const complaint = await stage.env.fails(["exec", name, "true"], 1);
      expect(complaint).toContain("is not running");
      expect(complaint).toContain("hint: ");
    }
    expect(await stage.env.fails(["exec", "nosuch", "true"], 1)).toContain("no such container: nosuch");
    expect(await stage.env.fails(["exec", "made"], 1)).toContain("requires at least 2 arguments");
    await runDetached("c", "busybox", "sleep", "60");
    expect(await stage.env.fails(["exec", "-u", "nosuch", "c", "true"], 126)).toContain(
      "unable to find user nosuch: no matching entries in passwd file",
    );
    expect(await stage.env.fails(["exec", "-it", "c", "true"], 1)).toContain("the input device is not a TTY");
    expect(await stage.env.fails(["exec", "--nosuch", "c", "true"], 125)).toContain("unknown flag: --nosuch");
  });

  it("takes -e, --env-file, -u and -w of its own", async () => {
    const path = join(stage.env.home, "env");
    writeFileSync(path, "A=file\nB=file\n");
    chownSync(path, stage.env.user.uid, stage.env.user.gid);
    await runDetached("c", "-e", "C=run", "odd", "sleep", "60");
    const script = 'echo "$A $B ${C-unset} $D ${E-unset} $(id -u):$(id -g):$(id -G) $HOME $(pwd)"';
    const words = [
      "--env-file",
      path,
      "-e",
      "B=word",
      "-e",
      "C",
      "-e",
      "D",
      "-e",
      "E",
      "-u",
      "user",
      "-w",
      "/home/user",
      "c",
      "sh",
      "-c",
      script,
    ];
    expect(await stage.env.ok(["exec", ...words], { environment: { D: "host" } })).toBe(
      "file word unset host unset 1000:1000:1000 2000 / /home/user",
    );
    expect(await exec("-w", "/", "-u", "0:5", "c", "sh", "-c", "pwd; id -g")).toBe("/\n5");
  });

  it("keeps output and error apart, passes input on with -i alone, and its end", async () => {
    await runDetached("c", "busybox", "sleep", "60");
    expect(await stage.env.run(["exec", "c", "sh", "-c", "echo out; echo err >&2"])).toMatchObject({
      code: 0,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect((await stage.env.run(["exec", "-i", "c", "sh", "-c", "cat; echo after"], { stdin: "in\n" })).stdout).toBe(
      "in\nafter\n",
    );
    expect((await stage.env.run(["exec", "c", "cat"], { stdin: "in\n" })).stdout).toBe("");
    expect(
      await stage.env.run(["exec", "-i", "-u", "1000", "c", "sh", "-c", "cat > /dev/stdout; echo x > /dev/stderr"], {
        stdin: "in\n",
      }),
    ).toMatchObject({ stdout: "in\n", stderr: "x\n" });
    // Nothing of an exec is in the container's log.
    expect(await stage.env.ok(["logs", "c"])).toBe("");
  });

  it("has a terminal of its own with -t: its size, echo and end", async () => {
    await runDetached("c", "busybox", "sleep", "60");
    const session = stage.env.terminal(["exec", "-it", "c", "sh"], { columns: 77, rows: 19 });
    await session.waitFor(/# /);
    session.type("stty size; tty; echo $TERM\n");
    let seen = await session.waitFor(/19 77\r\n\/dev\/pts\/0\r\nxterm\r\n/);
    session.resize(50, 15);
    await Bun.sleep(200);
    session.type("stty size\n");
    seen = await session.waitFor(/15 50/, seen);
    const second = stage.env.terminal(["exec", "-it", "c", "tty"]);
    await second.waitFor(/\/dev\/pts\/1/);
    expect((await second.exited()).code).toBe(0);
    session.type("exit 8\n");
    expect(await session.exited()).toEqual({ code: 8, signal: null });
  });

  it("-d prints nothing, does not wait, and the process goes on", async () => {
    await runDetached("c", "busybox", "sleep", "60");
    expect(
      await stage.env.run(["exec", "-d", "c", "sh", "-c", "echo unseen; sleep 0.3; echo done > /done; sleep 45"]),
    ).toMatchObject({ code: 0, stdout: "", stderr: "" });
    for (let text = ""; text !== "done"; text = (await stage.env.run(["exec", "c", "cat", "/done"])).stdout.trim())
      await Bun.sleep(50);
    expect(await exec("c", "sh", "-c", "ps | grep -c ' sleep 4[5]$'")).toBe("1");
    expect(await stage.env.fails(["exec", "-d", "c", "nosuch"], 127)).toContain("executable file not found");
    expect(await stage.env.fails(["exec", "-d", "nosuch", "true"], 1)).toContain("no such container");
    // What it writes later goes nowhere and stops nothing.
    await exec("-d", "c", "sh", "-c", "sleep 0.1; seq 1 100000; echo survived > /survived");
    for (
      let text = "";
      text !== "survived";
      text = (await stage.env.run(["exec", "c", "cat", "/survived"])).stdout.trim()
    )
      await Bun.sleep(50);
  });

  it("lets a child of its process live, and does not wait for its output", async () => {
    await runDetached("c", "busybox", "sleep", "60");
    const started = performance.now();
    expect(await exec("c", "sh", "-c", "sleep 55 & echo started")).toBe("started");
    expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
    expect(await exec("c", "sh", "-c", "ps | grep -c 'sleep 5[5]'")).toBe("1");
  });

  it("of many at once keeps them apart", async () => {
    await runDetached("c", "busybox", "sleep", "60");
    const runs = Array.from({ length: 12 }, (_, at) =>
      stage.env.run(["exec", "-i", "c", "sh", "-c", `cat; exit ${at}`], { stdin: `input ${at}` }),
    );
    expect((await Promise.all(runs)).map(({ code, stdout }) => [code, stdout])).toEqual(
      runs.map((_, at) => [at, `input ${at}`]),
    );
  });

  it("ends when the container ends, with what was written before", async () => {
    await runDetached("c", "busybox", "sleep", "60");
    const running = stage.env.start(["exec", "c", "sh", "-c", "echo last words; sleep 60"]);
    await running.waitFor(/last words/);
    await stage.env.ok(["stop", "-t", "0", "c"]);
    expect(await running.result()).toMatchObject({ code: 137, stdout: "last words\n", stderr: "" });
  });

  it("tells the truth when the container ends just then", async () => {
    for (let round = 0; round < 5; round += 1) {
      const name = `short-${round}`;
      await runDetached(name, "busybox", "sleep", `0.${round}`);
      for (;;) {
        const { code, stderr } = await stage.env.run(["exec", name, "true"]);
        if (code === 0 || code === 137) continue;
        expect(code).toBe(1);
        expect(stderr).toMatch(/is not running|ended/);
        break;
      }
    }
  });

  it("is not ended by what ends its client's terminal", async () => {
    await runDetached("c", "busybox", "sleep", "60");
    const session = stage.env.terminal(["exec", "-it", "c", "sh", "-c", "echo ready; sleep 50"]);
    await session.waitFor(/ready/);
    session.kill("SIGKILL");
    await session.exited();
    // docker too: the process has nobody any more, and lives on.
    expect(await exec("c", "sh", "-c", "ps | grep -c 'sleep 5[0]'")).toBe("1");
  });
});
