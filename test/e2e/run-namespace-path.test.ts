// `ns:PATH` for each kind of namespace: those of running containers, the host's own, and what the kernel refuses.

import { expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

it("joins what a process of a container lives in", async () => {
  const { env } = stage;
  await env.ok([
    "run",
    "-d",
    "--name=donor",
    "--network=none",
    "--userns=nomap",
    "--ipc=shareable",
    "busybox",
    "sleep",
    "100",
  ]);
  const pid = await env.ok(["inspect", "--format", "{{.State.Pid}}", "donor"]);
  const of = (kind: string) => `ns:/proc/${pid}/ns/${kind}`;
  const files = ["user", "net", "pid", "ipc", "uts", "cgroup"];
  const script = `for kind in ${files.join(" ")}; do readlink /proc/self/ns/$kind; done`;
  const theirs = (await env.ok(["exec", "donor", "sh", "-c", script])).split("\n");
  const all = [
    `--network=${of("net")}`,
    `--pid=${of("pid")}`,
    `--ipc=${of("ipc")}`,
    `--uts=${of("uts")}`,
    `--cgroupns=${of("cgroup")}`,
  ];
  expect((await env.ok(["run", "--rm", ...all, "busybox", "sh", "-c", script])).split("\n")).toEqual(theirs);
  const own = (
    await env.ok(["run", "--rm", "--network=none", `--userns=${of("user")}`, "busybox", "sh", "-c", script])
  ).split("\n");
  expect(own[0]).toBe(theirs[0] ?? "");
  for (const at of [1, 2, 3, 4, 5]) expect(own[at]).not.toBe(theirs[at] ?? "");
  await env.ok(["create", "--name=later", "--network=none", `--uts=${of("uts")}`, "busybox", "hostname"]);
  const id = await env.ok(["inspect", "--format", "{{.Id}}", "donor"]);
  expect(await env.ok(["inspect", "--format", "{{.HostConfig.UTSMode}}", "later"])).toBe(`container:${id}`);
  // It is the container's, whatever number its process has by then.
  await env.ok(["restart", "-t0", "donor"]);
  expect(await env.ok(["start", "-a", "later"])).toBe(id.slice(0, 12));
  await env.ok(["rm", "-f", "later", "donor"]);
});

it("is the host's own where the path leads there", async () => {
  const { env } = stage;
  const seen = await env.ok([
    "run",
    "--rm",
    "--network=none",
    "--uts=ns:/proc/self/ns/uts",
    "busybox",
    "readlink",
    "/proc/self/ns/uts",
  ]);
  expect(seen).toBe(
    await env.ok(["run", "--rm", "--network=none", "--uts=host", "busybox", "readlink", "/proc/self/ns/uts"]),
  );
});

it("says why it cannot join", async () => {
  const fails = (flag: string) => stage.env.fails(["run", "--rm", flag, "busybox"], 125);
  expect(await fails("--userns=ns:/proc/self/ns/user")).toContain("it is the host's user namespace");
  expect(await fails("--pid=ns:/nowhere")).toContain('cannot find the pid namespace "/nowhere": there is no such file');
  expect(await fails("--ipc=ns:/etc/passwd")).toContain("it is no ipc namespace of a running container of yours");
  expect(await fails("--network=ns:/proc/1/ns/net")).toMatch(/you may not look at it|no net namespace/);
});
