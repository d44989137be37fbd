// A keeper is killed: its container lives, the next command tells the truth and gives it a new keeper, nothing is lost.

import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "../../support/environment.ts";
import { isLong } from "../../support/guards.ts";
import { Invariants } from "../../support/invariants.ts";
import { until } from "../../support/private-host.ts";
import { Random, testSeed } from "../../support/random.ts";
import {
  isAlive,
  it,
  keepersOf,
  kill,
  killKeeper,
  NO_NETWORK,
  runtimeOf,
  Source,
  stateOf,
  statusOf,
  userNamespaceOf,
} from "./fixture.ts";

let source: Source;
beforeAll(async () => {
  source = await Source.start();
});
afterAll(() => source.stop());

/** Prints a line, waits to be told, prints many more than a pipe holds, ends with 7. */
const TALKER = "echo before; while [ ! -e /told/go ]; do sleep 0.01; done; seq 20000; echo after >&2; exit 7";

async function talker(env: TestEnv): Promise<{ id: string; tell: () => void }> {
  const told = env.makeDirectory("told");
  const options = ["-d", "--name=c", NO_NETWORK, `--volume=${told}:/told`];
  const id = await env.ok(["run", ...options, source.image, "sh", "-c", TALKER]);
  return { id, tell: () => writeFileSync(join(told, "go"), "") };
}

function logOf(env: TestEnv, id: string): string {
  const path = join(env.dataHome, "containers", id, "log");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

async function sleeper(env: TestEnv, name: string, ...options: string[]): Promise<string> {
  return await env.ok(["run", "-d", `--name=${name}`, NO_NETWORK, ...options, source.image, "sleep", "1000"]);
}

describe("a container whose keeper was killed", () => {
  it.concurrent("lives, is shown as it is, and takes execs, signals and stop as ever", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const id = await sleeper(env, "c");
    const { pid, keeperPid } = await killKeeper(env, id);
    expect(await statusOf(env, "c")).toStartWith("Up ");
    // Looking has given it a new one.
    expect(stateOf(env, id)).toMatchObject({ pid });
    expect(stateOf(env, id).keeperPid).not.toBe(keeperPid);
    expect(await env.ok(["exec", "c", "echo", "inside"])).toBe("inside");
    await killKeeper(env, id);
    expect(await env.ok(["exec", "c", "echo", "again"])).toBe("again");
    await killKeeper(env, id);
    await env.ok(["stop", "-t0", "c"]);
    expect(await statusOf(env, "c")).toStartWith("Exited (137)");
    await env.ok(["rm", "c"]);
    await watch.check();
  });

  it.concurrent("loses nothing of what it prints meanwhile", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const { id, tell } = await talker(env);
    await until(() => logOf(env, id).includes("before"), 5_000);
    await killKeeper(env, id);
    tell();
    const waiting = env.run(["wait", "c"]);
    const followed = await env.run(["logs", "-f", "c"]);
    expect(followed.stdout).toBe(["before", ...Array.from({ length: 20_000 }, (_, index) => index + 1), ""].join("\n"));
    expect(followed.stderr).toBe("after\n");
    expect((await waiting).stdout).toBe("7\n");
    expect(await statusOf(env, "c")).toStartWith("Exited (7)");
    await env.ok(["rm", "c"]);
    await watch.check();
  });

  it.concurrent("is attached to, waited for and followed through the kill", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const { id, tell } = await talker(env);
    const waiting = env.start(["wait", "c"]);
    const following = env.start(["logs", "-f", "c"]);
    await following.waitFor(/before/);
    await killKeeper(env, id);
    const attached = env.start(["attach", "c"]);
    await Bun.sleep(100);
    tell();
    expect((await attached.result()).code).toBe(7);
    expect((await waiting.result()).stdout).toBe("7\n");
    expect((await following.result()).stdout).toEndWith("\n20000\n");
    await env.ok(["rm", "c"]);
    await watch.check();
  });

  it.concurrent("stops for a stop that is under way when its keeper dies", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const stubborn = ["sh", "-c", "trap 'echo no' TERM; while true; do sleep 0.05; done"];
    const id = await env.ok(["run", "-d", "--name=c", NO_NETWORK, source.image, ...stubborn]);
    const stopping = env.start(["stop", "-t1", "c"]);
    await Bun.sleep(200);
    await killKeeper(env, id);
    expect((await stopping.result()).code).toBe(0);
    expect(await statusOf(env, "c")).toStartWith("Exited (137)");
    await env.ok(["rm", "c"]);
    await watch.check();
  });

  it.concurrent("that has a terminal gets the hang-up, and is shown as ended", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const id = await env.ok(["run", "-dt", "--name=c", NO_NETWORK, source.image, "sh"]);
    const { pid } = await killKeeper(env, id);
    expect(await until(() => !isAlive(pid), 5_000)).toBe(true);
    expect(await statusOf(env, "c")).toBe("Exited (255)");
    await env.ok(["start", "c"]);
    expect(await statusOf(env, "c")).toStartWith("Up ");
    await env.ok(["rm", "-f", "c"]);
    await watch.check();
  });

  it.concurrent("that removes itself is gone when it has ended", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const id = await sleeper(env, "c", "--rm");
    const { pid } = await killKeeper(env, id);
    expect(await statusOf(env, "c")).toStartWith("Up ");
    await env.ok(["kill", "c"]);
    expect(isAlive(pid)).toBe(false);
    expect(await env.ok(["ps", "-aq"])).toBe("");
    await watch.check();
  });

  it.concurrent("tells the client in front of it, and runs on", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const running = env.start(["run", "--name=c", NO_NETWORK, source.image, "sh", "-c", "echo up; sleep 1000"]);
    await running.waitFor(/up/);
    const id = await env.ok(["ps", "-q", "--no-trunc"]);
    await killKeeper(env, id);
    const { code, stderr } = await running.result();
    expect(code).toBe(125);
    expect(stderr).toContain("the container runs on");
    expect(await statusOf(env, "c")).toStartWith("Up ");
    await env.ok(["rm", "-f", "c"]);
    await watch.check();
  });

  it.concurrent("goes on with an exec under way, whose client is told", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const id = await sleeper(env, "c");
    const running = env.start(["exec", "c", "sh", "-c", "echo up; sleep 1000"]);
    await running.waitFor(/up/);
    await killKeeper(env, id);
    const { code, stderr } = await running.result();
    expect(code).toBe(1);
    expect(stderr).toContain("the keeper died while the command ran");
    expect(await env.ok(["exec", "c", "sh", "-c", "ps | grep -c '[s]leep 1000'"])).toBe("2");
    await env.ok(["rm", "-f", "c"]);
    await watch.check();
  });
});

describe("a container that ended while it had no keeper", () => {
  it.concurrent("is told as ended, its exit code as unknown, and starts again", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const id = await sleeper(env, "c");
    const { pid } = await killKeeper(env, id);
    await kill(pid);
    expect(await statusOf(env, "c")).toBe("Exited (255)");
    expect(await env.ok(["wait", "c"])).toBe("255");
    expect(await env.ok(["inspect", "--format", "{{.State.Error}}", "c"])).toContain("exit code is unknown");
    await env.ok(["start", "c"]);
    expect(await statusOf(env, "c")).toStartWith("Up ");
    await env.ok(["rm", "-f", "c"]);
    await watch.check();
  });

  it.concurrent("takes its network helper along, at the next look", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const id = await env.ok(["run", "-d", "--name=c", "--network=slirp4netns", source.image, "sleep", "1000"]);
    const { pid, helper } = await killKeeper(env, id);
    expect(helper).not.toBeNull();
    // It serves a container that lives.
    expect(isAlive(helper?.pid ?? 0)).toBe(true);
    await kill(pid);
    expect(await statusOf(env, "c")).toBe("Exited (255)");
    await env.ok(["rm", "c"]);
    await watch.check();
  });

  it.concurrent("keeps its network helper over a keeper's death, and not beyond its own", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const id = await env.ok(["run", "-d", "--name=c", "--network=slirp4netns", source.image, "sleep", "1000"]);
    const { helper } = await killKeeper(env, id);
    expect(await env.ok(["exec", "c", "sh", "-c", "ip route | grep -c default"])).toBe("1");
    expect(isAlive(helper?.pid ?? 0)).toBe(true);
    await env.ok(["stop", "-t0", "c"]);
    await env.ok(["rm", "c"]);
    await watch.check();
  });
});

describe("a number that has been recycled", () => {
  it.concurrent("is nobody's container, and no stranger is signalled", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const id = await env.ok(["run", "-d", "--name=c", "--network=slirp4netns", source.image, "sleep", "1000"]);
    const { pid, helper } = await killKeeper(env, id);
    await kill(pid);
    await kill(helper?.pid ?? 0);
    const stranger = env.startOther(["sleep", "1000"]);
    const place = join(runtimeOf(env, id), "state.json");
    const state = JSON.parse(readFileSync(place, "utf8")) as Record<string, unknown>;
    const recycled = { ...state, pid: stranger.pid, helper: { ...helper, pid: stranger.pid } };
    writeFileSync(place, JSON.stringify(recycled));
    await env.fails(["kill", "c"], 1);
    await env.ok(["stop", "c"]);
    expect(await statusOf(env, "c")).toBe("Exited (255)");
    await env.ok(["rm", "-f", "c"]);
    expect(isAlive(stranger.pid)).toBe(true);
    stranger.kill();
    await watch.check();
  });
});

describe("the user's namespace", () => {
  it.concurrent("is found again through containers when every keeper was killed, never made twice", async () => {
    await using env = await source.env();
    const watch = await Invariants.watch(env);
    const ids = await Promise.all(["a", "b", "c"].map((name) => sleeper(env, name)));
    const before = new Set(keepersOf(env).map(userNamespaceOf));
    expect(before.size).toBe(1);
    await Promise.all(ids.map((id) => killKeeper(env, id)));
    expect(keepersOf(env)).toEqual([]);
    // Many at once: one of them comes first.
    await Promise.all(["d", "e", "f"].map((name) => sleeper(env, name)));
    expect(await env.ok(["ps", "-q"])).toMatch(/^(?:[0-9a-f]{12}\n){5}[0-9a-f]{12}$/);
    expect(keepersOf(env).length).toBe(6);
    expect(new Set(keepersOf(env).map(userNamespaceOf))).toEqual(before);
    await env.ok(["rm", "-f", "a", "b", "c", "d", "e", "f"]);
    await watch.check();
  });
});

/** What may happen to containers while keepers die: how they are started, and what runs in them. Only -d ones may be endless. */
const STARTS = [
  ["run", NO_NETWORK],
  ["run", "-d", "--rm", NO_NETWORK],
  ["run", "-d"],
  ["run", "-d", NO_NETWORK],
];
const ENDLESS = "trap 'exit 7' TERM; while true; do sleep 0.01; done";
const COMMANDS = ["sleep 0.01; exit 7", "exit 7", "sleep 0.1; exit 7"];
const LONGEST_DELAY_MS = 120;
/** Side by side, as most of the time goes by waiting for a lazy init to reap what has lost its keeper. */
const LANES = 4;

describe("keepers killed at any moment", () => {
  it.concurrent(
    "leave no container in limbo, no wrong code, and nothing behind",
    async () => {
      const seed = testSeed();
      const random = new Random(seed);
      const rounds = isLong() ? 5_000 : 60;
      const tally = { killed: 0, known: 0 };
      const lane = async (): Promise<void> => {
        await using env = await source.env();
        const watch = await Invariants.watch(env);
        for (let round = 0; round < rounds / LANES; round++) await killSomewhere(env, random, tally);
        await watch.check();
      };
      const outcomes = await Promise.allSettled(Array.from({ length: LANES }, lane));
      const failures = outcomes.flatMap((outcome) =>
        outcome.status === "rejected" ? [outcome.reason as unknown] : [],
      );
      if (failures.length > 0) throw new AggregateError(failures, `BUNKER_TEST_SEED=${seed}`);
      console.log(
        `${rounds} rounds: ${tally.killed} keepers killed, ${tally.known} exit codes kept, BUNKER_TEST_SEED=${seed}`,
      );
    },
    3_600_000,
  );
});

async function killSomewhere(env: TestEnv, random: Random, tally: { killed: number; known: number }): Promise<void> {
  const start = STARTS[random.below(STARTS.length)] ?? [];
  const isEndless = start.includes("-d") && random.below(2) === 0;
  const command = isEndless ? ENDLESS : (COMMANDS[random.below(COMMANDS.length)] ?? "");
  const running = env.start([...start, "--name=c", source.image, "sh", "-c", command]);
  const delays = [random.below(LONGEST_DELAY_MS), random.below(LONGEST_DELAY_MS)] as const;
  const stopping = isEndless ? Bun.sleep(delays[0]).then(() => env.run(["stop", "c"])) : null;
  await Bun.sleep(delays[1]);
  for (const pid of keepersOf(env)) {
    tally.killed += 1;
    process.kill(pid, "SIGKILL");
  }
  await stopping;
  await running.result();
  if (isEndless && (await statusOf(env, "c")).startsWith("Up ")) await env.ok(["stop", "c"]);
  if (await settle(env)) tally.known += 1;
}

/** Whatever has become of it can be seen and removed. @returns whether its exit code was kept */
async function settle(env: TestEnv): Promise<boolean> {
  let status = await statusOf(env, "c");
  if (status.startsWith("Up ")) {
    const { stdout } = await env.run(["wait", "c"]);
    expect(stdout).toMatch(/^(?:|7|255)\n?$/);
    status = await statusOf(env, "c");
  }
  expect(status).toMatch(/^(?:|Created|Exited \((?:7|255)\).*)$/);
  await env.run(["rm", "-f", "c"]);
  expect(await env.ok(["ps", "-aq"])).toBe("");
  return status.startsWith("Exited (7)");
}
