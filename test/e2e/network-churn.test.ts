// Many containers on networks, at once and one after another, and one that comes and goes while it talks: nobody gets what another
// has, what is given back is free at once, and nothing is left behind.

import { beforeEach, describe, expect } from "bun:test";

import { isLong } from "../support/guards.ts";
import { memoryOf, type NetworkState, readNetwork } from "../support/network-state.ts";
import { HOST, PORT, WORLD } from "../support/network-world.ts";
import { until } from "../support/private-host.ts";
import { useWorldStage } from "../support/world-stage.ts";

const CROWD = 64;
/** Of one port. */
const REBINDS = isLong() ? 200 : 10;
/** Of each of three networks. */
const CHANGES = 67;
const CYCLES = isLong() ? 1000 : 40;
const SIDE_BY_SIDE = 8;
const TIMEOUT_MS = isLong() ? 3_600_000 : 120_000;
const SETTLE_MS = 10_000;
const CALM_MS = 500;
/** Of the network keeper, KiB: what an allocator may keep for itself. */
const MEMORY_SLACK = 256;
const FIRST_FREE = 18_100;

const { stage, it, ok, world } = useWorldStage({
  needs: ["ip", "nft"],
});

// Their containers are gone by then.
beforeEach(() => stage.env.ok(["network", "prune", "-f"]));

/** Waits for all of them, also when one fails. */
async function atOnce<T>(count: number, act: (at: number) => Promise<T>): Promise<T[]> {
  const all = Array.from({ length: count }, (_unused, at) => act(at));
  await Promise.allSettled(all);
  return await Promise.all(all);
}

interface Inspected {
  NetworkSettings: {
    Ports: Record<string, { HostIp: string; HostPort: string }[] | null>;
    Networks: Record<string, { IPAddress: string; GlobalIPv6Address: string }>;
  };
}

function doubles(words: string[]): string[] {
  return words.filter((word, at) => words.indexOf(word) !== at);
}

/** As it is when nothing changes any more: a keeper tidies up after its container was answered for. */
async function calm(): Promise<NetworkState> {
  for (let last = readNetwork(stage.env); ;) {
    await Bun.sleep(CALM_MS);
    const next = readNetwork(stage.env);
    if (Bun.deepEquals(next, last)) return next;
    last = next;
  }
}

/** Looks until it is as it was. @throws with both otherwise */
async function settles(before: NetworkState): Promise<void> {
  await until(() => Bun.deepEquals(readNetwork(stage.env), before), SETTLE_MS, 50);
  expect(readNetwork(stage.env)).toEqual(before);
}

describe(`${CROWD} containers started at once`, () => {
  it(
    "have addresses and ports of their own, on one network or on two",
    async () => {
      for (const name of ["one", "two"]) await ok("network", "create", "--ipv6", name);
      const kinds = [
        ["--network=one", "-p", "80"],
        ["--network=two", "-p", "0:80", "-p", "0:53/udp"],
        ["--network=one", "--network=two", "-p", "127.0.0.1::80", "-p", `${FIRST_FREE}-${FIRST_FREE + CROWD}:90`],
        ["--network=one", "--expose=80", "--expose=90-92", "--expose=53/udp", "-P"],
      ];
      const ids = await atOnce(CROWD, (at) =>
        ok("run", "-d", ...(kinds[at % kinds.length] ?? []), "busybox", "sleep", "1000"),
      );
      const all = JSON.parse(await ok("inspect", ...ids)) as Inspected[];
      const places = all.flatMap(({ NetworkSettings: { Networks } }) => Object.values(Networks));
      expect(places).toHaveLength(CROWD + CROWD / kinds.length);
      const addresses = places.flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address]);
      expect(doubles(addresses)).toEqual([]);
      expect(addresses).not.toContain("");
      const ports = all.flatMap(({ NetworkSettings: { Ports } }) =>
        Object.entries(Ports).flatMap(([inside, outside]) =>
          (outside ?? []).map(({ HostIp, HostPort }) => `${inside.replace(/^\d+/, "")} ${HostIp} ${HostPort}`),
        ),
      );
      expect(doubles(ports)).toEqual([]);
      // On every address is two: one for each version of IP.
      expect(ports).toHaveLength((CROWD / kinds.length) * (2 + 4 + 3 + 10));
      await ok("rm", "-f", "-t0", ...ids);
    },
    TIMEOUT_MS,
  );
});

describe("a port", () => {
  it(
    "is free the moment its container was stopped or removed",
    async () => {
      const publish = ["-p", `${FIRST_FREE}:80`, "-p", `${FIRST_FREE}:80/udp`, "busybox", "sleep", "1000"];
      // Somebody talks to it while it goes.
      const talk = ["sh", "-c", `while :; do echo x | nc -w1 ${HOST} ${FIRST_FREE}; done`];
      const talking = Bun.spawn(world().enter("world", ["busybox", ...talk]), {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      });
      try {
        await ok("run", "-d", "--name=kept", ...publish);
        for (let round = 0; round < REBINDS; round += 1) {
          await ok("stop", "-t0", "kept");
          await ok("run", "-d", "--name=other", ...publish);
          await ok("rm", "-f", "-t0", "other");
          await ok("start", "kept");
        }
      } finally {
        talking.kill();
        await talking.exited;
      }
    },
    TIMEOUT_MS,
  );
});

describe("a container that talks", () => {
  it(
    "comes to networks and leaves them, and what it says on others arrives whole",
    async () => {
      for (const name of ["talk", "one", "two", "three"]) await ok("network", "create", "--ipv6", name);
      // Its input stays open: else it would end the stream.
      const receive = "mkfifo /open; exec 3<>/open; nc -l -p 5000 <&3 > /received; touch /done; sleep 1000";
      await ok("run", "-d", "--name=peer", "--network=talk", "busybox", "sh", "-c", receive);
      const address = await ok("inspect", "-f", "{{.NetworkSettings.Networks.talk.IPAddress}}", "peer");
      const count = "i=0; while [ ! -e /stop ]; do seq $i $((i + 999)); i=$((i + 1000)); sleep 0.02; done";
      // One stream to a neighbour, one to the world.
      const script = `
        { ${count}; } | nc ${address} 5000 &
        { echo put; { ${count}; } | tee /sent; } | nc ${WORLD} ${PORT} > /answer
        wait; touch /finished; sleep 1000`;
      await ok("run", "-d", "--name=live", "--network=talk", "busybox", "sh", "-c", script);
      await ok(
        "run",
        "-d",
        "--name=other",
        "--network=one",
        "--network=two",
        "--network=three",
        "busybox",
        "sleep",
        "1000",
      );
      const before = await calm();
      const change = async (network: string) => {
        for (let round = 0; round < CHANGES; round += 1) {
          await ok("network", "connect", "--alias", `a${round}`, network, "live");
          await ok("network", "disconnect", network, "live");
        }
      };
      await atOnce(3, (at) => change(["one", "two", "three"][at] ?? ""));
      await settles(before);
      await ok("exec", "live", "touch", "/stop");
      await ok("exec", "live", "sh", "-c", "until [ -e /finished ]; do sleep 0.05; done");
      await ok("exec", "peer", "sh", "-c", "until [ -e /done ]; do sleep 0.05; done");
      const whole = "n=$(wc -l < $0); seq 0 $((n - 1)) | cmp - $0 && [ $n -gt 10000 ] && echo whole";
      expect(await ok("exec", "peer", "sh", "-c", whole, "/received")).toBe("whole");
      expect(await ok("exec", "live", "sh", "-c", whole, "/sent")).toBe("whole");
      expect(await ok("exec", "live", "cat", "/answer")).toBe(
        await ok("exec", "live", "sh", "-c", "sha256sum < /sent | cut -d' ' -f1"),
      );
    },
    TIMEOUT_MS,
  );
});

describe(`${CYCLES} containers with a network and ports, one after another and ${SIDE_BY_SIDE} at a time`, () => {
  it(
    "leave nothing behind",
    async () => {
      for (const name of ["one", "two"]) await ok("network", "create", "--ipv6", name);
      // The network keeper lives as long as this one.
      await ok("run", "-d", "--network=one", "-p", "80", "busybox", "sleep", "10000");
      const cycle = async (count: number, at: number) => {
        const ports = ["-p", `${FIRST_FREE + at}:80`, "-p", "53/udp"];
        const say = `echo who | nc -w5 ${WORLD} ${PORT}`;
        for (let done = 0; done < count; done += 1) {
          const networks = done % 2 === 0 ? ["--network=one"] : ["--network=two", "--network=one"];
          expect(await ok("run", "--rm", ...networks, ...ports, "busybox", "sh", "-c", say)).toEndWith(HOST);
        }
      };
      const half = CYCLES / 2;
      const all = async (count: number) => {
        await cycle(count, 0);
        await atOnce(SIDE_BY_SIDE, (at) => cycle(Math.ceil(count / SIDE_BY_SIDE), at));
      };
      await all(SIDE_BY_SIDE);
      const [before, memory] = [await calm(), memoryOf(stage.env)];
      await all(half);
      await settles(before);
      expect(memoryOf(stage.env)).toBeLessThan(memory + MEMORY_SLACK);
    },
    TIMEOUT_MS,
  );
});
