// What tests of hostile containers stand on: a host and a world beyond it (network-world.ts), an image with the attacks
// (crates/probe), and a look at the network keeper.
//
//   const ground = useGround();
//   ground.it("…", async () => {
//     await ground.container("mallory", "--cap-add=NET_RAW");
//     expect(await ground.attack("mallory", ["frames", "eth0"], lines(frames))).toEqual({ ok: frames.length });
//   });

import { beforeEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Running } from "./command.ts";
import type { TestEnv } from "./environment.ts";
import { hostileImage } from "./hostile.ts";
import { commandLine, processesOf } from "./host-state.ts";
import { HOST, type Place, PORT, World, WORLD, WORLD_NAME } from "./network-world.ts";
import { type Stage, useStage } from "./stage.ts";

const ATTACK = join(import.meta.dir, "../../dist/test/attack");
const IMAGE = "hostile";
/** On a busy machine. */
const PATIENCE_MS = "10000";
const STRANGERS_TIMEOUT_MS = 60_000;
const POLL_MS = 5;

/** How often what became of sockets: an errno's name, `ok`, `waits`. */
type Counts = Record<string, number>;

/** Sockets that are held until they are told to leave. */
export class Crowd implements AsyncDisposable {
  readonly counts: Counts;
  readonly #running: Running;

  constructor(running: Running, counts: Counts) {
    this.#running = running;
    this.counts = counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.closeStdin();
    await this.#running.result();
  }
}

export class Ground {
  readonly stage: Stage;
  #world: World | null = null;

  constructor(prepare?: (ground: Ground) => Promise<void>) {
    this.stage = useStage({
      needs: ["ip", "probe"],
      prepare: async (stage) => {
        this.#world = await World.create();
        stage.onClose(async () => await this.#world?.[Symbol.asyncDispose]());
        const path = join(stage.env.home, "resolv.conf");
        writeFileSync(path, `nameserver ${WORLD}\noptions timeout:1 attempts:2\n`);
        Bun.spawnSync(stage.env.host.enter(["mount", "--bind", path, "/etc/resolv.conf"], "/"));
        await stage.add(IMAGE, hostileImage());
        await prepare?.(this);
      },
    });
    if (this.stage.it === test) beforeEach(() => this.stage.env.ok(["network", "prune", "-f"]));
  }

  get it(): typeof test {
    return this.stage.it;
  }

  get env(): TestEnv {
    return this.stage.env;
  }

  get world(): World {
    if (this.#world === null) throw new Error("the world is there during tests only");
    return this.#world;
  }

  /** Runs a program of this folder's there, as root, until the end; what it has said since it said `ready`. */
  async program(place: Place, name: string, ...words: string[]): Promise<() => string> {
    const command = this.world.enter(place, [process.execPath, join(import.meta.dir, name), ...words]);
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    this.stage.onClose(async () => {
      child.kill();
      await child.exited;
    });
    let said = "";
    const decoder = new TextDecoder();
    void child.stdout.pipeTo(new WritableStream({ write: (bytes) => void (said += decoder.decode(bytes)) }));
    while (!said.startsWith("ready\n")) await Bun.sleep(POLL_MS);
    return () => said.slice("ready\n".length);
  }

  async ok(...args: string[]): Promise<string> {
    return await this.env.ok(args, { launcher: this.world.launcher(this.env) });
  }

  /** One that waits for what it is told to do. */
  async container(name: string, ...flags: string[]): Promise<void> {
    await this.ok("run", "-d", "--name", name, ...flags, IMAGE, "sleep", "600");
  }

  /** What a script in a container of its own prints. */
  async once(flags: string[], text: string): Promise<string> {
    return await this.ok("run", "--rm", ...flags, IMAGE, "sh", "-c", text);
  }

  async script(container: string, text: string): Promise<string> {
    return await this.ok("exec", container, "sh", "-c", text);
  }

  /** What an attack from a container comes to. */
  async attack<T = unknown>(container: string, words: string[], stdin = ""): Promise<T> {
    const args = ["exec", "-i", container, "/attack", ...words];
    return JSON.parse(await this.env.ok(args, { stdin, launcher: this.world.launcher(this.env) })) as T;
  }

  /** The frames that come to a container, in hexadecimal digits: those until they are asked for. */
  async listen(container: string): Promise<() => Promise<string[]>> {
    const running = this.#start(["exec", "-i", container, "/attack", "hear", "eth0"]);
    await running.waitFor(/listens/);
    return async () => {
      await running.closeStdin();
      return JSON.parse((await running.result()).stdout.split("\n")[1] ?? "") as string[];
    };
  }

  /** Sockets of a container. */
  async crowd(container: string, ...words: string[]): Promise<Crowd> {
    return await gathered(this.#start(["exec", "-i", container, "/attack", "crowd", ...words]));
  }

  #start(args: string[]): Running {
    return this.env.start(args, { interactive: true, launcher: this.world.launcher(this.env) });
  }

  /** Sockets of somebody's in the world, or on the host. */
  async strangers(place: Place, ...words: string[]): Promise<Crowd> {
    const command = this.world.enter(place, [ATTACK, "crowd", ...words]);
    return await gathered(new Running(command, "attack", { interactive: true, timeoutMs: STRANGERS_TIMEOUT_MS }));
  }

  /** Whom a container reaches, by place. */
  async reached(container: string, ...places: string[]): Promise<Record<string, string>> {
    const answers = await this.attack<Record<string, string>>(container, ["ask", PATIENCE_MS, ...places]);
    const plain = (answer: string) => answer.replace("::ffff:", "");
    return Object.fromEntries(Object.entries(answers).map(([place, answer]) => [place, plain(answer)]));
  }

  /** A container whose network works: it reaches the world, and the world's name is found. */
  async expectWell(container: string): Promise<void> {
    const place = `tcp:${WORLD}:${PORT}`;
    expect(await this.reached(container, place)).toEqual({ [place]: `heard ${HOST}` });
    // A second is not much on a busy machine.
    const again = `for try in 1 2 3 4 5; do nslookup ${WORLD_NAME} > /tmp/found && break; done; tail -n +3 /tmp/found`;
    expect(await this.script(container, again)).toContain(WORLD);
  }

  async inspect(what: string, template: string): Promise<string> {
    return await this.ok("inspect", "-f", template, what);
  }

  /** Of a container's only network, and its gateway's. */
  async ends(container: string): Promise<Ends> {
    const fields = ["IPAddress", "GlobalIPv6Address", "MacAddress", "Gateway", "IPv6Gateway"];
    const template = `{{range .NetworkSettings.Networks}}${fields.map((name) => `{{.${name}}}`).join(" ")}{{end}}`;
    const [address = "", address6 = "", mac = "", gateway = "", gateway6 = ""] = (
      await this.inspect(container, template)
    ).split(" ");
    return { address, address6, mac, gateway, gateway6 };
  }

  /** The one process of this environment's network keeper. */
  keeper(): Keeper {
    const isKeeper = ([name, mode]: string[]) => name === "keeper" && mode === "network";
    const pids = processesOf(this.env).filter((pid) => isKeeper(commandLine(pid)));
    expect(pids).toHaveLength(1);
    return new Keeper(pids[0] ?? 0);
  }
}

export interface Ends {
  address: string;
  address6: string;
  mac: string;
  gateway: string;
  gateway6: string;
}

export class Keeper {
  readonly pid: number;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** From now on the most is counted anew. */
  forgetPeak(): void {
    // proc_pid_clear_refs(5)
    writeFileSync(`/proc/${this.pid}/clear_refs`, "5");
  }

  /** The most memory it has had, in MiB. */
  peak(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1]) / 1024;
  }

  /** How many it has open. Pipes for the next connection are its own affair. */
  sockets(): number {
    const place = `/proc/${this.pid}/fd`;
    return readdirSync(place).filter((number) => targetOf(`${place}/${number}`).startsWith("socket:")).length;
  }

  /** Milliseconds that it has worked. */
  worked(): number {
    const MILLISECONDS_OF_TICK = 10;
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * MILLISECONDS_OF_TICK;
  }

  /** What a command prints in the user's network, where the keeper has a thread. */
  inside(...command: string[]): string {
    const tasks = `/proc/${this.pid}/task`;
    const thread = readdirSync(tasks).find((task) => readFileSync(`${tasks}/${task}/comm`, "utf8") === "inward\n");
    return Bun.spawnSync(["nsenter", `--net=${tasks}/${thread}/ns/net`, ...command]).stdout.toString();
  }
}

/** One that is closed meanwhile leads nowhere. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}

async function gathered(running: Running): Promise<Crowd> {
  const [line] = await running.waitFor(/^\{.*\}$/m);
  return new Crowd(running, JSON.parse(line) as Counts);
}

/** `prepare`: what else a file needs in the world. */
export function useGround(prepare?: (ground: Ground) => Promise<void>): Ground {
  return new Ground(prepare);
}
