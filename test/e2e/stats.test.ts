// bunker stats: what containers use, from their own control groups, once or again and again.

import { describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage();
const { it } = stage;

interface Stats {
  Name: string;
  Container: string;
  CPUPerc: string;
  MemUsage: string;
  PIDs: string;
  NetIO: string;
}

async function once(...words: string[]): Promise<Stats[]> {
  const text = await stage.env.ok(["stats", "--no-stream", "--format", "json", ...words]);
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as Stats);
}

describe("stats", () => {
  it("tells what running containers use", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=busy", NONE, "busybox", "sh", "-c", "sleep 1000 & while :; do :; done"]);
    await env.ok(["run", "-d", "--name=idle", NONE, "busybox", "sleep", "1000"]);
    await env.ok(["create", "--name=fresh", NONE, "busybox"]);
    const [idle, busy, ...others] = await once();
    expect(others).toEqual([]);
    expect([idle?.Name, busy?.Name]).toEqual(["idle", "busy"]);
    expect(Number.parseFloat(busy?.CPUPerc ?? "")).toBeGreaterThan(5);
    expect(Number.parseFloat(idle?.CPUPerc ?? "")).toBeLessThan(5);
    expect([idle?.PIDs, busy?.PIDs]).toEqual(["1", "2"]);
    expect(busy?.MemUsage).toMatch(/^[1-9][\d.]*[KM]iB \/ [\d.]+GiB$/);
    expect(busy?.NetIO).toBe("0B / 0B");
    expect((await once("-a")).map(({ Name, PIDs }) => `${Name} ${PIDs}`)).toEqual(["fresh 0", "idle 1", "busy 2"]);
    expect((await once("busy")).map(({ Container }) => Container)).toEqual(["busy"]);
    expect((await once("--latest")).map(({ Name }) => Name)).toEqual(["fresh"]);
    const [head = "", row = ""] = (await env.ok(["stats", "--no-stream", "idle"])).split("\n");
    expect(head.split(/ {2,}/)).toEqual(
      "CONTAINER ID,NAME,CPU %,MEM USAGE / LIMIT,MEM %,NET I/O,BLOCK I/O,PIDS".split(","),
    );
    expect(row).toMatch(/^[0-9a-f]{12} +idle +0\.\d\d% +/);
  });

  it("goes on until it is stopped, also when a container ends", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=c", NONE, "busybox", "sleep", "1000"]);
    const watching = env.start(["stats", "--format", "{{.Name}} {{.PIDs}};", "c"]);
    await watching.waitFor(/c 1;\n/);
    await env.ok(["kill", "c"]);
    await watching.waitFor(/c 0;\n/);
    watching.kill();
    await watching.result();
  });

  it("refuses what it cannot do", async () => {
    const { env } = stage;
    expect(await env.fails(["stats", "--no-stream", "nosuch"], 1)).toContain("no such container: nosuch");
    expect(await env.fails(["stats", "-a", "c"], 1)).toContain("cannot be used together with names");
    expect(await env.fails(["stats", "-i", "0"], 1)).toContain("--interval needs a number of seconds");
    expect(await once()).toEqual([]);
  });
});
