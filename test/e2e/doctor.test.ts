// bunker doctor: what a host lacks is found for real, and a start that it stops says so.

import { describe, expect } from "bun:test";

import type { Finding } from "../../src/host/index.ts";
import { TestEnv } from "../support/environment.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

function asRoot(env: TestEnv, ...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(env.host.enter(words, "/"));
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr.toString()}`);
}

async function findings(env: TestEnv): Promise<Map<string, Finding>> {
  const { stdout } = await env.run(["doctor", "--json"]);
  return new Map((JSON.parse(stdout) as Finding[]).map((finding) => [finding.check, finding]));
}

describe("doctor", () => {
  it("finds nothing that stops containers where they run", async () => {
    expect(await stage.env.ok(["doctor"])).toMatch(/^ok +user namespaces/);
    expect([...(await findings(stage.env)).values()].filter(({ level }) => level === "problem")).toEqual([]);
  });

  it("sees what a host hides, and tells how to mend it", async () => {
    await using env = await TestEnv.create();
    for (const place of ["/usr/bin/newuidmap", "/proc/uptime"]) asRoot(env, "mount", "--bind", "/dev/null", place);
    asRoot(env, "chmod", "600", "/dev/net/tun");
    const found = await findings(env);
    expect(found.get("newuidmap and newgidmap")).toMatchObject({
      level: "warning",
      evidence: "not installed: newuidmap",
    });
    expect(found.get("/proc")).toMatchObject({ level: "problem", evidence: "mounted over: /proc/uptime" });
    expect(found.get("way out")).toMatchObject({ level: "warning", evidence: "/dev/net/tun" });
    expect(await env.fails(["doctor"], 1)).toBe("");
    const { stdout } = await env.run(["doctor", "--fix"]);
    expect(stdout).toContain("modprobe tun\n");
    // A start that the kernel refuses names the same cause.
    const said = await env.fails(["run", "--rm", "--network=none", "localhost/hello"], 125);
    expect(said).toContain("/proc: files in it are hidden");
    expect(said).toContain("`bunker doctor` shows every check.");
  });
});
