// bunker run: exit codes, what cannot be executed, names, --rm, --cidfile, --pull, --platform, -a.

import { describe, expect } from "bun:test";
import { chownSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { hostPlatform, makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file } from "../support/tar.ts";

/** More than the kernel takes at an exec, a quarter of the stack's limit of 8 MiB (execve(2)). */
const HUGE_ENVIRONMENT = Array.from({ length: 30 }, (_, at) => `V${at}=${"x".repeat(100_000)}\n`).join("");

const stage = useStage({
  prepare: async (opened) => {
    const odd = makeLayer([
      directory("odd"),
      { ...file("odd/not-executable", "#!/bin/sh\n"), mode: 0o644 },
      { ...file("odd/no-interpreter", "#!/no/such/shell\n"), mode: 0o755 },
      { ...file("odd/not-a-program", "\u0001\u0002 not a program"), mode: 0o755 },
      { ...file("odd/empty", ""), mode: 0o755 },
      { ...file("odd/interpreter-is-text", "#!/odd/not-executable\n"), mode: 0o755 },
      { ...file("odd/foreign", foreignProgram()), mode: 0o755 },
    ]);
    await opened.add("odd", busyboxWith({}, [odd]));
    await opened.add("greeter", busyboxWith({ Entrypoint: ["echo", "hello"], Cmd: ["world"] }));
    await opened.add("empty-command", busyboxWith({ Cmd: null }));
  },
});
const { it } = stage;

/** The header of a program for a processor that this machine has not (s390x). */
function foreignProgram(): Uint8Array {
  const header = new Uint8Array(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 2, 1]);
  header.set([0, 2, 0, 22], 16);
  return header;
}

describe("the exit code of run", () => {
  it("is the command's, or 128 and the signal that ended it", async () => {
    for (const code of [0, 1, 7, 42, 125, 126, 127, 255]) {
      await stage.env.fails(["run", "--rm", "--network", "none", "busybox", "sh", "-c", `exit ${code}`], code);
    }
    await stage.env.fails(["run", "--rm", "--init", "--network", "none", "busybox", "sh", "-c", "kill -KILL $$"], 137);
    await stage.env.fails(["run", "--rm", "--init", "--network", "none", "busybox", "sh", "-c", "kill -TERM $$"], 143);
    await stage.env.fails(["run", "--rm", "--init", "--network", "none", "busybox", "sh", "-c", "kill -SEGV $$"], 139);
  });

  it("is 127 for what is not there, 126 for what cannot be executed, and the container stays as created", async () => {
    const cases: [words: string[], code: number, says: string][] = [
      [["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'],
      [[""], 127, 'exec: "": executable file not found in $PATH'],
      [["/no/such"], 127, 'exec: "/no/such": no such file or directory'],
      [["/odd/no-interpreter"], 127, 'exec: "/odd/no-interpreter": no such file or directory'],
      [["/odd/not-executable/x"], 127, 'exec: "/odd/not-executable/x"'],
      [["/odd"], 126, 'exec: "/odd": permission denied'],
      [["/odd/not-executable"], 126, 'exec: "/odd/not-executable": permission denied'],
      [["/odd/not-a-program"], 126, 'exec: "/odd/not-a-program": exec format error'],
      [["/odd/empty"], 126, 'exec: "/odd/empty": exec format error'],
      [["/odd/foreign"], 126, 'exec: "/odd/foreign": exec format error'],
      [["/odd/interpreter-is-text"], 126, 'exec: "/odd/interpreter-is-text": permission denied'],
    ];
    for (const [words, code, says] of cases) {
      const complaint = await stage.env.fails(["run", "--name", "odd", "--network", "none", "odd", ...words], code);
      expect(complaint).toContain(says);
      expect(complaint).toContain("hint: ");
      expect(await stage.env.ok(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "odd"])).toBe(
        `created ${code}`,
      );
      expect(await stage.env.ok(["inspect", "-f", "{{.State.Error}}", "odd"])).toContain(says);
      await stage.env.ok(["rm", "odd"]);
    }
  });

  it("is 126 for a command, and 125 for a directory, of a hundred thousand letters, of which not all are shown", async () => {
    const long = "/long".repeat(20_000);
    const cases: [words: string[], code: number][] = [
      [["busybox", long], 126],
      [["-w", long, "busybox", "true"], 125],
    ];
    for (const [words, code] of cases) {
      const complaint = await stage.env.fails(["run", "--rm", "--network", "none", ...words], code);
      expect(complaint).toMatch(/"\/long\/long.* … .*\/long"/);
      expect(complaint).toContain("ENAMETOOLONG");
      expect(complaint.length).toBeLessThan(6000);
    }
  });

  it("is 126 for an environment that no program can be given", async () => {
    const path = join(stage.env.home, "huge");
    writeFileSync(path, HUGE_ENVIRONMENT);
    chownSync(path, stage.env.user.uid, stage.env.user.gid);
    const complaint = await stage.env.fails(["run", "--rm", "--env-file", path, "busybox", "true"], 126);
    expect(complaint).toContain('exec: "true": argument list too long');
  });

  it("is 125 for what the engine refuses, with nothing left of the container", async () => {
    const cases: [words: string[], says: string][] = [
      [["-u", "nosuch", "busybox", "true"], "unable to find user nosuch: no matching entries in passwd file"],
      [["-u", "0:nosuch", "busybox", "true"], "unable to find group nosuch: no matching entries in group file"],
      [["-u", "4294967296", "busybox", "true"], "uids and gids must be in range 0-2147483647"],
      [["-u", "2147483647", "busybox", "true"], "user id 2147483647 is not mapped into the container"],
      [["--pull", "never", "nosuch", "true"], "no such image: nosuch"],
      [["empty-command"], "no command specified"],
      [["--entrypoint", "", "busybox"], "no command specified"],
    ];
    for (const [words, says] of cases) {
      const complaint = await stage.env.fails(["run", "--rm", "--network", "none", ...words], 125);
      expect(complaint).toContain(says);
      expect(complaint).toContain("hint: ");
      expect(await stage.env.ok(["ps", "-aq"])).toBe("");
    }
  });
});

describe("run", () => {
  it("joins entrypoint and command as docker does", async () => {
    const run = (...words: string[]) => stage.env.ok(["run", "--rm", "--network", "none", ...words]);
    expect(await run("greeter")).toBe("hello world");
    expect(await run("greeter", "you")).toBe("hello you");
    // A new entrypoint drops the image's command.
    expect(await run("--entrypoint", "echo", "greeter")).toBe("");
    expect(await run("--entrypoint", "echo", "greeter", "alone")).toBe("alone");
    expect(await run("--entrypoint", "", "greeter", "echo", "bare")).toBe("bare");
    // Everything after the image is the command's, whatever it looks like.
    expect(await run("busybox", "echo", "--rm", "-it", "--", "-v")).toBe("--rm -it -- -v");
    expect(await run("--", "busybox", "echo", "x")).toBe("x");
  });

  it("keeps words as they are: spaces, newlines, empty ones, what is not ASCII", async () => {
    const script = 'for word; do printf "<%s>" "$word"; done';
    const words = ["a b", "", "line\nbreak", "grün 漢字 \u{1f433}", "'\"$HOME`*", "-"];
    expect(
      await stage.env.ok(["run", "--rm", "--network", "none", "busybox", "sh", "-c", script, "sh", ...words]),
    ).toBe(words.map((word) => `<${word}>`).join(""));
  });

  it("with --rm leaves nothing, without it an ended container that can be seen", async () => {
    await stage.env.ok(["run", "--rm", "--name", "gone", "busybox", "true"]);
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
    await stage.env.fails(["run", "--name", "stays", "busybox", "sh", "-c", "exit 3"], 3);
    expect(await stage.env.ok(["ps", "-a", "--format", "{{.Names}} {{.State}}"])).toBe("stays exited");
    expect(await stage.env.ok(["inspect", "-f", "{{.State.ExitCode}}", "stays"])).toBe("3");
    // --rm and -d together, as docker since 1.13.
    const id = await stage.env.ok(["run", "-d", "--rm", "--name", "short", "busybox", "true"]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    for (let left = id; left !== ""; left = await stage.env.ok(["ps", "-aq", "--filter", "name=short"]))
      await Bun.sleep(10);
  });

  it("refuses a name in use, and one that is none, in docker's words", async () => {
    const id = await stage.env.ok(["create", "--name", "taken", "busybox"]);
    const complaint = await stage.env.fails(["run", "--name", "taken", "busybox"], 125);
    expect(complaint).toContain(
      `Conflict. The container name "/taken" is already in use by container "${id}".\nhint: Remove that container`,
    );
    for (const name of ["-x", "a b", "a/b", "ä", "a:b", "."]) {
      expect(await stage.env.fails(["run", `--name=${name}`, "busybox"], 125)).toContain(
        "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
      );
    }
    await stage.env.ok(["rm", "taken"]);
    await stage.env.ok(["run", "--rm", "--name", "taken", "busybox", "true"]);
  });

  it("refuses a reference that is none, in docker's words", async () => {
    for (const [reference, says] of [
      ["Upper", "repository name (library/Upper) must be lowercase"],
      ["a b", "invalid reference format"],
      ["", "invalid reference format"],
      ["x@sha256:short", "invalid reference format"],
    ] as const) {
      expect(await stage.env.fails(["run", reference, "true"], 125)).toContain(says);
    }
  });

  it("runs an image by its id, short or long, and by digest", async () => {
    const id = await stage.env.ok(["inspect", "--type", "image", "-f", "{{.Id}}", "busybox"]);
    const digest = await stage.env.ok(["inspect", "--type", "image", "-f", "{{index .RepoDigests 0}}", "busybox"]);
    for (const name of [id, id.slice("sha256:".length), id.slice("sha256:".length, "sha256:".length + 12), digest]) {
      expect(await stage.env.ok(["run", "--rm", "--network", "none", name, "echo", "it"])).toBe("it");
    }
  });

  it("writes the id to --cidfile, and refuses one that is there", async () => {
    const path = join(stage.env.home, "cid");
    const id = await stage.env.ok(["run", "-d", "--cidfile", path, "busybox", "true"]);
    expect(readFileSync(path, "utf8")).toBe(id);
    const complaint = await stage.env.fails(["run", "--cidfile", path, "busybox", "true"], 125);
    expect(complaint).toContain(
      `container ID file found, make sure the other container isn't running or delete ${path}`,
    );
    expect(readFileSync(path, "utf8")).toBe(id);
    // A container that never came to be leaves no file, one that could not be started does (docker's rule).
    await stage.env.fails(["run", "--cidfile", `${path}-2`, "--pull", "never", "nosuch", "true"], 125);
    expect(existsSync(`${path}-2`)).toBe(false);
    expect(await stage.env.fails(["run", "--cidfile", "/no/such/place", "busybox", "true"], 125)).toContain(
      "no such file or directory",
    );
    await stage.env.fails(["run", "--cidfile", `${path}-3`, "--name", "unstarted", "busybox", "nosuch"], 127);
    expect(readFileSync(`${path}-3`, "utf8")).toBe(await stage.env.ok(["inspect", "-f", "{{.Id}}", "unstarted"]));
  });

  it("takes --platform of this machine, and refuses another with the hint what there is", async () => {
    const { os, architecture } = hostPlatform();
    expect(await stage.env.ok(["run", "--rm", "--platform", `${os}/${architecture}`, "busybox", "echo", "here"])).toBe(
      "here",
    );
    const other = architecture === "amd64" ? "arm64" : "amd64";
    const complaint = await stage.env.fails(
      ["run", "--rm", "--platform", `linux/${other}`, "--pull", "never", "busybox"],
      125,
    );
    expect(complaint).toContain("hint: ");
  });

  it("takes the platform in parts too", async () => {
    const { os, architecture } = hostPlatform();
    const run = ["run", "--rm", "--pull=never"];
    expect(await stage.env.ok([...run, "--os", os, "--arch", architecture, "busybox", "echo", "here"])).toBe("here");
    expect(await stage.env.fails([...run, "--arch=s390x", "busybox"], 125)).toContain("hint: ");
    expect(await stage.env.fails([...run, "--arch=arm64", "--platform=linux/arm64", "busybox"], 125)).toContain(
      "--platform option can not be specified with --arch or --os",
    );
  });

  it("removes the image with --rmi, unless somebody uses it", async () => {
    const { env } = stage;
    const images = async () => (await env.ok(["images", "--format", "{{.Repository}}"])).split("\n");
    await stage.add("lone", busyboxWith({ Labels: { only: "here" } }));
    // It has one name only: with two, the one goes and the image stays.
    const pulled = (await images()).find((name) => name.endsWith("/lone")) ?? "";
    await env.ok(["rmi", pulled]);
    const other = await env.ok(["create", "lone"]);
    await env.fails(["run", "--rmi", "lone", "sh", "-c", "exit 3"], 3);
    expect(await images()).toContain("lone");
    await env.ok(["rm", other]);
    expect(await env.ok(["run", "--rmi", "lone", "echo", "here"])).toBe("here");
    expect(await images()).not.toContain("lone");
    expect(await env.ok(["ps", "-aq"])).toBe("");
    expect(await env.fails(["run", "--rmi", "--rm=false", "busybox"], 125)).toContain("does not work without --rm");
    await stage.add("behind", busyboxWith({ Labels: { only: "behind" } }));
    await env.ok(["rmi", (await images()).find((name) => name.endsWith("/behind")) ?? ""]);
    await env.ok(["wait", await env.ok(["run", "--rmi", "-d", "behind", "sleep", "1"])]);
    expect(await env.ok(["ps", "-aq"])).toBe("");
    expect(await images()).not.toContain("behind");
  });

  it("says nothing of its own on standard output, with and without --quiet", async () => {
    for (const flags of [[], ["--quiet"]]) {
      expect(await stage.env.run(["run", "--rm", ...flags, "busybox", "echo", "only"])).toMatchObject({
        code: 0,
        stdout: "only\n",
        stderr: "",
      });
    }
  });

  it("keeps standard output and error apart", async () => {
    const result = await stage.env.run(["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 9"]);
    expect(result).toMatchObject({ code: 9, stdout: "out\n", stderr: "err\n" });
  });

  it("attaches what -a names, and prints the id where no output is attached", async () => {
    const script = ["sh", "-c", "echo out; echo err >&2"];
    expect(await stage.env.run(["run", "--rm", "-a", "stdout", "busybox", ...script])).toMatchObject({
      stdout: "out\n",
      stderr: "",
    });
    expect(await stage.env.run(["run", "--rm", "-a", "STDERR", "busybox", ...script])).toMatchObject({
      stdout: "",
      stderr: "err\n",
    });
    const fed = await stage.env.run(["run", "-i", "-a", "stdin", "--name", "fed", "busybox", "cat"], {
      stdin: "typed",
    });
    expect(fed.stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(await stage.env.ok(["logs", "fed"])).toBe("typed");
    expect(await stage.env.fails(["run", "-a", "stdsomething", "busybox"], 125)).toContain(
      "valid streams are STDIN, STDOUT and STDERR",
    );
    expect(await stage.env.fails(["run", "-d", "-a", "stdout", "busybox"], 1)).toContain(
      "cannot specify both --attach and --detach",
    );
  });

  it("stays consistent when many are run at once", async () => {
    const runs = Array.from({ length: 10 }, (_, at) =>
      stage.env.run(["run", "--rm", "--network", "none", "busybox", "echo", String(at)]),
    );
    expect((await Promise.all(runs)).map(({ stdout }) => stdout)).toEqual(runs.map((_, at) => `${at}\n`));
  });

  it("takes all flags at once", async () => {
    const path = join(stage.env.home, "env");
    writeFileSync(path, "FROM_FILE=1\n");
    chownSync(path, stage.env.user.uid, stage.env.user.gid);
    const script =
      'echo "$FROM_FILE $A $(pwd) $(id -u) $(hostname) $(cat /proc/1/comm)"; touch /run/x /new && ls / | grep -c new';
    const output = await stage.env.ok([
      "run",
      "--rm",
      "-e",
      "A=2",
      "--env-file",
      path,
      "-w",
      "/new-place",
      "-u",
      "0:0",
      "--hostname",
      "box",
      "--init",
      ..."--tmpfs /run --label a=b --ulimit nofile=100:200 --stop-signal INT --network none".split(" "),
      ..."--cap-drop ALL --cap-add DAC_OVERRIDE --security-opt no-new-privileges --quiet --pull missing".split(" "),
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    expect(output).toBe("1 2 /new-place 0 box bunker-init\n2");
  });
});
