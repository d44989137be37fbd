// Flags of run and create → the typed request.

import { describe, expect, test } from "bun:test";
import { CREATE_FLAGS } from "../../../src/cli/create-flags.ts";
import { buildCreateRequest } from "../../../src/cli/create-request.ts";
import { parseFlags } from "../../../src/cli/flags.ts";
import type { CreateRequest } from "../../../src/container/index.ts";
import { BunkerError } from "../../../src/errors.ts";

function build(words: string[]): CreateRequest {
  const { values, positionals } = parseFlags(CREATE_FLAGS, words, { interspersed: false });
  return buildCreateRequest(values, positionals, { HOME: "/home/a" });
}

test("without flags everything is as the image has it", () => {
  expect(build(["alpine", "sh", "-c", "x"])).toEqual({
    image: "alpine",
    command: ["sh", "-c", "x"],
    name: null,
    hostname: null,
    domainname: null,
    env: [],
    workdir: null,
    user: null,
    entrypoint: null,
    labels: {},
    mounts: [],
    readOnly: false,
    capAdd: [],
    capDrop: [],
    noNewPrivileges: false,
    seccomp: "default",
    ulimits: [],
    network: "bridge",
    networks: [
      { network: "bridge", aliases: [], asked: { address4: null, address6: null }, mac: null, interface: null },
    ],
    init: false,
    stopSignal: null,
    stopTimeout: null,
    tty: false,
    openStdin: false,
    stdinOnce: false,
    autoRemove: false,
    attach: null,
    platform: null,
    pull: "missing",
  });
});

describe("a flag says", () => {
  test.each([
    [["-it"], { tty: true, openStdin: true }],
    [["--rm"], { autoRemove: true }],
    [["--name", "web_1.a-b"], { name: "web_1.a-b" }],
    [["--name", "/web"], { name: "web" }],
    [["--name", "x"], { name: "x" }],
    [["-e", "A=1", "-e", "HOME", "-e", "GONE"], { env: ["A=1", "HOME=/home/a", "GONE"] }],
    [["--network", "container:x"], { network: "container:x" }],
    [["--pid", "host", "--ipc", "shareable", "--uts", "private"], { spaces: { pid: "host", ipc: "shareable" } }],
    [["--pid=container:x", "--cgroupns=host", "--ipc="], { spaces: { pid: "container:x", cgroup: "host" } }],
    [
      ["--device", "/dev/a:/dev/b", "--privileged"],
      { devices: [{ source: "/dev/a", target: "/dev/b" }], privileged: true },
    ],
    [["--userns", "host"], { userns: { kind: "host" } }],
    [["--userns", "private"], {}],
    [["--network", "ns:/x", "--uts=ns:/y"], { network: "ns:/x", spaces: { uts: "ns:/y" } }],
    [["--cgroupns", "container:x"], { spaces: { cgroup: "container:x" } }],
    [["--userns", "nomap"], { userns: { kind: "nomap" } }],
    [["--userns", "container:a"], { spaces: { user: "container:a" } }],
    [["--userns", "auto:size=7"], { userns: { kind: "auto", size: 7, uid: [], gid: [] } }],
    [["--subuidname", "a"], { userns: { kind: "lines", uid: [], gid: [], uidOwner: "a", gidOwner: "a" } }],
    [["--userns=keep-id:uid=7,gid=8"], { userns: { kind: "keep", uid: 7, gid: 8 }, user: "7:8" }],
    [["--userns=keep-id:uid=7,gid=8", "-u", "0"], { userns: { kind: "keep", uid: 7, gid: 8 }, user: "0" }],
    [["-w", "/srv"], { workdir: "/srv" }],
    [["-u", "1000:100"], { user: "1000:100" }],
    [["-u", ""], { user: null }],
    [["--entrypoint", "sh"], { entrypoint: ["sh"] }],
    [["--entrypoint", ""], { entrypoint: [] }],
    [["--hostname", "box", "--domainname", "example.org"], { hostname: "box", domainname: "example.org" }],
    [["-h", "box"], { hostname: "box" }],
    [["-l", "a=1", "--label", "b", "-l", "a=2"], { labels: { a: "2", b: "" } }],
    [["--label", "__proto__=x"], { labels: JSON.parse('{"__proto__":"x"}') as Record<string, string> }],
    [["--read-only", "--init"], { readOnly: true, init: true }],
    [["--cap-add", "NET_ADMIN", "--cap-drop", "ALL"], { capAdd: ["NET_ADMIN"], capDrop: ["ALL"] }],
    [["--security-opt", "no-new-privileges"], { noNewPrivileges: true }],
    [["--ulimit", "nofile=1:2"], { ulimits: [{ name: "nofile", soft: 1, hard: 2 }] }],
    [["--network", "none"], { network: "none" }],
    [["--net=host"], { network: "host" }],
    [["--stop-signal", "INT", "--stop-timeout", "3"], { stopSignal: "INT", stopTimeout: 3 }],
    [["-a", "STDIN", "-a", "stdout"], { attach: ["stdin", "stdout"] }],
    [["--platform", "linux/arm64"], { platform: { os: "linux", architecture: "arm64", variant: null } }],
    [["--os=linux", "--arch=arm", "--variant=v6"], { platform: { os: "linux", architecture: "arm", variant: "v6" } }],
    [["--arch=aarch64"], { platform: { os: "linux", architecture: "arm64", variant: null } }],
    [["--arch="], { platform: null }],
    [["--pull", "always"], { pull: "always" }],
    [
      ["--sysctl", "net.core.somaxconn=1", "--sysctl=kernel.sem=1 2 3 4", "--sysctl", "net.core.somaxconn=5"],
      { sysctls: { "net.core.somaxconn": "5", "kernel.sem": "1 2 3 4" } },
    ],
    [["--oom-score-adj=-5"], { oomScoreAdj: -5 }],
    [["--umask", "0027"], { umask: 0o27 }],
    [["--timeout", "3"], { timeout: 3 }],
    [["--tz", "America/Port-au-Prince"], { timezone: "America/Port-au-Prince" }],
    [["--tz=Etc/GMT+1"], { timezone: "Etc/GMT+1" }],
    [["--no-healthcheck"], { noHealthcheck: true }],
    [["--passwd"], { account: { passwdEntry: null, groupEntry: null } }],
    [["--group-entry=$GID:x:$GID:"], { account: { passwdEntry: null, groupEntry: "$GID:x:$GID:" } }],
    [
      ["-v", "/a:/b:ro", "--tmpfs", "/t", "--mount", "type=bind,src=/c,dst=/d"],
      {
        mounts: [
          {
            kind: "bind",
            source: "/a",
            target: "/b",
            readonly: true,
            propagation: "rprivate",
            recursive: true,
            createSource: true,
          },
          {
            kind: "bind",
            source: "/c",
            target: "/d",
            readonly: false,
            propagation: "rprivate",
            recursive: true,
            createSource: false,
          },
          { kind: "tmpfs", target: "/t", size: null, mode: null, readonly: false, exec: false },
        ],
      },
    ],
    [["-v", "./x:/b"], { mounts: [expect.objectContaining({ source: `${process.cwd()}/x` })] }],
  ] as [string[], Partial<CreateRequest>][])("%j", (words, expected) => {
    expect(build([...words, "alpine"])).toMatchObject(expected);
  });
});

describe("a mistake is told in docker's words", () => {
  test.each([
    [["--name", "x y"], "invalid container name (x y), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"],
    [["--name", "-x"], "invalid container name (-x)"],
    [["--name", "../x"], "invalid container name (../x)"],
    [["-w", "rel"], "the working directory 'rel' is invalid, it needs to be an absolute path"],
    [["--hostname", "a\nb"], "invalid hostname"],
    [["--hostname", "x".repeat(65)], "invalid hostname"],
    [["--pull", "foo"], `invalid pull option: 'foo': must be one of "always", "missing" or "never"`],
    [["--network", ""], "no name set for network"],
    [["--network", "container:"], "invalid container format container:<name|id>"],
    [["--network", "ns:"], "invalid namespace format ns:<path>"],
    [["--pid", "foo"], "--pid: invalid PID mode"],
    [["--userns", "keep-id:size=7"], 'unknown option specified: "size=7"'],
    [["--userns", "auto:size=x"], 'unknown option specified: "size=x"'],
    [["--userns", "nomap", "--subuidname", "a"], "--userns and --subuidname/--subgidname are mutually exclusive"],
    [["--uidmap", "x"], 'invalid id mapping "x"'],
    [["--ipc", "container:"], "--ipc: invalid IPC mode"],
    [["--cgroupns", "container:"], "--cgroupns: invalid CGROUP mode"],
    [["--uts", "ns:"], "--uts: invalid UTS mode"],
    [["--network", "container:x", "-h", "y"], "conflicting options: hostname and the network mode"],
    [["--network", "container:x", "--dns", "1.1.1.1"], "conflicting options: dns and the network mode"],
    [
      ["--network", "container:x", "--expose", "80"],
      "conflicting options: port exposing and the container type network mode",
    ],
    [["--cap-add", "FOO"], 'invalid capability "FOO"'],
    [["--stop-signal", "FOO"], "invalid signal: FOO"],
    [["-a", "foo"], 'invalid argument "foo" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR'],
    [["-e", ""], 'invalid argument "" for "-e, --env" flag: invalid environment variable: '],
    [["-l", "=a"], `invalid argument "=a" for "-l, --label" flag: invalid label '=a': empty name`],
    [["--ulimit", "foo"], 'invalid argument "foo" for "--ulimit" flag: invalid ulimit argument: foo'],
    [["--mount", "type=bind"], 'invalid argument "type=bind" for "--mount" flag: target is required'],
    [["--mount", "type=cluster,src=a,dst=/b"], 'mounts of type "cluster" are not supported yet'],
    [["-v", "/a:/x", "--tmpfs", "/x"], "duplicate mount point: /x"],
    [["--platform", "foo"], 'invalid platform "foo"'],
    [["--platform=linux/arm64", "--os=linux"], "--platform option can not be specified with --arch or --os"],
    [["--security-opt", "foo"], 'invalid --security-opt: "foo"'],
  ])("%j", (words, expected) => {
    expect(() => build([...words, "alpine"])).toThrow(expected);
  });

  test.each([
    ["", "invalid reference format"],
    ["UPPER", "invalid reference format: repository name (library/UPPER) must be lowercase"],
  ])("image %j", (name, expected) => {
    expect(() => build([name])).toThrow(expected);
  });

  test("is always one of ours", () => {
    expect(() => build(["--name", "\u0000", "alpine"])).toThrow(BunkerError);
  });
});
