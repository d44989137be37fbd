// Paths with hostile data: whatever an image or a container puts in the way, mounts, files of ours, working directories and
// terminals end inside, and nothing outside is touched. The canary tree, which links here aim at, is compared after each test.

import { describe, expect } from "bun:test";
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { hostileImage } from "../../support/hostile.ts";
import { comparePostures, readPosture } from "../../support/posture.ts";
import { useStage } from "../../support/stage.ts";
import { fifo, file, symlink, type TarEntry } from "../../support/tar.ts";

const stage = useStage({
  needs: ["probe"],
  prepare: async (opened) => {
    await opened.add("clean", hostileImage());
  },
});

const run = (...words: string[]) => ["run", "--rm", "--network", "none", ...words];
/** The engine's failure, or docker's codes for a command that could not be started; 1 is exec's. */
const NOT_STARTED = new Set([1, 125, 126, 127]);
/** Up to any root, from anywhere. */
const UP = "../".repeat(20);

/** Files of the canary's, one for each of ours. */
const THERE: Record<string, string> = {
  "etc/hosts": "regular",
  "etc/resolv.conf": "private",
  "etc/hostname": "of-another",
  "run/.containerenv": "read-only",
};

/** Ways in which an entry of the image can be something else than it should; each name gets a place of its own. */
function disguises(name: string): Record<string, TarEntry> {
  const { root } = stage.canary;
  const own = name.replaceAll("/", "-");
  return {
    "absolute link": symlink(name, `${root}/folder/${own}`),
    "relative link": symlink(name, `${UP}${root.slice(1)}/folder/${own}`),
    "link to what is there": symlink(name, `${root}/${THERE[name] ?? "folder"}`),
    "dangling link": symlink(name, `${root}/nothing/${own}`),
    "link to the root": symlink(name, "/"),
    "link to itself": symlink(name, name),
    file: file(name, "not what you think\n"),
    fifo: fifo(name),
  };
}

/** Of these, the links behind which something can be made. */
const LINKS = ["absolute link", "relative link", "dangling link", "link to what is there"];

/** A bind source of the user's, with one file. */
function makeSource(name: string): string {
  const path = join(stage.env.home, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "mine"), "mine\n");
  for (const each of [path, join(path, "mine")]) chownSync(each, stage.env.user.uid, stage.env.user.gid);
  return path;
}

describe("an image whose /proc, /sys and /dev are something else (CVE-2019-16884, CVE-2026-41579)", () => {
  const PARTS = ["mounts", "devices", "paths", "sysctls", "status"];

  stage.it("gets the real ones, with every mask in place", async () => {
    const look = async (image: string) => readPosture(await stage.env.ok(run(image, "/probe", ...PARTS)));
    const clean = await look("clean");
    for (const [how] of Object.entries(disguises("x"))) {
      const files = ["proc", "sys", "dev"].flatMap((name) => disguises(name)[how] ?? []);
      await stage.add("disguised", hostileImage({ files }));
      expect([how, comparePostures(clean, await look("disguised"))]).toEqual([how, []]);
    }
  });
});

describe("files of ours in the container (CVE-2025-24965)", () => {
  const PLACES = ["etc/hosts", "etc/resolv.conf", "etc/hostname", "run/.containerenv"];

  stage.it("never land outside, whatever lies in their place", async () => {
    for (const how of Object.keys(disguises("x"))) {
      const files = PLACES.flatMap((place) => disguises(place)[how] ?? []);
      await stage.add("placed", hostileImage({ files }));
      const words = run("--hostname", "own", "placed", "cat", "/etc/hostname");
      const { code, stdout, stderr } = await stage.env.run(words);
      // Either they are there, or it is said why not.
      if (code === 0) expect([how, stdout]).toEqual([how, "own\n"]);
      else expect([how, code, stderr]).toEqual([how, 125, expect.stringMatching(/mount point "\/(etc|run)\/|leads/)]);
    }
  });

  stage.it("nor where their directory is something else", async () => {
    for (const how of Object.keys(disguises("x"))) {
      const files = ["etc", "run"].flatMap((place) => disguises(place)[how] ?? []);
      await stage.add("placed", hostileImage({ files }));
      const { code } = await stage.env.run(run("placed", "true"));
      expect([how, [0, 125].includes(code ?? -1)]).toEqual([how, true]);
    }
  });

  stage.it("cannot be put into /proc by a link", async () => {
    await stage.add("placed", hostileImage({ files: [symlink("etc/hostname", "/proc/sys/kernel/hostname")] }));
    expect(await stage.env.fails(run("placed", "true"), 125)).toContain("leads into the container's /proc");
  });
});

describe("mount points (CVE-2021-30465, CVE-2024-45310)", () => {
  stage.it("are made inside, behind any link", async () => {
    const source = makeSource("source");
    const mounts = (target: string) => [
      ["-v", `${source}:${target}`],
      ["-v", `${source}/mine:${target}/file`],
      ["--tmpfs", `${target}/deep/er`],
    ];
    for (const how of LINKS) {
      await stage.add("linked", hostileImage({ files: [disguises("link")[how] ?? fifo("never")] }));
      for (const flags of [...mounts("/link"), ...mounts("/link/new")]) {
        const said = await stage.env.ok(run(...flags, "linked", "grep", "-c", "canary", "/proc/self/mountinfo"));
        expect([how, flags, Number(said) > 0]).toEqual([how, flags, true]);
      }
    }
  });

  stage.it("over the root or in /proc are refused, but for the files that are known to be replaced", async () => {
    const source = makeSource("source");
    await stage.add("linked", hostileImage({ files: [symlink("link", "/"), symlink("to-proc", "/proc")] }));
    const refused = [
      ["-v", `${source}:/proc`],
      ["-v", `${source}:/proc/sys`],
      ["-v", `${source}:/link`],
      ["-v", `${source}:/to-proc`],
      ["-v", `${source}/mine:/proc/kcore`],
      ["-v", `${source}/mine:/proc/self/attr/exec`],
      ["-v", `${source}/mine:/proc/sysrq-trigger`],
      ["-v", `${source}/mine:/proc/1/environ`],
      ["-v", `${source}/mine:/to-proc/version`],
      ["--tmpfs", "/proc"],
      ["--tmpfs", "/proc/fs"],
      ["--tmpfs", "/link"],
    ];
    for (const flags of refused) {
      const said = await stage.env.fails(run(...flags, "linked", "true"), 125);
      expect([flags, said]).toEqual([flags, expect.stringMatching(/leads (to|into) the container's|mount point "/)]);
    }
    expect(await stage.env.ok(run("-v", `${source}/mine:/proc/uptime`, "clean", "cat", "/proc/uptime"))).toBe("mine");
    expect(await stage.env.ok(run("-v", `${source}:/sys/fs/cgroup:ro`, "clean", "ls", "/sys/fs/cgroup"))).toBe("mine");
  });

  stage.it("that the container has replaced by links are found inside at the next start (CVE-2015-3629)", async () => {
    const { root } = stage.canary;
    const source = makeSource("source");
    const script = [
      `[ -e /mnt.old ] && exec cat /mnt/a/mine`,
      "mv /mnt /mnt.old; mv /etc /etc.old; mv /run /run.old",
      `ln -s ${root}/folder /mnt; ln -s ${UP}${root.slice(1)} /run; cp -r /etc.old /etc; rm -f /etc/hosts`,
      `ln -s ${root}/private /etc/hosts; ln -s ${root}/fifo /etc/hostname; ln -s ${root} /proc.new`,
    ].join("\n");
    const flags = ["-v", `${source}:/mnt/a`, "--tmpfs", "/mnt/b"];
    const id = await stage.env.ok(["create", "--network", "none", ...flags, "clean", "sh", "-c", script]);
    await stage.env.run(["start", "--attach", id]);
    expect(await stage.env.ok(["start", "--attach", id])).toBe("mine");
  });
});

describe("working directories (CVE-2024-21626, CVE-2026-55686)", () => {
  /** Descriptors of the engine's would be among these. */
  const MAGIC = [
    ...Array.from({ length: 24 }, (_, fd) => `/proc/self/fd/${fd}`),
    "/proc/self/cwd",
    "/proc/1/cwd",
    "/proc/self/root",
    "/proc/1/root/..",
    "/proc/thread-self/cwd",
    "/proc/self/task/1/cwd",
    "/proc/self/fd/../cwd",
    "/magic",
  ];

  stage.it("are never an open file of ours, for run, exec or image", async () => {
    await stage.add("magic", hostileImage({ files: [symlink("magic", "/proc/self/fd/7")] }));
    const id = await stage.env.ok(["run", "-d", "--rm", "--network", "none", "magic", "sleep", "600"]);
    const rest = [...MAGIC];
    const worker = async () => {
      for (let place = rest.shift(); place !== undefined; place = rest.shift()) {
        const said = [
          await stage.env.run(run("-w", place, "magic", "pwd", "-P")),
          await stage.env.run(["exec", "-w", place, id, "pwd", "-P"]),
        ];
        expect([place, said.filter(({ code }) => !NOT_STARTED.has(code ?? 0))]).toEqual([place, []]);
        for (const { stderr } of said) expect(stderr).toContain(`working directory "${place}"`);
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    for (const [at, place] of ["/proc/self/fd/8", "/magic", "/proc/self/cwd"].entries()) {
      const files = [symlink("magic", "/proc/self/fd/7")];
      await stage.add(`workdir-${at}`, hostileImage({ files, run: { WorkingDir: place } }));
      const { code, stderr } = await stage.env.run(run(`workdir-${at}`, "pwd"));
      expect([NOT_STARTED.has(code ?? 0), stderr]).toEqual([true, expect.stringContaining("working directory")]);
    }
  });

  stage.it("are made inside, behind any link, with the image's owner and mode untouched", async () => {
    for (const how of LINKS) {
      const files = [disguises("link")[how] ?? fifo("never")];
      await stage.add("linked", hostileImage({ files, run: { WorkingDir: "/link/made/deep" } }));
      const place = await stage.env.ok(run("linked", "pwd", "-P"));
      expect([how, place]).toEqual([how, expect.stringMatching(/^\/.*canary.*\/made\/deep$/)]);
    }
    await stage.add(
      "linked",
      hostileImage({ files: [symlink("link", "loop"), symlink("loop", "link"), file("plain")] }),
    );
    for (const place of ["/link", "/link/x", "/plain", "/plain/x"]) {
      const { code, stderr } = await stage.env.run(run("-w", place, "linked", "pwd"));
      expect([place, NOT_STARTED.has(code ?? 0), stderr]).toEqual([place, true, expect.stringContaining(place)]);
    }
  });

  stage.it("that have gone are told, not guessed", async () => {
    const id = await stage.env.ok(["run", "-d", "--rm", "--network", "none", "-w", "/work", "clean", "sleep", "600"]);
    await stage.env.ok(["exec", "-w", "/", id, "rmdir", "/work"]);
    expect(await stage.env.fails(["exec", id, "pwd"], 127)).toContain('working directory "/work"');
  });
});

describe("the cgroup tree (CVE-2023-25809)", () => {
  stage.it("has no file that can be written", async () => {
    const script =
      "find /sys/fs/cgroup -type f | while read f; do (: >> $f) 2>/dev/null && echo $f; done; find /sys/fs/cgroup | wc -l";
    const said = await stage.env.ok(run("clean", "sh", "-c", script));
    expect(said).toMatch(/^\d+$/);
    expect(Number(said)).toBeGreaterThan(5);
  });
});

describe("exec into a container that hides what is usually there", () => {
  const privileged = ["--cap-add", "SYS_ADMIN", "--network", "none"];

  stage.it("with a terminal, refuses what is no terminal multiplexer (CVE-2025-52565)", async () => {
    const stages = [
      "mount -t tmpfs none /dev/pts; ln -s /proc/kmsg /dev/pts/ptmx",
      "mount -t tmpfs none /dev/pts; mkfifo /dev/pts/ptmx",
      "mount -t tmpfs none /dev/pts; echo > /dev/pts/ptmx",
      "mount -t tmpfs none /dev/pts",
      "mount -t tmpfs none /dev; ln -s /proc/self/fd /dev/pts",
    ];
    for (const hide of stages) {
      const id = await stage.env.ok([
        "run",
        "-d",
        "--rm",
        ...privileged,
        "clean",
        "sh",
        "-c",
        `${hide}; touch /hidden; sleep 600`,
      ]);
      while ((await stage.env.run(["exec", id, "test", "-e", "/hidden"])).code !== 0) await Bun.sleep(10);
      expect([hide, (await stage.env.run(["exec", "-t", id, "echo", "no"])).stdout]).toEqual([hide, ""]);
      // It is the terminal alone that cannot be had.
      expect([hide, await stage.env.ok(["exec", id, "echo", "yes"])]).toEqual([hide, "yes"]);
      await stage.env.ok(["rm", "-f", id]);
    }
  });

  stage.it("works without /proc, /sys and /etc", async () => {
    const hide = "for place in /proc /sys /etc /root; do mount -t tmpfs none $place; done; touch /hidden; sleep 600";
    const id = await stage.env.ok(["run", "-d", "--rm", ...privileged, "clean", "sh", "-c", hide]);
    while ((await stage.env.run(["exec", id, "test", "-e", "/hidden"])).code !== 0) await Bun.sleep(10);
    expect(await stage.env.ok(["exec", id, "sh", "-c", "id -u; ls /proc | wc -l"])).toBe("0\n0");
    await stage.env.fails(["exec", "--user", "user", id, "id"], 126);
  });
});

describe("a bind mount's source", () => {
  stage.it("is the user's own word: links in it are followed on the host, as the user could", async () => {
    const source = makeSource("source");
    symlinkSync("source", join(stage.env.home, "link"));
    expect(await stage.env.ok(run("-v", `${stage.env.home}/link:/in`, "clean", "cat", "/in/mine"))).toBe("mine");
    await stage.env.fails(run("--mount", `type=bind,src=${source}/nothing,dst=/in`, "clean", "true"), 125);
  });

  stage.it("that nobody but another user may read stays closed", async () => {
    const { root } = stage.canary;
    const script = `cat /in/of-another >/dev/null && echo r; (echo x >> /in/of-another) 2>/dev/null && echo w; chown 0 /in/setuid 2>/dev/null && echo o; true`;
    const flags = ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "-v", `${root}:/in`];
    expect(await stage.env.ok(run(...flags, "clean", "sh", "-c", script))).toBe("r");
  });
});
