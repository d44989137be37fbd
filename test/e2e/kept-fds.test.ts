// Descriptors of the caller's for a process in a container: run and exec, --preserve-fds and --preserve-fd.

import { describe, expect } from "bun:test";

import type { CommandResult } from "../support/command.ts";
import { useStage } from "../support/stage.ts";

const NONE = "--network=none";
/** What a process has open; the listing's own descriptor is of a directory. */
const LIST = "exec ls -l /proc/self/fd";

const stage = useStage();
const { it } = stage;

/** As a shell with these redirections runs it. */
function withFds(redirections: string, words: string[]): Promise<CommandResult> {
  const script = `exec "$0" "$@" ${redirections}`;
  return stage.env.startOther(["bash", "-c", script, stage.env.program, ...words]).result();
}

async function says(redirections: string, words: string[]): Promise<string> {
  const { code, stdout, stderr } = await withFds(redirections, words);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return stdout.trimEnd();
}

describe.each([
  ["run", ["run", "--rm", NONE], "busybox"],
  ["run with an init", ["run", "--rm", "--init", NONE], "busybox"],
  ["exec", ["exec"], "up"],
])("%s", (name, verb, target) => {
  const inside = async (redirections: string, flags: string[], script: string): Promise<string> => {
    if (name === "exec") await stage.env.ok(["run", "-d", "--name=up", NONE, "busybox", "sleep", "1000"]);
    return says(redirections, [...verb, ...flags, target, "sh", "-c", script]);
  };

  it("passes on what it was handed, under its own number, and nothing else", async () => {
    const script = `cat <&3; cat <&4; ${LIST}`;
    const shown = await inside("3<<<three 4<<<four 5</etc/passwd", ["--preserve-fds=2"], script);
    expect(shown.split("\n").slice(0, 2)).toEqual(["three", "four"]);
    const open = shown.split("\n").flatMap((line) => / (\d+) -> (?!\/proc)/.exec(line)?.[1] ?? []);
    expect(open.sort()).toEqual(["0", "1", "2", "3", "4"]);
  });

  it("passes on single ones, however they lie", async () => {
    const script = "cat <&17; cat <&5; test -e /proc/self/fd/3 || echo none";
    const shown = await inside("3</etc/passwd 5<<<five 17<<<seventeen", ["--preserve-fd=17,5"], script);
    expect(shown).toBe("seventeen\nfive\nnone");
  });
});

describe("a descriptor that is passed on", () => {
  it("is closed when the process has closed it", async () => {
    const script = "exec 3>&-; read line; echo $line";
    const words = ["run", "--rm", "-i", "--init", NONE, "--preserve-fds=1", "busybox", "sh", "-c", script];
    const pipeline = `"$0" "$@" 3> >(cat; echo closed >&2)`;
    // The reader of the pipe ends while the container runs on and waits for its input.
    const command = stage.env.startOther(
      ["bash", "-c", `{ sleep 2; echo input; } | ${pipeline}`, stage.env.program, ...words],
      {},
    );
    const { stdout, stderr, code } = await command.result();
    expect([code, stdout, stderr]).toEqual([0, "input\n", "closed\n"]);
  });

  it("lives on in the background", async () => {
    const words = ["run", "-d", "--name=back", NONE, "--preserve-fds=1", "busybox", "cat", "/proc/self/fd/3"];
    await says("3<<<background", words);
    await stage.env.ok(["wait", "back"]);
    expect(await stage.env.ok(["logs", "back"])).toBe("background");
  });
});

describe("what is no descriptor to be passed on", () => {
  it.each([
    ["nothing", "", ["--preserve-fds=1"], "file descriptor 3 is not available - the preserve-fds option requires"],
    ["our own runtime's", "", ["--preserve-fds=12"], "file descriptor 3 is not available"],
    ["one behind those that are there", "3</etc/passwd", ["--preserve-fds=2"], "file descriptor 4 is not available"],
    ["one by its number", "3</etc/passwd", ["--preserve-fd=4"], "4 is not available - the preserve-fd option"],
    ["a directory", "3</", ["--preserve-fds=1"], "file descriptor 3 is a directory"],
    ["a namespace", "3</proc/self/ns/mnt", ["--preserve-fds=1"], "file descriptor 3 is not available"],
    ["standard input", "", ["--preserve-fd=0"], "a descriptor from 3 to 1023 is wanted: 0"],
    ["too many", "", ["--preserve-fds=13"], "at most 12 file descriptors"],
    ["a negative number", "", ["--preserve-fds=-1"], "at most 12 file descriptors"],
  ])("%s is refused", async (_name, redirections, flags, message) => {
    const { code, stderr } = await withFds(redirections, ["run", "--rm", NONE, ...flags, "busybox", "true"]);
    expect(stderr).toContain(message);
    expect(code).toBe(125);
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
  });

  it("never is one of ours, whatever number is asked for", async () => {
    for (let fd = 3; fd < 16; fd++) {
      const { code } = await withFds("", ["run", "--rm", NONE, `--preserve-fd=${fd}`, "busybox", "true"]);
      expect([fd, code]).toEqual([fd, 125]);
    }
  });
});
