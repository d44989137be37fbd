// Namespaces that are the host's or another container's: --pid, --ipc, --uts, --cgroupns, --network container:NAME.

import { describe, expect } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";

import { join } from "node:path";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

const NONE = "--network=none";

function run(...words: string[]): Promise<string> {
  return stage.env.ok(["run", "--rm", ...words]);
}

function fails(...words: string[]): Promise<string> {
  return stage.env.fails(["run", "--rm", ...words], 125);
}

/** A container that stays. */
function stays(name: string, ...words: string[]): Promise<string> {
  return stage.env.ok(["run", "-d", `--name=${name}`, ...words, "busybox", "sleep", "1000"]);
}

async function space(name: string, kind: string): Promise<string> {
  return await stage.env.ok(["exec", name, "readlink", `/proc/self/ns/${kind}`]);
}

function hostSpace(kind: string): string {
  return readlinkSync(`/proc/${stage.env.host.pid}/ns/${kind}`);
}

describe("the host's", () => {
  it("processes: seen, and those of its own user alone within reach", async () => {
    await stays("seer", NONE, "--pid=host");
    expect(await space("seer", "pid")).toBe(hostSpace("pid"));
    expect(await stage.env.ok(["exec", "seer", "sh", "-c", `cat /proc/${process.pid}/comm`])).not.toBe("");
    const reach = `ls /proc/${process.pid}/root/; readlink /proc/${process.pid}/fd/0 /proc/${process.pid}/exe; echo 1 > /proc/sys/kernel/panic; kill -9 1 ${process.pid}`;
    expect(await stage.env.ok(["exec", "seer", "sh", "-c", `(${reach}) 2>/dev/null; true`])).toBe("");
    // Not only its first process ends with it.
    await stage.env.ok(["exec", "-d", "seer", "sh", "-c", "setsid sleep 987654 & setsid sleep 987654"]);
    expect(await stage.env.ok(["exec", "seer", "sh", "-c", "ps -o args | grep -c '[s]leep 987654'"])).toBe("2");
    await stage.env.ok(["rm", "-f", "seer"]);
    expect(
      await run(NONE, "--pid=host", "busybox", "sh", "-c", "ps -o args | grep '[s]leep 987654' || echo none"),
    ).toBe("none");
  });

  it("shared memory, name and groups", async () => {
    await stays("sharer", NONE, "--ipc=host", "--uts=host", "--cgroupns=host");
    for (const kind of ["ipc", "uts", "cgroup"]) expect(await space("sharer", kind)).toBe(hostSpace(kind));
    const { env } = stage;
    await env.ok(["exec", "sharer", "sh", "-c", "echo here > /dev/shm/from-container"]);
    expect(readFileSync(env.host.view("/dev/shm/from-container"), "utf8")).toBe("here\n");
    await env.ok(["exec", "sharer", "rm", "/dev/shm/from-container"]);
    const hostname = readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
    expect(await env.ok(["exec", "sharer", "sh", "-c", "hostname; cat /etc/hostname"])).toBe(
      `${hostname}\n${hostname}`,
    );
    await env.ok(["exec", "sharer", "sh", "-c", "hostname other 2>/dev/null; true"]);
    expect(await env.ok(["exec", "sharer", "hostname"])).toBe(hostname);
    expect(
      await env.ok(["exec", "sharer", "sh", "-c", "ls -d /sys/fs/cgroup/bunker* || ls /sys/fs/cgroup | head -1"]),
    ).not.toBe("");
    const modes =
      "{{.HostConfig.IpcMode}} {{.HostConfig.UTSMode}} {{.HostConfig.CgroupnsMode}} {{.HostConfig.PidMode}}";
    expect(await env.ok(["inspect", "--format", modes, "sharer"])).toBe("host host host ");
    await env.ok(["rm", "-f", "sharer"]);
  });
});

describe("another container's", () => {
  it("network: the same interfaces, names and hostname", async () => {
    const { env } = stage;
    await stays("donor", NONE, "--hostname=giver", "--add-host=friend:10.1.2.3");
    await stays("guest", "--network=container:donor");
    expect(await space("guest", "net")).toBe(await space("donor", "net"));
    expect(await space("guest", "pid")).not.toBe(await space("donor", "pid"));
    await env.ok(["exec", "-d", "guest", "nc", "-l", "-p", "4321", "-e", "echo", "heard"]);
    const script = "for i in 1 2 3 4 5 6 7 8 9; do nc 127.0.0.1 4321 && break; sleep 0.1; done";
    expect(await env.ok(["exec", "donor", "sh", "-c", script])).toBe("heard");
    expect(await env.ok(["exec", "guest", "sh", "-c", "hostname; grep -c friend /etc/hosts"])).toBe("giver\n1");
    // They are the same files.
    await env.ok(["exec", "donor", "sh", "-c", "echo 10.9.9.9 later >> /etc/hosts"]);
    expect(await env.ok(["exec", "guest", "grep", "later", "/etc/hosts"])).toBe("10.9.9.9 later");
    const donorId = await env.ok(["inspect", "--format", "{{.Id}}", "donor"]);
    expect(await env.ok(["inspect", "--format", "{{.HostConfig.NetworkMode}} {{.Config.Hostname}}", "guest"])).toBe(
      `container:${donorId} giver`,
    );
    // A third one by way of the second.
    expect(
      await run("--network=container:guest", "busybox", "sh", "-c", "readlink /proc/self/ns/net; ls /sys/class/net"),
    ).toBe(`${await space("donor", "net")}\nlo`);
    await env.ok(["rm", "-f", "donor", "guest"]);
  });

  it("processes: seen and signalled, and gone with their first one", async () => {
    const { env } = stage;
    await stays("donor", NONE);
    await stays("guest", NONE, "--pid=container:donor");
    expect(await space("guest", "pid")).toBe(await space("donor", "pid"));
    expect(await space("guest", "user")).toBe(await space("donor", "user"));
    expect(await env.ok(["exec", "guest", "sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '"])).toBe("sleep 1000 ");
    // Its own root, its own exit code, and nothing of it stays.
    await env.ok(["exec", "donor", "touch", "/mark"]);
    expect(
      await run(
        NONE,
        "--pid=container:donor",
        "busybox",
        "sh",
        "-c",
        "ls /mark 2>/dev/null; setsid sleep 876 & echo done",
      ),
    ).toBe("done");
    expect(await env.ok(["exec", "donor", "sh", "-c", "ps -o args | grep -c '[s]leep 876' || true"])).toBe("0");
    await env.fails(["run", "--rm", NONE, "--pid=container:donor", "busybox", "sh", "-c", "exit 7"], 7);
    await env.ok(["rm", "-f", "donor"]);
    expect(await env.ok(["wait", "guest"])).toBe("137");
    expect(await env.fails(["start", "guest"], 1)).toContain("no such container");
    await env.ok(["rm", "guest"]);
  });

  it("shared memory, where it is shareable, and host name", async () => {
    const { env } = stage;
    await stays("donor", NONE, "--ipc=shareable", "--hostname=giver");
    await env.ok(["exec", "donor", "sh", "-c", "echo here > /dev/shm/x"]);
    const script = "cat /dev/shm/x; hostname; grep -c ' /dev/mqueue ' /proc/mounts";
    expect(await run(NONE, "--ipc=container:donor", "--uts=container:donor", "busybox", "sh", "-c", script)).toBe(
      "here\ngiver\n1",
    );
    await stays("closed", NONE);
    expect(await fails(NONE, "--ipc=container:closed", "busybox")).toContain(
      "failed to join IPC namespace: container closed: non-shareable IPC (hint: use IpcMode:shareable for the donor container)",
    );
    expect(await fails("--network=container:closed", "--ipc=container:donor", "busybox")).toContain(
      "cannot be joined together",
    );
    expect(await run(NONE, "--ipc=none", "busybox", "sh", "-c", "ls -d /dev/shm 2>/dev/null || echo none")).toBe(
      "none",
    );
    await env.ok(["rm", "-f", "donor", "closed"]);
  });

  it("is joined anew at each start, with a keeper of its own that may be killed", async () => {
    const { env } = stage;
    await stays("donor", NONE);
    await stays("guest", "--network=container:donor", "--pid=container:donor");
    await env.ok(["restart", "-t0", "donor"]);
    await env.ok(["restart", "-t0", "guest"]);
    expect(await space("guest", "net")).toBe(await space("donor", "net"));
    const id = await env.ok(["inspect", "--format", "{{.Id}}", "guest"]);
    const state = JSON.parse(readFileSync(env.host.view(join(env.dataHome, "run/c", id, "state.json")), "utf8")) as {
      keeperPid: number;
    };
    process.kill(state.keeperPid, "SIGKILL");
    expect(await space("guest", "pid")).toBe(await space("donor", "pid"));
    await env.ok(["stop", "-t0", "guest"]);
    await env.ok(["stop", "-t0", "donor"]);
    expect(await env.fails(["start", "guest"], 1)).toContain("cannot join network of a non running container: ");
    await env.ok(["start", "donor", "guest"]);
    expect(await env.ok(["ps", "--format", "{{.Names}}"])).toBe("guest\ndonor");
    await env.ok(["rm", "-f", "guest", "donor"]);
  });

  it("complains as docker does", async () => {
    expect(await fails("--pid=container:nosuch", "busybox")).toContain("no such container: nosuch");
    expect(await fails("--network=container:nosuch", "busybox")).toContain("no such container: nosuch");
    expect(await fails("--pid=foo", "busybox")).toContain("--pid: invalid PID mode");
    expect(await fails("--uts=host", "--hostname=x", "busybox")).toContain(
      "conflicting options: hostname and the UTS mode",
    );
    expect(await fails("--ipc=host", "--sysctl=kernel.sem=1 2 3 4", "busybox")).toContain(
      "not allowed in host ipc namespace",
    );
  });
});
