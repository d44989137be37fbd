// pause and unpause: a container that is held, and what other verbs make of it.

import { describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const SOON_MS = 5_000;
const COUNTS = 'trap "echo got TERM; exit 10" TERM; n=0; echo ready; while :; do n=$((n+1)); echo $n; sleep 0.02; done';

const stage = useStage();
const { it } = stage;

async function start(name: string): Promise<string> {
  const words = ["run", "-d", "--name", name, "--network", "none", "busybox", "sh", "-c", COUNTS];
  const id = await stage.env.ok(words);
  const log = stage.env.start(["logs", "-f", name]);
  await log.waitFor(/ready/);
  log.kill();
  return id;
}

function field(name: string, format: string): Promise<string> {
  return stage.env.ok(["inspect", "-f", format, name]);
}

const STATE = "{{.State.Status}} {{.State.Running}} {{.State.Paused}}";

describe("pause", () => {
  it("holds all processes until unpause, and is seen everywhere", async () => {
    await start("web");
    expect(await stage.env.ok(["pause", "web"])).toBe("web");
    expect(await field("web", STATE)).toBe("paused true true");
    const before = await stage.env.ok(["logs", "web"]);
    await Bun.sleep(200);
    expect(await stage.env.ok(["logs", "web"])).toBe(before);
    expect(await stage.env.ok(["ps", "--format", "{{.Names}} {{.State}} {{.Status}}"])).toMatch(
      /^web paused Up .* \(Paused\)$/,
    );
    expect(await stage.env.ok(["ps", "-q", "--filter", "status=running"])).toBe("");
    expect(await stage.env.ok(["info", "-f", "{{.ContainersRunning}} {{.ContainersPaused}}"])).toBe("0 1");
    expect(await stage.env.ok(["container", "unpause", "web"])).toBe("web");
    expect(await field("web", STATE)).toBe("running true false");
    const log = stage.env.start(["logs", "-f", "--tail", "0", "web"]);
    await log.waitFor(/\d/);
    log.kill();
  });

  it("refuses what does not run or is held already, in docker's words", async () => {
    const made = await stage.env.ok(["create", "--name", "made", "busybox"]);
    await start("web");
    expect(await stage.env.fails(["pause", "made"], 1)).toContain(`container ${made} is not running`);
    expect(await stage.env.fails(["unpause", "made"], 1)).toContain(`container ${made} is not running`);
    expect(await stage.env.fails(["unpause", "web"], 1)).toContain("container web is not paused");
    expect(await stage.env.fails(["pause", "nosuch"], 1)).toContain("no such container: nosuch");
    await stage.env.ok(["pause", "web"]);
    expect(await stage.env.fails(["pause", "web"], 1)).toContain("container web is already paused");
  });

  it("keeps exec, attach, start and rm away, and prune off", async () => {
    await start("web");
    await stage.env.ok(["pause", "web"]);
    const exec = await stage.env.run(["exec", "web", "true"]);
    expect(exec.code).not.toBe(0);
    expect(exec.stderr).toContain("container web is paused, unpause the container before exec");
    expect(await stage.env.fails(["attach", "web"], 1)).toContain("you cannot attach to a paused container");
    expect(await stage.env.fails(["start", "web"], 1)).toContain(
      "cannot start a paused container, try unpause instead",
    );
    expect(await stage.env.fails(["rm", "web"], 1)).toContain("container is paused and must be unpaused first");
    await stage.env.ok(["container", "prune", "-f"]);
    expect(await field("web", "{{.State.Status}}")).toBe("paused");
    expect(await stage.env.ok(["rm", "-f", "web"])).toBe("web");
  });

  it("of --all is for what runs, and unpause's for what is held", async () => {
    const ids = [await start("one"), await start("two")].sort();
    await stage.env.ok(["pause", "one"]);
    expect(await stage.env.ok(["pause", "-a"])).toBe(await field("two", "{{.Id}}"));
    expect((await stage.env.ok(["unpause", "--all"])).split("\n").sort()).toEqual(ids);
    expect(await stage.env.ok(["unpause", "--all"])).toBe("");
  });
});

describe("what is paused", () => {
  it("hears stop, is killed, and starts unpaused", async () => {
    await start("stops");
    await start("dies");
    await stage.env.ok(["pause", "stops", "dies"]);
    const started = performance.now();
    await stage.env.ok(["stop", "stops"]);
    expect(performance.now() - started).toBeLessThan(SOON_MS);
    expect(await field("stops", "{{.State.Status}} {{.State.ExitCode}} {{.State.Paused}}")).toBe("exited 10 false");
    await stage.env.ok(["kill", "dies"]);
    expect(await field("dies", "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 137");
    await stage.env.ok(["start", "dies"]);
    expect(await field("dies", STATE)).toBe("running true false");
    await stage.env.ok(["pause", "dies"]);
    await stage.env.ok(["restart", "dies"]);
    expect(await field("dies", STATE)).toBe("running true false");
  });

  it("is waited for as anything that runs", async () => {
    await start("web");
    await stage.env.ok(["pause", "web"]);
    const wait = stage.env.start(["wait", "web"]);
    expect(await field("web", "{{.State.Status}}")).toBe("paused");
    await stage.env.ok(["unpause", "web"]);
    await stage.env.ok(["kill", "web"]);
    expect((await wait.result()).stdout).toBe("137\n");
  });
});
