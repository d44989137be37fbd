// Our own programs, as seen by somebody inside who would take them over: while they enter a container, while they stay in it,
// and while they work for it. They cannot be written to, not be looked into, and bring nothing along.

import { describe, expect } from "bun:test";
import { chmodSync, chownSync, copyFileSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

import type { Running } from "../../support/command.ts";
import { isLong, requires, whenLong } from "../../support/guards.ts";
import { hostileImage } from "../../support/hostile.ts";
import { commandLine, processesOf } from "../../support/host-state.ts";
import { useStage } from "../../support/stage.ts";
import { syscallNumber } from "../../support/syscalls.ts";
import { directory, file } from "../../support/tar.ts";

const EXECS = isLong() ? 1000 : 100;
/** The file itself: in the environment it is bound over an empty one. */
const PROGRAM = join(import.meta.dir, "../../../dist/bunker");
/** On a machine that has much else to do. */
const PATIENT = { timeoutMs: 110_000 };
const ALMIGHTY = ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined"];
const OWN_PROGRAM = /memfd|keeper|bunker/;

const stage = useStage({
  needs: ["probe"],
  prepare: async (opened) => {
    await opened.add("hostile", hostileImage());
  },
});

const run = (...words: string[]) => ["run", "--rm", "--network", "none", ...words];

function hashOf(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}

/** Runs an attack inside while the host execs many times; what the attack then says. */
async function duringExecs<T>(words: string[], program = stage.env.program): Promise<T> {
  const { env } = stage;
  const id = await env.ok(["run", "-d", "--rm", "--network", "none", ...ALMIGHTY, "hostile", "sleep", "600"]);
  const attack: Running = env.start(["exec", id, "/attack", ...words], PATIENT);
  const loop = `for i in $(seq ${EXECS}); do "$1" exec "$2" true || exit 1; done; "$1" exec "$2" touch /stop`;
  const { code, stderr } = await env.startOther(["sh", "-c", loop, "sh", program, id], PATIENT).result();
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse((await attack.result()).stdout) as T;
}

describe("a process that enters a container", () => {
  stage.it("can never be looked into before it is the container's own (CVE-2016-9962)", async () => {
    const said = await duringExecs<{ seen: number; looks: number; caught: string[] }>(["peek", "/stop"]);
    expect(said.caught).toEqual([]);
    // The attack was awake: it saw most of them come.
    expect(said.seen).toBeGreaterThan(EXECS / 2);
  });

  stage.it("is what the attack would notice: our PID 1 it does see", async () => {
    const { env } = stage;
    const id = await env.ok(["run", "-d", "--rm", "--init", "--network", "none", "hostile", "sleep", "600"]);
    const said = await env.ok(["exec", id, "sh", "-c", "/attack peek /stop & sleep 0.2; touch /stop; wait"]);
    expect((JSON.parse(said) as { caught: string[] }).caught).toEqual(expect.arrayContaining(["exe", "mem"]));
  });

  stage.it(
    "is of a program nobody can write to, even if the engine is the user's own file (CVE-2019-5736)",
    async () => {
      const { env } = stage;
      // Container root is the user: nothing but the engine keeps it from writing to this.
      const own = join(env.home, "bunker");
      copyFileSync(PROGRAM, own);
      chmodSync(own, 0o755);
      chownSync(own, env.user.uid, env.user.gid);
      const before = hashOf(own);
      const said = await duringExecs<{ tries: number; opened: string[] }>(["overwrite", "/stop"], own);
      expect(said.opened.filter((program) => OWN_PROGRAM.test(program))).toEqual([]);
      expect(said.tries).toBeGreaterThan(EXECS);
      expect(hashOf(own)).toBe(before);
    },
  );

  stage.it("is not started by pretending to be /proc/self/exe", async () => {
    const before = hashOf(PROGRAM);
    for (const words of [[], ["init"], ["container"], ["job"]]) {
      const { code, stdout } = await stage.env.run(run("--entrypoint", "/proc/self/exe", "hostile", ...words));
      expect([words, code === 0, stdout]).toEqual([words, false, ""]);
    }
    await stage.env.run(run("hostile", "sh", "-c", "exec /proc/self/exe; cp /attack /proc/1/exe"));
    expect(hashOf(PROGRAM)).toBe(before);
  });

  stage.it("that stays as PID 1 is sealed", async () => {
    const script = [
      "readlink /proc/1/exe",
      "for way in '>' '>>' '<>'; do eval \"(: $way /proc/1/exe) 2>/dev/null && echo WROTE\"; done",
      "cp /attack /proc/1/exe 2>/dev/null && echo COPIED",
      "cmp -s /proc/1/exe /proc/1/exe && echo same",
    ].join("\n");
    const said = await stage.env.ok(run("--init", ...ALMIGHTY, "hostile", "sh", "-c", script));
    expect(said).toBe("/memfd:keeper (deleted)\nsame");
  });

  stage.it("that stays as PID 1 cannot be made useless for other containers", async () => {
    const { env } = stage;
    const spoil =
      "chmod 000 /proc/1/exe; chmod 4755 /proc/1/exe; chmod 611 /proc/1/exe; chown 5:5 /proc/1/exe; sleep 600";
    const id = await env.ok(["run", "-d", "--rm", "--init", ...ALMIGHTY, "hostile", "sh", "-c", spoil]);
    for (let at = 0; at < 3; at++) {
      expect(await env.ok(run("hostile", "id", "-u"))).toBe("0");
      expect(await env.ok(["exec", id, "id", "-u"])).toBe("0");
    }
  });
});

whenLong(() => {
  describe("a container that stops whoever enters", () => {
    stage.it("stops neither its keeper nor its own end", async () => {
      const { env } = stage;
      const id = await env.ok(["run", "-d", "--network", "none", "hostile", "/attack", "halt", "/stop"]);
      const said = await env.run(["exec", id, "true"]);
      expect([said.code, said.stderr]).toEqual([1, expect.stringContaining("keeps the process from starting")]);
      const start = performance.now();
      await env.ok(["rm", "-f", id]);
      expect(performance.now() - start).toBeLessThan(5000);
    });
  });
});

describe("what the caller had open (CVE-2024-21626)", () => {
  stage.it("is in no container and in no keeper", async () => {
    const { env } = stage;
    // Directories, files, pipes, a socket: as a careless program leaves them to its children.
    const open = [
      `for fd in $(seq 10 50); do eval "exec $fd<${env.home}"; done`,
      "exec 51<>/dev/null 52</etc/passwd 53< <(:)",
      'exec "$@"',
    ].join("\n");
    const careless = (...words: string[]) =>
      env.startOther(["bash", "-c", open, "bash", env.program, ...words]).result();
    const list = ["/probe", "fds"];
    const fds = ({ stdout }: { stdout: string }) => Object.keys((JSON.parse(stdout) as { fds: object }).fds);
    expect(fds(await careless(...run("hostile", ...list)))).toEqual(["0", "1", "2"]);
    expect(fds(await careless(...run("--init", "hostile", ...list)))).toEqual(["0", "1", "2"]);
    const id = (await careless("run", "-d", "--rm", "--network", "none", "hostile", "sleep", "60")).stdout.trim();
    expect(fds(await careless("exec", id, ...list))).toEqual(["0", "1", "2"]);
    const pid = await env.ok(["inspect", "--format", "{{.State.Pid}}", id]);
    const keeper = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    const targets = readdirSync(`/proc/${keeper}/fd`).map((fd) => readlinkSync(`/proc/${keeper}/fd/${fd}`));
    expect(targets.filter((target) => target === env.home || target === "/etc/passwd")).toEqual([]);
    expect(readlinkSync(`/proc/${keeper}/cwd`)).toBe("/");
  });
});

describe("the caller's terminal (CVE-2017-5226)", () => {
  stage.it("is out of reach for a container without one of its own, whatever filter it has", async () => {
    const calls = [0, 1, 2].map((fd) => `'${syscallNumber("ioctl")} ${fd} 0x5412 s:x'`).join(" ");
    const reach = `(: < /dev/tty) 2>/dev/null && echo HAS-IT; tty; /attack calls ${calls}`;
    for (const flags of [[], ["--security-opt", "seccomp=unconfined"], ALMIGHTY]) {
      const session = stage.env.terminal([
        "run",
        "--rm",
        "-i",
        "--network",
        "none",
        ...flags,
        "hostile",
        "sh",
        "-c",
        reach,
      ]);
      await session.exited();
      expect(session.output).not.toContain("HAS-IT");
      expect(session.output).toContain("not a tty");
      expect(session.output).not.toMatch(/"ok"/);
    }
  });
});

describe("programs and libraries of an image (CVE-2019-14271, CVE-2022-1227)", () => {
  const trap = "#!/bin/sh\necho trapped >> /trapped\n";
  const names = [
    "xz",
    "zstd",
    "gzip",
    "gunzip",
    "unpigz",
    "tar",
    "git",
    "ps",
    "mount",
    "newuidmap",
    "newgidmap",
    "slirp4netns",
  ];
  const files = [
    ...names.flatMap((name) =>
      ["usr/bin", "usr/local/bin", "sbin"].map((folder) => file(`${folder}/${name}`, trap, { mode: 0o755 })),
    ),
    file("etc/ld.so.preload", "/lib/evil.so\n"),
    file("etc/nsswitch.conf", "passwd: evil\ngroup: evil\n"),
    file("lib/libnss_evil.so.2", "not a library"),
    file("lib/evil.so", "not a library"),
    directory("data"),
    file("data/x", "x"),
  ];

  stage.it("are run by nobody but the container", async () => {
    const { env } = stage;
    await stage.add("trapped", hostileImage({ files, run: { Volumes: { "/data": {} } } }));
    const flags = ["--network", "none", "--user", "root", "-w", "/work", "-v", `${env.home}:/home/user`];
    const id = await env.ok(["run", "-d", ...flags, "trapped", "sh", "-c", "echo out; sleep 600"]);
    for (const words of [
      ["ps"],
      ["logs", id],
      ["inspect", id],
      ["exec", id, "true"],
      ["exec", "-t", id, "true"],
      ["ps", "--size"],
      ["top", id],
      ["pause", id],
      ["unpause", id],
      ["port", id],
    ]) {
      await env.ok(words);
    }
    await env.fails(["exec", id, "test", "-e", "/trapped"], 1);
    await env.ok(["stop", "-t", "0", id]);
    await env.ok(["start", id]);
    await env.fails(["exec", id, "test", "-e", "/trapped"], 1);
  });
});

describe("the helper for the way out", () => {
  requires("slirp4netns");

  stage.it("has no root, no privileges and few system calls: it parses what the container sends", async () => {
    const { env } = stage;
    const id = await env.ok(["run", "-d", "--rm", "--network=slirp4netns", "hostile", "sleep", "600"]);
    const helper = processesOf(env).find((pid) => /slirp4netns/.test(commandLine(pid)[0] ?? ""));
    expect(helper).toBeDefined();
    const status = readFileSync(`/proc/${helper}/status`, "utf8");
    expect(/^Seccomp:\s*(\d)$/m.exec(status)?.[1]).toBe("2");
    expect(/^CapBnd:\s*(\w+)$/m.exec(status)?.[1]).toBe("0000000000000400");
    expect(readdirSync(`/proc/${helper}/root`).filter((name) => !["etc", "run"].includes(name))).toEqual([]);
    await env.ok(["rm", "-f", id]);
  });
});
