// Two network namespaces: one that stands for the host, where the engine runs, and the world beyond it, with a server and name
// service in it (network-server.ts). Needs root and iproute2.
//
//   await using world = await World.create();
//   await env.ok(["run", …], { launcher: world.launcher(env) });
//   world.configure("host", "ip route add …");
//
// The host's addresses are HOST and HOST6, the world's WORLD and WORLD6, also under the name WORLD_NAME.

import { resolve } from "node:path";

import type { TestEnv } from "./environment.ts";

export const HOST = "10.99.0.1";
export const HOST6 = "fd99::1";
export const WORLD = "10.99.0.2";
export const WORLD6 = "fd99::2";
export const WORLD_NAME = "world.test";
/** The world's server; another one listens there on the host's loopback, and must not be reached. */
export const PORT = 7000;

const SERVER = resolve(import.meta.dir, "network-server.ts");
const READY_TIMEOUT_MS = 10_000;

export type Place = "host" | "world";

/** A link between the two, and the addresses of its ends: one of each kind. */
interface Cable {
  host: { device: string; addresses: [string, string] };
  world: { device: string; addresses: [string, string] };
}

export class Namespace {
  readonly #holder: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #servers: Bun.Subprocess[] = [];

  private constructor(holder: Bun.Subprocess<"pipe", "pipe", "inherit">) {
    this.#holder = holder;
  }

  static async create(): Promise<Namespace> {
    const holder = Bun.spawn(["unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; cat"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    await firstLine(holder.stdout);
    return new Namespace(holder);
  }

  get pid(): number {
    return this.#holder.pid;
  }

  enter(command: string[]): string[] {
    return ["nsenter", `--net=/proc/${this.pid}/ns/net`, ...command];
  }

  run(command: string): void {
    const { success, stderr } = Bun.spawnSync(this.enter(command.split(" ")));
    if (!success) throw new Error(`${command}: ${stderr.toString()}`);
  }

  async serve(...words: string[]): Promise<void> {
    const server = Bun.spawn(this.enter([process.execPath, SERVER, ...words]), {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#servers.push(server);
    await firstLine(server.stdout);
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.kill();
    await this.#holder.stdin.end();
    await Promise.all([this.#holder.exited, ...this.#servers.map(({ exited }) => exited)]);
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  const late = Bun.sleep(READY_TIMEOUT_MS).then(() => null);
  const first = await Promise.race([reader.read(), late]);
  if (first === null || first.done) throw new Error("a network namespace did not come up");
  reader.releaseLock();
}

export class World {
  readonly #host: Namespace;
  readonly #world: Namespace;

  private constructor(host: Namespace, world: Namespace) {
    this.#host = host;
    this.#world = world;
  }

  static async create(): Promise<World> {
    const [host, world] = await Promise.all([Namespace.create(), Namespace.create()]);
    const made = new World(host, world);
    made.cable({
      host: { device: "up0", addresses: [HOST, HOST6] },
      world: { device: "down0", addresses: [WORLD, WORLD6] },
    });
    made.connect();
    await Promise.all([
      world.serve("::", String(PORT), WORLD, WORLD_NAME, WORLD, WORLD6),
      // The same names, so that resolv.conf may name either.
      host.serve("127.0.0.1", String(PORT), "127.0.0.1", WORLD_NAME, WORLD, WORLD6),
    ]);
    return made;
  }

  cable({ host, world }: Cable): void {
    this.#host.run(`ip link add ${host.device} type veth peer name ${world.device} netns ${this.#world.pid}`);
    for (const [space, { device, addresses }] of [[this.#host, host] as const, [this.#world, world] as const]) {
      space.run(`ip addr add ${addresses[0]}/24 dev ${device}`);
      // Without a search for doubles, which would take a second.
      space.run(`ip addr add ${addresses[1]}/64 dev ${device} nodad`);
      space.run(`ip link set ${device} up`);
    }
  }

  /** One more of network-server.ts, with its words. */
  async serve(place: Place, ...words: string[]): Promise<void> {
    await this.#space(place).serve(...words);
  }

  /** Runs a command as root. @throws when it fails */
  configure(place: Place, command: string): void {
    this.#space(place).run(command);
  }

  #space(place: Place): Namespace {
    return place === "host" ? this.#host : this.#world;
  }

  /** The host's way out. */
  connect(): void {
    this.#host.run(`ip route add default via ${WORLD}`);
    this.#host.run(`ip -6 route add default via ${WORLD6}`);
  }

  /** Addresses of an own network are left, and nothing beyond. */
  disconnect(): void {
    this.#host.run("ip route del default");
    this.#host.run("ip -6 route del default");
  }

  /** argv that runs a command there, as root. */
  enter(place: Place, command: string[]): string[] {
    return this.#space(place).enter(command);
  }

  /** What a command in the world, or on the host, prints and how it ends. */
  async command(place: Place, command: string[]): Promise<{ code: number; stdout: string }> {
    const running = Bun.spawn(this.enter(place, command), { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    const stdout = await new Response(running.stdout).text();
    return { code: await running.exited, stdout };
  }

  /** As a launcher of commands: in the host's network namespace, as the environment's user. */
  launcher({ user }: TestEnv): string[] {
    const asUser = ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--inh-caps=-all"];
    return this.#host.enter(asUser);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#host.close(), this.#world.close()]);
  }
}
