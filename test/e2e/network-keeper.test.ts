// The network keeper stopped, hung, killed, and when nobody needs it any more: whoever waits for it mends that.

import { beforeEach, describe, expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { networkKeeperOf, networkKeepersOf } from "../support/network-state.ts";
import { HOST } from "../support/network-world.ts";
import { until } from "../support/private-host.ts";
import { useWorldStage } from "../support/world-stage.ts";

const PORT = 18_090;
const PATIENCE_MS = 20_000;

const { stage, it, ok, world } = useWorldStage({
  needs: ["ip"],
});

beforeEach(async () => {
  await stage.env.ok(["network", "prune", "-f"]);
  await ok("network", "create", "one");
});

/** A container that answers at port 80, and at the host's PORT. */
async function serve(name: string, ...flags: string[]): Promise<string> {
  const loop = `while true; do echo served by ${name} | nc -l -p 80; done`;
  return await ok("run", "-d", `--name=${name}`, "--network=one", ...flags, "busybox", "sh", "-c", loop);
}

/** Asks until there is an answer. */
async function reach(from: string, name: string): Promise<string> {
  const ask = `until answer=$(timeout 1 nc ${name} 80 < /dev/null) && [ -n "$answer" ]; do sleep 0.05; done; echo "$answer"`;
  return await ok("exec", from, "sh", "-c", ask);
}

/** The same, at the host's port. */
async function reachPort(): Promise<string> {
  const ask = `until answer=$(timeout 1 busybox nc ${HOST} ${PORT} < /dev/null) && [ -n "$answer" ]; do sleep 0.05; done; echo "$answer"`;
  return (await world().command("world", ["timeout", "20", "sh", "-c", ask])).stdout.trim();
}

/** A number that a container's link never has again. */
async function linkOf(container: string): Promise<string> {
  return await ok("exec", container, "cat", "/sys/class/net/eth0/ifindex");
}

const keeper = () => networkKeeperOf(stage.env);
const keepers = () => networkKeepersOf(stage.env);

async function expectSoon(isSo: () => boolean): Promise<void> {
  expect(await until(isSo, PATIENCE_MS)).toBe(true);
}

function keeperOf(id: string): number {
  const state = readFileSync(`${stage.env.dataHome}/run/c/${id}/state.json`, "utf8");
  return (JSON.parse(state) as { keeperPid: number }).keeperPid;
}

describe("the network keeper", () => {
  it("that was stopped goes on when somebody waits for it: a container that comes, changes or goes", async () => {
    await ok("network", "create", "two");
    await serve("server", "-p", `${PORT}:80`);
    const pid = keeper();
    const stop = () => process.kill(pid, "SIGSTOP");
    stop();
    expect(await ok("run", "--rm", "--network=one", "busybox", "nc", "server", "80")).toBe("served by server");
    stop();
    await ok("network", "connect", "two", "server");
    stop();
    await ok("network", "disconnect", "two", "server");
    stop();
    await ok("rm", "-f", "-t0", "server");
    await serve("server", "-p", `${PORT}:80`);
    expect(await reachPort()).toBe("served by server");
    expect(keeper()).toBe(pid);
  });

  it("that hangs is ended by who waits for it, and the next one knows what it knew", async () => {
    await serve("server", "-p", `${PORT}:80`);
    const link = await linkOf("server");
    const pid = keeper();
    const hung = stage.env.host.view(join(stage.env.host.group ?? "", "hung"));
    mkdirSync(hung);
    writeFileSync(join(hung, "cgroup.procs"), String(pid));
    writeFileSync(join(hung, "cgroup.freeze"), "1");
    await serve("other");
    rmdirSync(hung);
    expect(keeper()).not.toBe(pid);
    expect(await reach("other", "server")).toBe("served by server");
    expect(await reachPort()).toBe("served by server");
    expect(await linkOf("server")).toBe(link);
  });

  it("that was killed is followed by another without anybody's asking, with names, ports and links as they were", async () => {
    await serve("server", "-p", `${PORT}:80`);
    await serve("other");
    const links = await Promise.all(["server", "other"].map(linkOf));
    for (let round = 0; round < 3; round += 1) {
      const pid = keeper();
      process.kill(pid, "SIGKILL");
      await expectSoon(() => keepers().length === 1 && !keepers().includes(pid));
      expect(await reach("other", "server")).toBe("served by server");
      expect(await reachPort()).toBe("served by server");
    }
    expect(await Promise.all(["server", "other"].map(linkOf))).toEqual(links);
  });

  it("that was killed is not asked for: networks come and go", async () => {
    await ok("network", "create", "two");
    const id = await serve("server");
    process.kill(keeperOf(id), "SIGSTOP");
    process.kill(keeper(), "SIGKILL");
    // The container's keeper hears of both at once.
    const connected = ok("network", "connect", "--alias=here", "two", "server");
    process.kill(keeperOf(id), "SIGCONT");
    await connected;
    const ask = ["run", "--rm", "--network=two", "busybox", "nc", "here", "80"];
    expect(await ok(...ask)).toBe("served by server");
  });

  it("is the same for a container that comes the moment it was killed, and for those that were there", async () => {
    const id = await serve("server");
    const link = await linkOf("server");
    process.kill(keeperOf(id), "SIGSTOP");
    process.kill(keeper(), "SIGKILL");
    const comes = serve("client");
    // Who was there hears of it when the newcomer is on its way.
    await expectSoon(() => newcomers(id).length > 0);
    process.kill(keeperOf(id), "SIGCONT");
    await comes;
    expect(await reach("client", "server")).toBe("served by server");
    expect(await reach("server", "client")).toBe("served by client");
    expect(await linkOf("server")).toBe(link);
    expect(keepers()).toHaveLength(1);
  });

  it("ends after the last container and leaves nothing, whoever was killed before", async () => {
    const directory = `${stage.env.dataHome}/run/network`;
    const first = await serve("first");
    const second = await serve("second");
    expect(existsSync(directory)).toBe(true);
    const pid = await ok("inspect", "-f", "{{.State.Pid}}", "first");
    // Their keepers: then nobody tells it that they end.
    for (const id of [first, second]) process.kill(keeperOf(id), "SIGKILL");
    process.kill(Number(pid), "SIGKILL");
    await ok("rm", "-f", "-t0", "first", "second");
    await expectSoon(() => keepers().length === 0 && !existsSync(directory));
    // It itself, and everybody with it: then the next tidies up.
    const last = await serve("last");
    const [keeperOfLast, own] = [keeperOf(last), keeper()];
    for (const doomed of [keeperOfLast, own]) process.kill(doomed, "SIGKILL");
    await ok("rm", "-f", "-t0", "last");
    await ok("run", "--rm", "--network=one", "busybox", "true");
    await expectSoon(() => keepers().length === 0 && !existsSync(directory));
  });
});

/** Containers of the runtime directory, but for this one. */
function newcomers(known: string): string[] {
  const listed = Bun.spawnSync(["ls", `${stage.env.dataHome}/run/c`]).stdout.toString();
  return listed.split("\n").filter((id) => id !== "" && id !== known);
}
