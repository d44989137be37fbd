// docker info: counts, the host, and why its means were chosen.

import { describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

describe("info", () => {
  it("counts containers and images, and says what was chosen and why", async () => {
    const { env } = stage;
    await env.ok(["create", "--network=none", "busybox", "true"]);
    await env.ok(["run", "-d", "--network=none", "busybox", "sleep", "60"]);
    const text = await env.ok(["info"]);
    expect(text).toContain(" Containers: 2\n  Running: 1\n  Paused: 0\n  Stopped: 1\n Images: 1\n");
    expect(text).toContain(`Docker Root Dir: ${env.dataHome}`);
    expect(text).toMatch(/ {2}user ids: 0 is you, from 1 on \d+\+65536 \(\/etc\/subuid, mapped by newuidmap\)/);
    expect(text).toMatch(/ {2}group ids: 0 is your group, from 1 on \d+\+65536 \(\/etc\/subgid, mapped by newgidmap\)/);
    expect(text).toMatch(/ {2}cgroups: \/sys\/fs\/cgroup\/\S+ \(the topmost group that is yours/);
  });

  it("gives scripts what they ask for", async () => {
    const { env } = stage;
    expect(await env.ok(["info", "--format", "{{.Driver}} {{.OSType}} {{.CgroupVersion}}"])).toBe("overlay linux 2");
    expect(await env.ok(["info", "-f", "{{json .SecurityOptions}}"])).toContain('"name=rootless"');
    const all = JSON.parse(await env.ok(["info", "--format", "json"])) as { NCPU: number; MemTotal: number };
    expect(all.NCPU).toBeGreaterThan(0);
    expect(all.MemTotal).toBeGreaterThan(0);
    expect(await env.fails(["info", "-f", "{{.Nope"], 64)).toContain("template parsing error");
  });
});
