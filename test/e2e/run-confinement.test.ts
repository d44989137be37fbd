// What --security-opt says about labels, profiles, hidden paths and /proc.

import { describe, expect } from "bun:test";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file, symlink } from "../support/tar.ts";

const NONE = "--network=none";

const stage = useStage({
  prepare: async (opened) => {
    const layer = makeLayer([
      directory("secret"),
      file("secret/key", "hidden\n"),
      file("plain", "hidden\n"),
      symlink("out", "../../../../plain"),
      symlink("kernel", "/proc/version"),
      symlink("top", "/"),
    ]);
    await opened.add("secrets", busyboxWith({}, [layer]));
  },
});
const { it } = stage;

function options(words: readonly string[]): string[] {
  return words.flatMap((word) => ["--security-opt", word]);
}

async function run(words: readonly string[], script: string, image = "busybox"): Promise<string> {
  return await stage.env.ok(["run", "--rm", NONE, ...options(words), image, "sh", "-c", script]);
}

async function fails(word: string): Promise<string> {
  return await stage.env.fails(["run", "--rm", NONE, ...options([word]), "secrets", "true"], 125);
}

describe("labels and profiles", () => {
  it("are none, which may be asked for", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", ...options(["label=disable", "apparmor=unconfined"]), NONE, "busybox"]);
    expect(JSON.parse(await env.ok(["inspect", "-f", "{{json .HostConfig.SecurityOpt}}", "c"]))).toEqual([
      "label=disable",
      "apparmor=unconfined",
    ]);
    expect(await run(["label:disable", "apparmor=unconfined"], "echo here")).toBe("here");
    expect(await fails("apparmor=mine")).toContain("containers get no AppArmor profiles");
    expect(await fails("label=type:mine_t")).toContain("containers get no SELinux labels");
  });
});

describe("system paths", () => {
  /** Whether a directory of /proc is writable, and a file there not hidden. */
  const script = "grep -c ' /proc/sys ' /proc/mounts; grep -c ' /proc/keys ' /proc/mounts; true";

  it("are uncovered all at once, or by name and pattern", async () => {
    expect(await run([], script)).toBe("1\n1");
    expect(await run(["systempaths=unconfined"], script)).toBe("0\n0");
    expect(await run(["unmask=ALL"], script)).toBe("0\n0");
    expect(await run(["unmask=/proc/keys"], script)).toBe("1\n0");
    expect(await run(["unmask=/proc/k*:/proc/s*"], script)).toBe("0\n0");
    expect(await run(["unmask=/sys/firmware"], script)).toBe("1\n1");
    expect(await fails("unmask=/proc/[z-a]")).toContain("is no pattern of paths");
  });

  it("stay the kernel's own, uncovered or not", async () => {
    const write = "echo 1 > /proc/sys/kernel/panic";
    for (const word of ["systempaths=unconfined", "unmask=/proc/*"]) {
      expect(await run([word], `(${write}) 2>&1 || echo refused`)).toContain("refused");
    }
  });

  it("are shown as they are by inspect", async () => {
    const { env } = stage;
    const shown = async () => {
      const text = await env.ok([
        "inspect",
        "-f",
        "{{json .HostConfig.MaskedPaths}} {{json .HostConfig.ReadonlyPaths}}",
        "c",
      ]);
      return text.split(" ").map((list) => JSON.parse(list) as string[]);
    };
    await env.ok(["create", "--name=c", ...options(["systempaths=unconfined"]), NONE, "busybox"]);
    expect(await shown()).toEqual([[], []]);
    await env.ok([
      "create",
      "--replace",
      "--name=c",
      ...options(["mask=/etc:/x", "unmask=/proc/sys"]),
      NONE,
      "busybox",
    ]);
    const [masked = [], readonly = []] = await shown();
    expect(masked).toContain("/etc");
    expect(masked).toContain("/proc/kcore");
    expect(readonly).toContain("/proc/bus");
    expect(readonly).not.toContain("/proc/sys");
  });

  it("can be more: what mask= names is empty, also where a link leads to it, and never outside", async () => {
    const look = "ls -A /secret; wc -c < /plain; cat /proc/uptime | wc -c";
    expect(await run(["mask=/secret:/out:/nowhere", "mask=/proc/uptime"], look, "secrets")).toBe("0\n0");
    expect(await run(["mask=/secret"], "(echo x > /secret/x) 2>&1 || echo refused", "secrets")).toContain("refused");
    for (const [path, leads] of [
      ["/top", "to the container's root"],
      ["/", "to the container's root"],
      ["/kernel", "into the container's /proc"],
      ["/proc", "into the container's /proc"],
    ] as const) {
      expect(await fails(`mask=${path}`)).toContain(`"${path}" leads ${leads}`);
    }
    expect(await fails("mask=relative")).toContain('path "relative" is not an absolute path');
  });
});

describe("proc-opts", () => {
  it("hides others' processes with hidepid", async () => {
    const { env } = stage;
    const flags = ["-d", NONE, "busybox", "sleep", "1000"];
    await env.ok(["run", "--name=open", ...flags]);
    await env.ok(["run", "--name=closed", ...options(["proc-opts=hidepid=2"]), ...flags]);
    const look = (name: string) => env.ok(["exec", "-u", "1000", name, "sh", "-c", "ls -d /proc/1 2>/dev/null; true"]);
    expect(await look("open")).toBe("/proc/1");
    expect(await look("closed")).toBe("");
    expect(await fails("proc-opts=subset=pid")).toContain("invalid --security-opt: proc-opts=subset=pid");
  });
});
