// The whole program, from source, for what needs no engine: streams, exit codes, help, mistakes.

import { describe, expect, test } from "bun:test";

const MAIN = new URL("../../../src/main.ts", import.meta.url).pathname;

function bunker(...words: string[]): { stdout: string; stderr: string; exitCode: number } {
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, MAIN, ...words], {
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

describe("what is asked for goes to standard output", () => {
  test.each([
    [["--version"], /^bunker version \d+\.\d+\.\d+, build \S+\n$/],
    [["-v"], /^bunker version /],
    [["version"], /^Client:\n Version: {11}\d/],
    [["version", "--format", "{{.Client.Os}}/{{.Server.Os}}"], /^linux\/linux\n$/],
    [["version", "-f", "json"], /^\{"Client":\{"Version":.*"Server":null\}\n$/],
    [[], /^Usage: {2}bunker \[OPTIONS\] COMMAND\n/],
    [["--help"], /^Usage: {2}bunker \[OPTIONS\] COMMAND\n/],
    [["help"], /^Usage: {2}bunker \[OPTIONS\] COMMAND\n/],
    [["container"], /^Usage: {2}bunker container COMMAND\n/],
    [["container", "--help"], /^Usage: {2}bunker container COMMAND\n/],
    [["container", "ls", "--help"], /^Usage: {2}bunker container ls \[OPTIONS\]\n/],
    [["run", "--help"], /^Usage: {2}bunker run \[OPTIONS\] IMAGE \[COMMAND\] \[ARG\.\.\.\]\n/],
    [["help", "run"], /^Usage: {2}bunker run /],
    [["help", "image", "ls"], /^Usage: {2}bunker image ls /],
    [["ps", "-h"], /^Usage: {2}bunker ps /],
    [["completion", "bash"], /^# bash completion/],
  ] as [string[], RegExp][])("%j", (words, expected) => {
    const { stdout, stderr, exitCode } = bunker(...words);
    expect(stdout).toMatch(expected);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  });
});

describe("mistakes go to standard error, with docker's exit codes", () => {
  test.each([
    [["foo"], 1, "bunker: unknown command: bunker foo\nhint: See 'bunker --help'.\n"],
    [["constructor"], 1, "bunker: unknown command: bunker constructor\n"],
    [["container", "foo"], 1, "bunker: unknown command: bunker container foo\n"],
    [["container", "--foo"], 125, "bunker: unknown flag: --foo\n"],
    [["build", "."], 1, 'bunker: "bunker build" is not available yet\n'],
    [["--foo"], 125, "bunker: unknown flag: --foo\n"],
    [["--host", "x", "ps"], 125, "bunker: --host is not supported yet\n"],
    [["--log-level", "x", "version"], 1, "bunker: unable to parse logging level: x\n"],
    [["run"], 1, "bunker: 'bunker run' requires at least 1 argument\nhint: Usage: bunker run [OPTIONS] IMAGE"],
    [["container", "run"], 1, "bunker: 'bunker container run' requires at least 1 argument\n"],
    [["run", "--memory", "1g", "x"], 125, "bunker: --memory is not supported yet\n"],
    [["run", "--foo", "x"], 125, "bunker: unknown flag: --foo\n"],
    [["ps", "--foo"], 125, "bunker: unknown flag: --foo\n"],
    [["ps", "x"], 1, "bunker: 'bunker ps' accepts no arguments\n"],
    [["rm"], 1, "bunker: 'bunker rm' requires at least 1 argument\n"],
    [["tag", "a"], 1, "bunker: 'bunker tag' requires 2 arguments\n"],
    [["logs"], 1, "bunker: 'bunker logs' requires at least 1 argument\n"],
    [["images", "a", "b"], 1, "bunker: 'bunker images' requires at most 1 argument\n"],
    [["exec", "c"], 1, "bunker: 'bunker exec' requires at least 2 arguments\n"],
    [["run", "-d", "-a", "stdout", "x"], 1, "bunker: conflicting options: cannot specify both --attach and --detach\n"],
    [["run", "UPPER"], 125, "bunker: invalid reference format: repository name (library/UPPER) must be lowercase\n"],
    [["create", "UPPER"], 1, "bunker: invalid reference format"],
    [["run", "-v", "/a:", "x"], 125, "bunker: invalid spec: /a:: empty section between colons\n"],
    [
      ["run", "--mount", "type=bind", "x"],
      125,
      'bunker: invalid argument "type=bind" for "--mount" flag: target is required',
    ],
    [
      ["create", "--mount", "type=cluster,src=a,dst=/b", "x"],
      125,
      'bunker: mounts of type "cluster" are not supported yet\n',
    ],
    [["run", "-v", "d:/x", "x"], 125, "bunker: volume name is too short, names should be at least two"],
    [["run", "--name", "\u001b[31m", "x"], 125, "bunker: invalid container name (\\x1b[31m), only"],
    [["kill", "-s", "FOO", "x"], 1, "bunker: invalid signal: FOO\n"],
    [["logs", "--tail", "x", "c"], 1, "bunker: invalid value for --tail: x\n"],
    [["version", "--format", "{{"], 64, "bunker: template parsing error: template: version:1: unclosed action\n"],
    [["inspect", "--format", "{{", "x"], 64, "bunker: template parsing error: template: :1: unclosed action\n"],
    [
      ["inspect", "--type", "foo", "x"],
      1,
      'bunker: unknown type: "foo": must be one of "container", "image", "volume"\n',
    ],
    [["ps", "--filter", "foo"], 125, 'bunker: invalid argument "foo" for "-f, --filter" flag: bad format of filter'],
    [["help", "foo"], 1, "bunker: unknown help topic: foo\n"],
    [["completion", "tcsh"], 1, 'bunker: unknown shell: "tcsh"\n'],
    [["pull", "--all-platforms", "x"], 125, "bunker: --all-platforms is not supported yet\n"],
  ] as [string[], number, string][])("%j: %p", (words, expected, message) => {
    const { stdout, stderr, exitCode } = bunker(...words);
    expect(stderr).toStartWith(message);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: expected });
  });
});

describe("streams that are not as usual", () => {
  const shell = (script: string): { output: string; exitCode: number } => {
    const run = Bun.spawnSync(["sh", "-c", script], {
      env: { ...process.env, BUNKER: `${process.execPath} ${MAIN}` },
      stderr: "pipe",
    });
    return { output: run.stdout.toString() + run.stderr.toString(), exitCode: run.exitCode };
  };

  test.each([
    ["input closed", "$BUNKER --version <&-", /^bunker version/, 0],
    ["output closed", "$BUNKER --version >&-", /^$/, 0],
    ["error closed", "$BUNKER foo 2>&-", /^$/, 1],
    ["all closed", "$BUNKER foo <&- >&- 2>&-", /^$/, 1],
    [
      "output full",
      "$BUNKER --version >/dev/full",
      /^bunker: writing to standard output: no space left on device\n$/,
      1,
    ],
    ["error full", "$BUNKER foo 2>/dev/full", /^$/, 1],
    ["nobody reads", "{ sleep 0.2; $BUNKER --help; echo $? >&2; } | true", /^141\n$/, 0],
  ] as [string, string, RegExp, number][])("%s", (_, script, expected, exitCode) => {
    const run = shell(script);
    expect(run.output).toMatch(expected);
    expect(run.exitCode).toBe(exitCode);
  });
});
