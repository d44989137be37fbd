// What flags open of the host: --device and --privileged.

import { describe, expect } from "bun:test";
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

function run(...words: string[]): Promise<string> {
  return stage.env.ok(["run", "--rm", "--network=none", ...words]);
}

function fails(...words: string[]): Promise<string> {
  return stage.env.fails(["run", "--rm", "--network=none", ...words], 125);
}

const OPENS = 'exec 3<>"$0" && echo open';

describe("--device", () => {
  it("shows the host's node, under another name if wanted", async () => {
    expect(await run("--device=/dev/net/tun", "busybox", "sh", "-c", OPENS, "/dev/net/tun")).toBe("open");
    expect(await run("--device=/dev/net/tun:/dev/way:rw", "busybox", "sh", "-c", OPENS, "/dev/way")).toBe("open");
    expect(await run("--device=/dev/net/tun:/x/y", "busybox", "stat", "-c", "%t:%T", "/x/y")).toBe("a:c8");
    expect(await run("--device=/dev/net:/dev/net:rwm", "busybox", "ls", "/dev/net")).toBe("tun");
    const shape = "{{range .HostConfig.Devices}}{{.PathOnHost}} {{.PathInContainer}} {{.CgroupPermissions}}{{end}}";
    await stage.env.ok(["create", "--name=one", "--device=/dev/net/tun:/x", "busybox"]);
    expect(await stage.env.ok(["inspect", "--format", shape, "one"])).toBe("/dev/net/tun /x rwm");
    expect(await stage.env.ok(["cp", "one:/etc/passwd", "-"])).not.toBe("");
  });

  it("keeps everything else nodev, and gives no more than that one", async () => {
    const script = "grep -v nodev /proc/mounts | grep -v ' /proc/' | cut -d' ' -f2 | sort | xargs echo; ls /dev/net";
    const usual = "/dev /dev/full /dev/null /dev/pts /dev/random /dev/tty /dev/urandom /dev/zero";
    expect(await run("--device=/dev/net/tun:/d", "busybox", "sh", "-c", `${script} || true`)).toBe(
      `/d ${usual}`.trim(),
    );
  });

  it("refuses what the user cannot open, and what is no device", async () => {
    expect(await fails("--device=/dev/kmsg", "busybox")).toMatch(/permission denied\nhint: /);
    expect(await fails("--device=/dev/nosuch", "busybox")).toContain(
      'error gathering device information while adding custom device "/dev/nosuch": no such file or directory',
    );
    const directory = join(stage.env.home, "nodes");
    mkdirSync(directory);
    writeFileSync(join(directory, "file"), "");
    symlinkSync("/dev/net/tun", join(directory, "link"));
    chownSync(directory, stage.env.user.uid, stage.env.user.gid);
    expect(await fails("--device", join(directory, "file"), "busybox")).toContain("not a device node");
    expect(await fails("--device", directory, "busybox")).toContain("not a device node");
    expect(await run("--device", `${join(directory, "link")}:/d`, "busybox", "sh", "-c", OPENS, "/d")).toBe("open");
    expect(await fails("--device=/dev/null:/dev/null:x", "busybox")).toContain("bad mode specified: x");
    expect(await fails("--device=/dev/net/tun:r", "busybox")).toContain("hint: ");
  });
});

describe("--privileged", () => {
  const script =
    "grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs):' /proc/self/status | tr -d '\\t' | tr '\\n' ' '; ls /dev/net; " +
    "awk '$2 ~ \"^/(proc|sys)/\" && $4 ~ /^ro/ {print $2}' /proc/mounts; mount -t tmpfs none /tmp && echo mounted";

  it("is all of the container's own user namespace, and nothing masked", async () => {
    const said = await run("--privileged", "busybox", "sh", "-c", script);
    expect(said).toMatch(/^CapEff:(0*1ffffffffff) CapBnd:\1 NoNewPrivs:0 Seccomp:0 tun\nmounted$/);
    expect(
      await run("--privileged", "--cap-drop=SYS_ADMIN", "busybox", "sh", "-c", "mount -t tmpfs none /tmp || echo no"),
    ).toBe("no");
  });

  it("holds for exec too, and gives a user other than root no capability", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=p", "--privileged", "--network=none", "busybox", "sleep", "100"]);
    expect(await env.ok(["exec", "p", "sh", "-c", script])).toContain("mounted");
    expect(await env.ok(["exec", "-u", "7", "p", "grep", "CapEff", "/proc/self/status"])).toMatch(/\t0+$/);
    expect(await env.ok(["inspect", "--format", "{{.HostConfig.Privileged}} {{.HostConfig.MaskedPaths}}", "p"])).toBe(
      "true []",
    );
    await env.ok(["rm", "-f", "p"]);
  });

  it("does not reach the host: its files, its processes, its kernel's settings", async () => {
    const tries =
      "echo 1 > /proc/sys/kernel/panic; echo b > /proc/sysrq-trigger; mknod /n b 8 0; mount -t devtmpfs none /tmp; " +
      "mount -o remount,rw /sys/fs/cgroup/..; kill -9 $PPID; echo x > /sys/kernel/uevent_helper; ls /proc | grep -c '^[0-9]'";
    expect(await run("--privileged", "busybox", "sh", "-c", `(${tries}) 2>/dev/null`)).toMatch(/^[1-4]$/);
  });
});
