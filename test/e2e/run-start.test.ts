// What comes before a container's command and beside it: what becomes of the image's volumes, another init, a personality, files with
// numbers of processes, containers that are started first; and what goes when one is removed that others need.

import { describe, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file } from "../support/tar.ts";

const NONE = "--network=none";

const stage = useStage({
  prepare: async (opened) => {
    const layer = makeLayer([
      directory("data"),
      { ...file("data/given"), content: new TextEncoder().encode("given\n") },
    ]);
    await opened.add("keeping", busyboxWith({ Volumes: { "/data": {} } }, [layer]));
  },
});
const { it } = stage;

describe("--image-volume", () => {
  it("makes a volume, a tmpfs, or nothing of each of the image's volumes", async () => {
    const { env } = stage;
    const script = "grep ' /data ' /proc/mounts | cut -d' ' -f3; cat /data/given";
    const words = (mode: string[]): string[] => ["run", "--name=c", NONE, ...mode, "keeping", "sh", "-c", script];
    const volumes = (): Promise<string> => env.ok(["volume", "ls", "-q"]);
    expect(await env.ok(words(["--image-volume=tmpfs"]))).toBe("tmpfs\ngiven");
    expect(await volumes()).toBe("");
    await env.ok(["rm", "c"]);
    expect(await env.ok(words(["--image-volume=ignore"]))).toBe("given");
    expect(await volumes()).toBe("");
    await env.ok(["rm", "c"]);
    expect(await env.ok(words(["--image-volume=bind"]))).toContain("given");
    expect(await volumes()).toMatch(/^[0-9a-f]{64}$/);
    expect(await env.fails(["create", "--image-volume=x", "keeping"], 125)).toContain(
      'invalid image volume mode "x" required value: bind, tmpfs, ignore',
    );
  });
});

describe("--read-only-tmpfs", () => {
  it("leaves scratch places writable, with what the image has there; docker's default is none", async () => {
    const script = "for place in /run /tmp /var/tmp /etc; do touch $place/x 2>/dev/null && echo $place; done; true";
    const words = (...flags: string[]): string[] => ["run", "--rm", NONE, ...flags, "busybox", "sh", "-c", script];
    expect(await stage.env.ok(words("--read-only"))).toBe("");
    expect(await stage.env.ok(words("--read-only", "--read-only-tmpfs"))).toBe("/run\n/tmp\n/var/tmp");
    expect(await stage.env.ok(words("--read-only", "--read-only-tmpfs", "--tmpfs=/tmp:ro"))).toBe("/run\n/var/tmp");
  });
});

describe("--init-path", () => {
  it("starts the command by the host's program", async () => {
    const { env } = stage;
    const init = join(env.home, "my-init");
    writeFileSync(init, '#!/bin/sh\necho "init: $*"\nshift\nexec "$@"\n', { mode: 0o755 });
    const flags = ["--init", "--init-path", init];
    expect(await env.ok(["run", "--rm", NONE, ...flags, "busybox", "echo", "command"])).toBe(
      "init: -- echo command\ncommand",
    );
    expect(await env.fails(["create", "--init", "--init-path=/nowhere", "busybox"], 1)).toContain(
      "container-init binary not found on the host: stat /nowhere: no such file or directory",
    );
  });
});

describe("--personality", () => {
  it("is the process's, and an exec's", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=c", NONE, "--personality=LINUX32", "busybox", "sleep", "1000"]);
    expect(await env.ok(["exec", "c", "cat", "/proc/self/personality"])).toBe("00000008");
    expect(await env.ok(["exec", "c", "uname", "-m"])).toBe("i686");
    expect(await env.fails(["create", "--personality=BSD", "busybox"], 125)).toContain('unknown personality "BSD"');
  });
});

describe("--pidfile and --conmon-pidfile", () => {
  it("have the numbers of the process and its keeper, at each start", async () => {
    const { env } = stage;
    const [pidFile, keeperFile] = [join(env.home, "pid"), join(env.home, "keeper")];
    const files = ["--pidfile", "pid", "--conmon-pidfile", keeperFile];
    await env.ok(["create", "--name=c", NONE, ...files, "busybox", "sleep", "1000"]);
    expect(existsSync(pidFile)).toBe(false);
    for (const verb of ["start", "restart"]) {
      await env.ok([verb, ...(verb === "restart" ? ["-t0"] : []), "c"]);
      expect(readFileSync(pidFile, "utf8")).toBe(await env.ok(["inspect", "-f", "{{.State.Pid}}", "c"]));
      const keeper = readFileSync(keeperFile, "utf8");
      expect(readFileSync(`/proc/${keeper}/comm`, "utf8")).toContain("keeper");
    }
    const refused = await env.fails(["run", "--rm", NONE, "--pidfile=/nowhere/pid", "busybox", "true"], 125);
    expect(refused).toContain('writing the PID to "/nowhere/pid"');
    expect(await env.ok(["ps", "-aq", "--filter", "name=c"])).toMatch(/^[0-9a-f]{12}$/);
  });
});

describe("--requires", () => {
  it("starts first what is needed, and what that needs", async () => {
    const { env } = stage;
    const make = (name: string, ...flags: string[]): Promise<string> =>
      env.ok(["create", "--name", name, NONE, ...flags, "busybox", "sleep", "1000"]);
    await make("first");
    await make("second", "--requires=first");
    await make("third", "--requires", "second,first");
    await env.ok(["start", "third"]);
    const names = (): Promise<string> => env.ok(["ps", "--format", "{{.Names}}", "--sort=names"]);
    expect(await names()).toBe("first\nsecond\nthird");
    await env.ok(["stop", "-t0", "first", "second", "third"]);
    await env.ok(["run", "--rm", NONE, "--requires=second", "busybox", "true"]);
    expect(await names()).toBe("first\nsecond");
    expect(await env.fails(["create", "--requires=nope", "busybox"], 1)).toContain(
      '"nope" is not a valid container, cannot be used as a dependency: no container with name or ID "nope" found: ' +
        "no such container",
    );
    await env.ok(["rm", "-f", "first"]);
    expect(await env.fails(["start", "third"], 1)).toContain("no such container");
    expect(await env.ok(["inspect", "-f", "{{.State.Status}}", "third"])).toBe("exited");
  });
});

describe("rm --depend", () => {
  it("removes first what needs it: by a namespace, or because it is started first", async () => {
    const { env } = stage;
    const sleep = ["busybox", "sleep", "1000"];
    await env.ok(["run", "-d", "--name=donor", NONE, ...sleep]);
    await env.ok(["run", "-d", "--name=guest", "--network=container:donor", ...sleep]);
    await env.ok(["create", "--name=late", NONE, "--requires=guest", ...sleep]);
    await env.ok(["create", "--name=other", NONE, ...sleep]);
    const removed = (await env.ok(["rm", "--depend", "-f", "donor"])).split("\n");
    expect(removed).toHaveLength(3);
    expect(removed.at(-1)).toBe("donor");
    expect(await env.ok(["ps", "-a", "--format", "{{.Names}}"])).toBe("other");
    expect(await env.fails(["rm", "--depend", "nope"], 1)).toContain("no such container: nope");
  });
});

describe("--chrootdirs", () => {
  it("have the files of names as well", async () => {
    const script =
      "cat /srv/jail/etc/hostname; grep -c . /srv/jail/etc/hosts; test -f /srv/jail/etc/resolv.conf && echo yes";
    const words = ["run", "--rm", NONE, "--hostname=here", "--chrootdirs=/srv/jail", "busybox", "sh", "-c", script];
    const [hostname, count, found] = (await stage.env.ok(words)).split("\n");
    expect([hostname, found]).toEqual(["here", "yes"]);
    expect(Number(count)).toBeGreaterThan(1);
  });
});

describe("what only says what is so anyway, or cannot be", () => {
  it("is taken, or refused with the reason", async () => {
    const { env } = stage;
    const usual = ["--volume-driver=local", "--disable-content-trust", "--image-volume=bind"];
    await env.ok(["run", "--rm", NONE, ...usual, "busybox", "true"]);
    const refused: [flag: string, says: string][] = [
      ["--volume-driver=nfs", 'the volume driver "nfs" is not supported'],
      ["--storage-opt=size=1G", "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"],
      ["--disable-content-trust=false", "nothing is signed by Notary"],
      ["--pod=p", "--pod is not supported yet"],
    ];
    for (const [flag, says] of refused) expect(await env.fails(["run", NONE, flag, "busybox"], 125)).toContain(says);
    expect(await env.ok(["ps", "-aq"])).toBe("");
  });
});

describe("columns that are asked for", () => {
  it("are there: pods, which nobody has, and names of images; logs have details", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", NONE, "busybox", "sh", "-c", "echo one; echo two"]);
    const [heading, row] = (await env.ok(["ps", "-a", "--pod"])).split("\n");
    expect(heading).toMatch(/NAMES +POD ID +PODNAME$/);
    expect(row).toMatch(/ c$| c +$/);
    expect(await env.ok(["ps", "-a", "--format=json"])).not.toContain("Pod");
    expect((await env.ok(["images", "--history", "busybox"])).split("\n")[1]).toMatch(
      /B +.*busybox:latest, busybox:latest|B +busybox:latest/,
    );
    await env.ok(["start", "-a", "c"]);
    expect(await env.run(["logs", "--details", "c"])).toMatchObject({ stdout: " one\n two\n" });
    expect((await env.ok(["logs", "--details", "-t", "c"])).split("\n")[0]).toMatch(/^\S+Z {2}one$/);
  });
});
