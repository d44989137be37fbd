// docker top: the container's processes and nobody else's, though its image has no ps.

import { describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage();
const { it } = stage;

describe("top", () => {
  it("shows first process, children, execs and users, and nothing of a neighbour's", async () => {
    const { env } = stage;
    const script =
      "adduser -D -u 1000 u 2>/dev/null || echo u:x:1000:1000::/:/bin/sh >> /etc/passwd; sleep 1001 & exec sleep 1000";
    await env.ok(["run", "-d", "--name=c", NONE, "busybox", "sh", "-c", script]);
    await env.ok(["run", "-d", "--name=other", NONE, "busybox", "sleep", "2000"]);
    await env.ok(["exec", "-d", "-u", "1000", "c", "sleep", "1002"]);
    const table = (await env.ok(["top", "c"])).split("\n").map((line) => line.trim().split(/\s{3,}/));
    expect(table[0]).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    const rows = table.slice(1).map((row) => [row[0], row.at(-1)]);
    expect(rows[0]).toEqual(["root", "sleep 1000"]);
    expect(rows.slice(1).toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1))).toEqual([
      ["1000", "sleep 1002"],
      ["root", "sleep 1001"],
    ]);
    const pid = await env.ok(["inspect", "-f", "{{.State.Pid}}", "c"]);
    expect(await env.ok(["top", "-l", "--", "-o", "comm"])).toBe("COMMAND\nsleep");
    const chosen = (await env.ok(["top", "c", "-o", "pid,comm"])).split("\n");
    expect(chosen[0]).toMatch(/^PID +COMMAND$/);
    expect(chosen[1]).toMatch(new RegExp(`^${pid} +sleep$`));
    const facts = (await env.ok(["top", "c", "pid", "ppid", "user", "hpid", "seccomp", "args"])).split("\n");
    expect(facts[1]?.split(/ {2,}/)).toEqual(["1", "0", "root", pid, "filter", "sleep 1000"]);
  });

  it("asks the host's ps for what it does not know, as docker does", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=c", NONE, "busybox", "sh", "-c", "sleep 1001 & exec sleep 1000"]);
    await env.ok(["run", "-d", "--name=other", NONE, "busybox", "sleep", "2000"]);
    const lines = (await env.ok(["top", "c", "aux"])).split("\n");
    expect(lines[0]).toMatch(/^USER +PID +%CPU +%MEM/);
    expect(lines.slice(1).map((line) => line.replace(/.* sleep/, "sleep"))).toEqual(["sleep 1000", "sleep 1001"]);
    expect(await env.fails(["top", "c", "-o", "wchan"], 1)).toContain("Couldn't find PID field in ps output");
    expect(await env.fails(["top", "c", "--no-such-option"], 1)).toContain("ps: error: unknown");
  });

  it("refuses what does not run", async () => {
    const { env } = stage;
    const id = await env.ok(["create", "--name=c", NONE, "busybox"]);
    expect(await env.fails(["top", "c"], 1)).toContain(`container ${id} is not running`);
  });
});
