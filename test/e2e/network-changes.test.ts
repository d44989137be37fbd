// A host that changes under its containers: routes, interfaces, addresses and name servers come and go, and the network keeper is
// killed. Whoever has started goes on, and nobody has to start anything again.

import { describe, expect } from "bun:test";
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Running } from "../support/command.ts";
import { networkKeepersOf, type NetworkState, readNetwork } from "../support/network-state.ts";
import { HOST, HOST6, PORT, World, WORLD, WORLD6, WORLD_NAME } from "../support/network-world.ts";
import { until } from "../support/private-host.ts";
import { useStage } from "../support/stage.ts";

/** In the world, behind whatever leads there. */
const FAR = "203.0.113.7";
const FAR6 = "fd07::7";
const FAR_PORT = 7100;
/** Another way to the world, and its name server. */
const OTHER_HOST = "10.98.0.1";
const OTHER_HOST6 = "fd98::1";
const OTHER = "10.98.0.2";
const OTHER6 = "fd98::2";
const OTHER_ANSWER = "192.0.2.98";
const PUBLISHED = 18_300;
const KILLS = 10;
const PATIENCE_MS = 20_000;

/** The host's /etc, ours to change. */
let etc: string;

const stage = useStage({
  needs: ["ip", "nft"],
  prepare: async ({ env }) => {
    etc = join(env.home, "etc");
    for (const command of [
      ["cp", "-a", "/etc", etc],
      ["mount", "--bind", etc, "/etc"],
    ]) {
      const { success, stderr } = Bun.spawnSync(env.host.enter(command, "/"));
      if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
    }
  },
});
const { it } = stage;

function nameservers(...addresses: string[]): string {
  return addresses.map((address) => `nameserver ${address}\n`).join("");
}

/** A world with a far place and a second way to it, which nothing leads to yet. */
async function makeWorld(): Promise<World> {
  const world = await World.create();
  world.configure("world", `ip addr add ${FAR}/32 dev lo`);
  world.configure("world", `ip addr add ${FAR6}/128 dev lo`);
  await world.serve("world", FAR, String(FAR_PORT), "-");
  await world.serve("world", FAR6, String(FAR_PORT), "-");
  rmSync(join(etc, "resolv.conf"), { force: true });
  writeFileSync(join(etc, "resolv.conf"), nameservers(WORLD));
  return world;
}

async function addOtherWay(world: World): Promise<void> {
  world.cable({
    host: { device: "up1", addresses: [OTHER_HOST, OTHER_HOST6] },
    world: { device: "down1", addresses: [OTHER, OTHER6] },
  });
  await world.serve("world", OTHER, "7200", OTHER, WORLD_NAME, OTHER_ANSWER, OTHER6);
}

function leadBy(world: World, gateway: string, gateway6: string): void {
  world.configure("host", `ip route add default via ${gateway}`);
  world.configure("host", `ip -6 route add default via ${gateway6}`);
}

/** The engine on the host of a world. */
class Engine {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async ok(...args: string[]): Promise<string> {
    return await stage.env.ok(args, { launcher: this.#world.launcher(stage.env) });
  }

  /** A container that does nothing, or what a script says. */
  async start(name: string, script = "sleep 1000", ...flags: string[]): Promise<void> {
    await this.ok("run", "-d", "--name", name, "--network=net", ...flags, "busybox", "sh", "-c", script);
  }

  /** What a script in it prints, however it ends. */
  async script(container: string, text: string): Promise<string> {
    return await this.ok("exec", container, "sh", "-c", `{ ${text}; } 2>&1; true`);
  }

  async who(container: string, address = FAR): Promise<string> {
    const port = address === FAR || address === FAR6 ? FAR_PORT : PORT;
    return await this.script(container, `{ echo who; sleep 0.1; } | timeout 2 nc ${address} ${port}`);
  }

  /** The addresses of a name. */
  async lookup(container: string, name = WORLD_NAME): Promise<string[]> {
    const shown = await this.script(container, `nslookup -type=a ${name}`);
    return [...shown.matchAll(/^Address: (\S+)/gm)].map(([, found = ""]) => found);
  }

  /** A client in a container's network that sends from one port for ever, and prints as whom it is seen. */
  async talk(container: string, address: string): Promise<Running> {
    const pid = await this.ok("inspect", "-f", "{{.State.Pid}}", container);
    const client = `
      const socket = await Bun.udpSocket({ hostname: ${JSON.stringify(address.includes(":") ? "::" : "0.0.0.0")},
        socket: { data: (_own, answer) => process.stdout.write(answer), error() {} } });
      setInterval(() => { try { socket.send("who?", ${FAR_PORT}, ${JSON.stringify(address)}); } catch {} }, 50);`;
    const argv = ["nsenter", `--net=/proc/${pid}/ns/net`, process.execPath, "-e", client];
    return new Running(argv, `datagrams to ${address}`, { timeoutMs: 120_000 });
  }
}

/** The network, less what only the network keeper of the moment has. */
function lasting(): Omit<NetworkState, "descriptors"> {
  const { descriptors: _, ...rest } = readNetwork(stage.env);
  return rest;
}

/** Asks again until the answer is right. @throws with the last one */
async function eventually(wanted: unknown, ask: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let answer = await ask();
  while (!Bun.deepEquals(answer, wanted) && performance.now() < deadline) answer = await ask();
  expect(answer).toEqual(wanted);
}

/** Sends numbers until /stop is there; afterwards /sent and /answer say whether all of them arrived. */
const STREAM = `
  count() { i=0; while [ ! -e /stop ]; do seq $i $((i + 999)); i=$((i + 1000)); sleep 0.02; done; }
  { echo put; count | tee /sent; } | nc ${FAR} ${FAR_PORT} > /answer; touch /finished; sleep 1000`;
const STREAM_END = `
  touch /stop; until [ -e /finished ]; do sleep 0.05; done; [ $(wc -l < /sent) -gt 1000 ] || echo short
  [ "$(sha256sum < /sent | cut -d' ' -f1)" = "$(cat /answer)" ] && echo whole`;

/** The network is removed after the containers are. */
async function withNetwork(act: (engine: Engine, world: World) => Promise<void>): Promise<void> {
  await using world = await makeWorld();
  const engine = new Engine(world);
  await engine.ok("network", "create", "--ipv6", "net");
  try {
    await act(engine, world);
  } finally {
    const all = await engine.ok("ps", "-aq");
    if (all !== "") await engine.ok("rm", "-f", "-t0", ...all.split("\n"));
    await engine.ok("network", "rm", "net");
  }
}

describe("a host", () => {
  it("whose default route is replaced: streams go on, and what is new goes the new way", async () => {
    await withNetwork(async (engine, world) => {
      await addOtherWay(world);
      await engine.start("c", STREAM);
      expect(await engine.who("c")).toBe(HOST);
      const talks = [await engine.talk("c", FAR), await engine.talk("c", FAR6)];
      for (const talk of talks) await talk.waitFor(/^.*99.*1$/m);
      world.disconnect();
      expect(await engine.who("c")).toContain("unreachable");
      leadBy(world, OTHER, OTHER6);
      expect(await engine.who("c")).toBe(OTHER_HOST);
      expect(await engine.who("c", FAR6)).toBe(OTHER_HOST6);
      await talks[0]?.waitFor(/^10\.98\.0\.1$/m);
      await talks[1]?.waitFor(/^fd98::1$/m);
      for (const talk of talks) talk.kill();
      expect(await engine.script("c", STREAM_END)).toBe("whole");
    });
  });

  it("whose interface is renamed, then gone, while another comes with other addresses", async () => {
    await withNetwork(async (engine, world) => {
      await engine.start("c", undefined, "-p", `${PUBLISHED}:80`);
      await engine.ok("exec", "-d", "c", "sh", "-c", "while :; do nc -l -p 80 -e echo served; done");
      const talk = await engine.talk("c", FAR);
      await talk.waitFor(/^10\.99\.0\.1$/m);
      const reach = async (address: string) =>
        (await world.command("world", ["timeout", "2", "busybox", "nc", address, String(PUBLISHED)])).stdout;

      for (const words of ["down", "name lan0"]) world.configure("host", `ip link set up0 ${words}`);
      expect(await engine.who("c")).toContain("unreachable");
      world.configure("host", "ip link set lan0 up");
      world.configure("host", `ip route add default via ${WORLD}`);
      await eventually(HOST, () => engine.who("c"));
      await eventually("served\n", () => reach(HOST));
      await eventually([WORLD], () => engine.lookup("c"));

      world.configure("host", "ip link del lan0");
      await addOtherWay(world);
      leadBy(world, OTHER, OTHER6);
      writeFileSync(join(etc, "resolv.conf"), nameservers(OTHER));
      await eventually(OTHER_HOST, () => engine.who("c"));
      await eventually(OTHER_HOST6, () => engine.who("c", FAR6));
      await eventually([OTHER_ANSWER], () => engine.lookup("c"));
      await eventually("served\n", () => reach(OTHER_HOST));
      await talk.waitFor(/^10\.98\.0\.1$/m);
      talk.kill();
    });
  });

  it("whose resolv.conf is replaced, rewritten, emptied, gone and linked: the next names are asked where it says", async () => {
    await withNetwork(async (engine, world) => {
      await addOtherWay(world);
      await engine.start("c");
      const file = join(etc, "resolv.conf");
      await eventually([WORLD], () => engine.lookup("c"));
      writeFileSync(join(etc, "resolv.new"), nameservers(OTHER));
      renameSync(join(etc, "resolv.new"), file);
      await eventually([OTHER_ANSWER], () => engine.lookup("c"));
      writeFileSync(file, nameservers(WORLD));
      await eventually([WORLD], () => engine.lookup("c"));
      writeFileSync(file, "# nobody\n");
      await eventually([], () => engine.lookup("c"));
      expect(await engine.lookup("c", "c")).toHaveLength(1);
      writeFileSync(join(etc, "elsewhere"), nameservers(OTHER));
      rmSync(file);
      symlinkSync("elsewhere", file);
      await eventually([OTHER_ANSWER], () => engine.lookup("c"));
      writeFileSync(join(etc, "elsewhere.new"), nameservers(WORLD));
      renameSync(join(etc, "elsewhere.new"), join(etc, "elsewhere"));
      await eventually([WORLD], () => engine.lookup("c"));
    });
  });

  it("that has no network yet when a container starts", async () => {
    await withNetwork(async (engine, world) => {
      world.disconnect();
      world.configure("host", "ip link set up0 down");
      rmSync(join(etc, "resolv.conf"));
      await engine.start("c", undefined, "-p", `${PUBLISHED}:80`);
      expect(await engine.who("c")).toContain("unreachable");
      expect(await engine.lookup("c")).toEqual([]);
      world.configure("host", "ip link set up0 up");
      // The kernel takes it away with the link.
      world.configure("host", `ip addr add ${HOST6}/64 dev up0 nodad`);
      leadBy(world, WORLD, WORLD6);
      writeFileSync(join(etc, "resolv.conf"), nameservers(WORLD));
      await eventually(HOST, () => engine.who("c"));
      await eventually([WORLD], () => engine.lookup("c"));
    });
  });
});

describe("a network keeper that is killed while much goes through it", () => {
  it(`${KILLS} times: connections, names and published ports are there again, and nothing is left of the old one`, async () => {
    await withNetwork(async (engine, world) => {
      const serve = "while :; do nc -l -p 80 -e echo served; done";
      await engine.start("server", serve, "-p", `${PUBLISHED}:80`);
      const load = `while :; do { echo get 10000000; sleep 1; } | nc ${WORLD} ${PORT} > /dev/null; sleep 0.1; done`;
      await engine.start("c");
      const talk = await engine.talk("c", FAR);
      const healed = async () => {
        const ask = ["timeout", "2", "busybox", "nc", HOST, String(PUBLISHED)];
        await eventually("served\n", async () => (await world.command("world", ask)).stdout);
        await eventually(HOST, () => engine.who("c"));
        await eventually([WORLD], () => engine.lookup("c"));
        await eventually(1, async () => (await engine.lookup("c", "server")).length);
        const said = talk.stdout.length;
        await eventually(true, async () => {
          await Bun.sleep(50);
          return talk.stdout.length > said;
        });
      };
      await healed();
      const before = lasting();
      for (const name of ["a", "b"]) await engine.start(name, `${load} & ${load} & nslookup ${WORLD_NAME}; wait`);
      for (let round = 0; round < KILLS; round += 1) {
        const [keeper = 0] = networkKeepersOf(stage.env);
        process.kill(keeper, "SIGKILL");
        await until(() => networkKeepersOf(stage.env).some((pid) => pid !== keeper), PATIENCE_MS);
        await healed();
      }
      talk.kill();
      await engine.ok("rm", "-f", "-t0", "a", "b");
      await until(() => Bun.deepEquals(lasting(), before), PATIENCE_MS, 100);
      expect(lasting()).toEqual(before);
    });
  });
});
