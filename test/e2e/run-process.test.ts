// What the process in a container finds: environment, working directory, user and groups, names, limits, the files that are
// the engine's own.

import { describe, expect } from "bun:test";
import { chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file, symlink } from "../support/tar.ts";

const USERS = [
  "root:x:0:0:root:/root:/bin/sh",
  "user:x:1000:1000::/home/user:/bin/sh",
  "homeless:x:1001:1001:::/bin/sh",
  "1000:x:3000:3000::/home/numeric:/bin/sh",
];
const GROUPS = ["root:x:0:", "user:x:1000:", "extra:x:2000:other,user", "more:x:2001:user", "2000:x:4000:"];

const stage = useStage({
  prepare: async (opened) => {
    const users = makeLayer([
      file("etc/passwd", `${USERS.join("\n")}\n`),
      file("etc/group", `${GROUPS.join("\n")}\n`),
      { ...directory("home/user"), uid: 1000, gid: 1000, mode: 0o700 },
    ]);
    await opened.add("users", busyboxWith({}, [users]));
    await opened.add("as-user", busyboxWith({ User: "user:extra", WorkingDir: "/home/user" }, [users]));
    const odd = makeLayer([file("a-file"), symlink("out", "../../../../etc"), symlink("loop", "loop")]);
    await opened.add("odd", busyboxWith({ Env: ["PATH=/bin", "A=image", "B=image", "EMPTY=", "EQUALS=a=b"] }, [odd]));
    await opened.add("labelled", busyboxWith({ Labels: { a: "image", b: "image" }, StopSignal: "SIGQUIT" }));
    await opened.add("no-path", busyboxWith({ Env: null }));
    const fixed = makeLayer([
      file("etc/hosts", "image's\n"),
      file("etc/hostname", "image's\n"),
      symlink("etc/resolv.conf", "../run/resolver/resolv.conf"),
    ]);
    await opened.add("own-files", busyboxWith({}, [fixed]));
  },
});
const { it } = stage;

function run(...words: string[]): Promise<string> {
  return stage.env.ok(["run", "--rm", "--network", "none", ...words]);
}

function fails(code: number, ...words: string[]): Promise<string> {
  return stage.env.fails(["run", "--rm", "--network", "none", ...words], code);
}

/** A file of the user's in the home directory. */
function write(name: string, content: string | Uint8Array): string {
  const path = join(stage.env.home, name);
  writeFileSync(path, content);
  chownSync(path, stage.env.user.uid, stage.env.user.gid);
  return path;
}

describe("the environment", () => {
  it("is the image's, then --env-file's, then -e's, with the host's value for a bare name", async () => {
    const path = write("env", '# comment\n\n  A=file\r\nHOSTS\nMISSING\nQUOTED="kept" \nEMPTY_TOO=\n');
    const environment = { HOSTS: "from host", ALSO: "also", B: "host's" };
    const output = await stage.env.ok(
      [
        "run",
        "--rm",
        "--env-file",
        path,
        "-e",
        "ALSO",
        "-e",
        "EQUALS=x=y=z",
        "-e",
        "NOWHERE",
        "-e",
        "ALSO2=",
        "odd",
        "env",
      ],
      { environment },
    );
    const lines = output.split("\n").filter((line) => !/^(HOSTNAME|SHLVL|PWD)=/.test(line));
    expect(lines.sort()).toEqual(
      [
        ..."PATH=/bin HOME=/root container=bunker A=file B=image EMPTY= EQUALS=x=y=z".split(" "),
        "HOSTS=from host",
        'QUOTED="kept" ',
        "EMPTY_TOO=",
        "ALSO=also",
        "ALSO2=",
      ].sort(),
    );
  });

  it("loses what -e names without a value anywhere", async () => {
    expect(await run("-e", "B", "odd", "sh", "-c", 'echo "${B-unset} $A"')).toBe("unset image");
    const id = await stage.env.ok(["create", "-e", "B", "odd"]);
    expect(await stage.env.ok(["inspect", "-f", "{{json .Config.Env}}", id])).not.toContain('"B');
  });

  it("has docker's PATH where the image has none, HOME of the user, TERM with a terminal alone", async () => {
    expect(await run("no-path", "/bin/busybox", "sh", "-c", "echo $PATH $HOME ${TERM-none}")).toBe(
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /root none",
    );
    expect(await run("-t", "no-path", "/bin/busybox", "sh", "-c", "echo $TERM")).toBe("xterm\r");
    expect(await run("-e", "HOME=/elsewhere", "-e", "TERM=dumb", "-t", "busybox", "sh", "-c", "echo $HOME $TERM")).toBe(
      "/elsewhere dumb\r",
    );
  });

  it("is refused in docker's words", async () => {
    for (const [words, says] of [
      [["-e", "=x"], 'invalid argument "=x" for "-e, --env" flag: invalid environment variable: =x'],
      [["-e", ""], 'invalid argument "" for "-e, --env" flag: invalid environment variable: '],
      [["--env-file", "/no/such"], "open /no/such: no such file or directory"],
      [["--env-file", write("spaces", "A B=c\n")], "variable 'A B' contains whitespaces"],
      [["--env-file", write("nameless", "=c\n")], "no variable name on line '=c'"],
      [["--env-file", write("binary", new Uint8Array([0x41, 0x3d, 0xff, 0xfe, 0x0a]))], "UTF-8"],
      [["--env-file", write("nul", "A=b\u0000c\n")], "NUL"],
    ] as const) {
      expect(await fails(125, ...words, "busybox", "true")).toContain(says);
    }
  });
});

describe("the working directory", () => {
  it("is the image's, or -w's, made where it is missing", async () => {
    expect(await run("as-user", "pwd")).toBe("/home/user");
    expect(await run("-w", "/", "as-user", "pwd")).toBe("/");
    expect(await run("-w", "/not/there/yet", "as-user", "sh", "-c", "pwd; stat -c '%u %g %a' .")).toBe(
      "/not/there/yet\n0 0 755",
    );
    expect(await run("-w", "/tmp/../root", "busybox", "pwd")).toBe("/root");
    expect(await run("--read-only", "-w", "/made/all/the/same", "busybox", "pwd")).toBe("/made/all/the/same");
  });

  it("stays inside, whatever links say", async () => {
    expect(await run("-w", "/out", "odd", "sh", "-c", "pwd -P; cat hostname | wc -l")).toBe("/etc\n1");
  });

  it("is refused where it cannot be", async () => {
    expect(await fails(125, "-w", "relative", "busybox", "pwd")).toContain(
      "the working directory 'relative' is invalid, it needs to be an absolute path",
    );
    expect(await fails(125, "-w", "/a-file", "odd", "pwd")).toContain("/a-file");
    expect(await fails(125, "-w", "/loop", "odd", "pwd")).toContain("/loop");
    // As docker: the container's root goes there, and only then becomes the user.
    expect(await run("-u", "1001", "-w", "/home/user", "users", "pwd")).toBe("/home/user");
  });
});

describe("the user", () => {
  it("is found by name or number in the container's own files, with its groups and home", async () => {
    const script = 'echo "$(id -u) $(id -g) $(id -G) $HOME"';
    for (const [user, expected] of [
      [null, "0 0 0 /root"],
      ["", "0 0 0 /root"],
      ["user", "1000 1000 1000 2000 2001 /home/user"],
      ["user:", "1000 1000 1000 2000 2001 /home/user"],
      ["user:extra", "1000 2000 2000 /home/user"],
      ["user:5", "1000 5 5 /home/user"],
      ["homeless", "1001 1001 1001 /"],
      // A number is a number, also where somebody is called so (CVE-2016-3697).
      ["1000", "1000 1000 1000 2000 2001 /home/user"],
      ["1000:2000", "1000 2000 2000 /home/user"],
      ["4000", "4000 0 0 /"],
      ["4000:4001", "4000 4001 4001 /"],
      [":extra", "0 2000 2000 /root"],
      ["0", "0 0 0 /root"],
      ["65535", "65535 0 0 /"],
    ] as const) {
      const flags = user === null ? [] : ["--user", user];
      expect([user, await run(...flags, "users", "sh", "-c", script)]).toEqual([user, expected]);
    }
    expect(await run("as-user", "sh", "-c", script)).toBe("1000 2000 2000 /home/user");
    expect(await run("-u", "root", "as-user", "sh", "-c", script)).toBe("0 0 0 /root");
  });

  it("owns its terminal and its streams", async () => {
    expect(
      await run("-t", "-u", "1000", "busybox", "sh", "-c", "stat -c '%u %a' $(tty); echo again > /dev/stdout"),
    ).toBe("1000 620\r\nagain\r");
    const streams = await stage.env.run([
      "run",
      "--rm",
      "-u",
      "1000",
      "busybox",
      "sh",
      "-c",
      "echo out > /dev/stdout; echo err > /dev/stderr",
    ]);
    expect(streams).toMatchObject({ code: 0, stdout: "out\n", stderr: "err\n" });
  });
});

describe("names and files of the engine's own", () => {
  it("are the short id, or what --hostname and --domainname say, everywhere the same", async () => {
    const script = "hostname; cat /etc/hostname; echo $HOSTNAME; uname -n; tail -n 1 /etc/hosts";
    const id = await stage.env.ok(["create", "--network", "none", "busybox", "sh", "-c", script]);
    const short = id.slice(0, 12);
    expect(await stage.env.ok(["start", "-a", id])).toBe(
      [short, short, short, short, `127.0.1.1\t${short}`].join("\n"),
    );
    expect(
      await run(
        "-h",
        "box",
        "--domainname",
        "example.org",
        "busybox",
        "sh",
        "-c",
        `${script}; cat /proc/sys/kernel/domainname`,
      ),
    ).toBe(["box", "box", "box", "box", "127.0.1.1\tbox.example.org box", "example.org"].join("\n"));
    for (const name of ["a b", "-x", "x".repeat(65), "ü", "a\nb"]) {
      expect(await fails(125, `--hostname=${name}`, "busybox")).toContain("invalid hostname");
    }
  });

  it("lie over the image's, and can be changed inside", async () => {
    expect(
      await run(
        "own-files",
        "sh",
        "-c",
        "cat /etc/hosts /etc/hostname; cat /etc/resolv.conf; ls -l /etc/resolv.conf | cut -c1",
      ),
    ).not.toContain("image's");
    const containerEnvironment = await run("--name", "told", "busybox", "cat", "/run/.containerenv");
    expect(containerEnvironment).toContain('engine="bunker"');
    expect(containerEnvironment).toContain('name="told"');
    expect(containerEnvironment).toContain("rootless=1");
    // A generated name is a name too.
    expect(await run("busybox", "grep", "^name=", "/run/.containerenv")).toMatch(/^name="[a-z]+_[a-z]+"$/);
    expect(await run("busybox", "sh", "-c", "echo x > /run/.containerenv || echo refused")).toBe("refused");
  });

  it("give way to a mount at their place", async () => {
    const hosts = write("my-hosts", "mine\n");
    expect(await run("-v", `${hosts}:/etc/hosts:ro`, "busybox", "cat", "/etc/hosts")).toBe("mine");
  });
});

describe("labels and the stop signal", () => {
  it("are the image's with the request's on top", async () => {
    const id = await stage.env.ok(["create", "-l", "a=mine", "--label", "c", "--label", "d=x=y", "labelled"]);
    expect(JSON.parse(await stage.env.ok(["inspect", "-f", "{{json .Config.Labels}}", id]))).toEqual({
      a: "mine",
      b: "image",
      c: "",
      d: "x=y",
    });
    expect(await stage.env.ok(["inspect", "-f", "{{.Config.StopSignal}}", id])).toBe("SIGQUIT");
    const other = await stage.env.ok(["create", "--stop-signal", "rtmin+3", "labelled"]);
    expect(await stage.env.ok(["inspect", "-f", "{{.Config.StopSignal}}", other])).toBe("rtmin+3");
    expect(await fails(125, "--label", "a b=c", "busybox")).toContain("contains whitespaces");
    expect(await fails(125, "--stop-signal", "NOSUCH", "busybox")).toContain("invalid signal: NOSUCH");
  });
});

describe("limits and privileges", () => {
  it("are set as asked, and sane when not", async () => {
    const script = "ulimit -Sn; ulimit -Hn; ulimit -c";
    expect(await run("--ulimit", "nofile=100:200", "--ulimit", "core=1024", "busybox", "sh", "-c", script)).toBe(
      "100\n200\n2",
    );
    expect(await run("--ulimit", "nofile=64", "busybox", "sh", "-c", script)).toBe("64\n64\n0");
    const [soft, hard, core] = (await run("busybox", "sh", "-c", script)).split("\n");
    expect(Number(soft)).toBeGreaterThanOrEqual(1024);
    expect(hard).toBe(soft);
    expect(core).toBe("0");
    expect(await fails(125, "--ulimit", "nosuch=1", "busybox")).toContain("invalid ulimit type: nosuch");
    expect(await fails(125, "--ulimit", "nofile=2:1", "busybox")).toContain("must be less than or equal to hard limit");
    // More than the host's own limit: only root could.
    expect(await fails(125, "--ulimit", "nofile=1:2000000000", "busybox", "true")).toContain(
      'ulimit "nofile" of 2000000000 is above your own hard limit',
    );
  });

  it("are the default capabilities less --cap-drop plus --cap-add", async () => {
    const bounding = (...flags: string[]) =>
      run(...flags, "busybox", "sed", "-n", "s/^CapBnd:\\t*//p", "/proc/self/status");
    const usual = BigInt(`0x${await bounding()}`);
    const CHOWN = 1n << 0n;
    const NET_ADMIN = 1n << 12n;
    expect(usual & CHOWN).toBe(CHOWN);
    expect(usual & NET_ADMIN).toBe(0n);
    expect(BigInt(`0x${await bounding("--cap-drop", "CHOWN")}`)).toBe(usual & ~CHOWN);
    expect(BigInt(`0x${await bounding("--cap-add", "net_admin")}`)).toBe(usual | NET_ADMIN);
    expect(BigInt(`0x${await bounding("--cap-drop", "all")}`)).toBe(0n);
    expect(BigInt(`0x${await bounding("--cap-drop", "ALL", "--cap-add", "CAP_CHOWN")}`)).toBe(CHOWN);
    expect(BigInt(`0x${await bounding("--cap-add", "ALL", "--cap-drop", "NET_ADMIN")}`) & NET_ADMIN).toBe(0n);
    expect(await fails(125, "--cap-add", "NOSUCH", "busybox")).toContain('invalid capability "NOSUCH"');
    expect(await fails(1, "--cap-drop", "CHOWN", "busybox", "chown", "1:1", "/tmp")).toContain(
      "Operation not permitted",
    );
  });

  it("include no-new-privileges and a seccomp profile of one's own", async () => {
    const status = (...flags: string[]) =>
      run(...flags, "busybox", "sed", "-n", "s/^\\(NoNewPrivs\\|Seccomp\\):\\t*//p", "/proc/self/status");
    expect(await status()).toBe("0\n2");
    expect(await status("--security-opt", "no-new-privileges")).toBe("1\n2");
    expect(await status("--security-opt", "no-new-privileges:true")).toBe("1\n2");
    expect(await status("--security-opt", "seccomp=unconfined")).toBe("0\n0");
    const profile = write(
      "profile.json",
      JSON.stringify({
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
      }),
    );
    expect(
      await run("--security-opt", `seccomp=${profile}`, "busybox", "sh", "-c", "mkdir /tmp/x 2>&1; true"),
    ).toContain("Function not implemented");
    for (const [option, says] of [
      ["seccomp=/no/such", "opening seccomp profile (/no/such) failed"],
      [`seccomp=${write("bad.json", "{")}`, "it is not JSON"],
      ["nosuch", "invalid --security-opt"],
      ["apparmor=mine", "--security-opt apparmor=mine is not supported: containers get no AppArmor profiles"],
      ["label=level:s0", "--security-opt label=level:s0 is not supported: containers get no SELinux labels"],
      ["writable-cgroups", "not supported yet"],
    ] as const) {
      expect(await fails(125, "--security-opt", option, "busybox")).toContain(says);
    }
  });

  it("leave PID 1 to the command, or with --init to a reaper that passes signals on", async () => {
    expect(await run("busybox", "sh", "-c", "echo $$")).toBe("1");
    expect(await run("--init", "busybox", "sh", "-c", "test $$ != 1 && cat /proc/1/comm")).toBe("bunker-init");
    // Orphans' zombies: gone with --init, there without.
    const zombies = "sh -c '(sleep 0.01 &)'; sleep 0.2; grep -l '^State:.*zombie' /proc/[0-9]*/status | wc -l";
    expect(await run("--init", "busybox", "sh", "-c", zombies)).toBe("0");
    await stage.env.ok([
      "run",
      "-d",
      "--init",
      "--name",
      "signalled",
      "busybox",
      "sh",
      "-c",
      "trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done",
    ]);
    await stage.env.start(["logs", "-f", "signalled"]).waitFor(/ready/);
    await stage.env.ok(["kill", "-s", "USR1", "signalled"]);
    expect(await stage.env.ok(["wait", "signalled"])).toBe("9");
  });
});
