// A stage on the host of a world of its own (network-world.ts), with only those helper programs that are asked for.

import { chownSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { CommandResult } from "./command.ts";
import type { RunOptions } from "./environment.ts";
import type { Need } from "./guards.ts";
import { PORT, World, WORLD } from "./network-world.ts";
import { type Stage, useStage } from "./stage.ts";

export const PROGRAMS = ["slirp4netns", "pasta"];
/** A network of the stage's own, with IPv6. */
export const NETWORK = ["--network=out"];
/** Asks the world who we are. Input that stays open for a while: half-closed connections are a question of their own. */
export const ASK = `{ echo who; sleep 0.2; } | nc ${WORLD} ${PORT}`;
const DIRECTORIES = ["/usr/bin", "/usr/local/bin", "/usr/sbin"];

interface Wanted {
  needs: Need[];
  /** Another distribution's. */
  root?: () => string;
  /** Of run and create. */
  flags: string[];
  /** $BUNKER_WAY_OUT */
  way?: string;
}

export class NetworkStage {
  readonly stage: Stage;
  #world: World | null = null;
  readonly #flags: string[];
  readonly #way: string | undefined;

  constructor(programs: string[], { needs, root, flags, way }: Wanted) {
    this.#flags = flags;
    this.#way = way;
    this.stage = useStage({
      needs: ["ip", ...needs],
      environment: root === undefined ? {} : () => ({ root: root() }),
      prepare: async (stage) => {
        this.#world = await World.create();
        stage.onClose(async () => await this.#world?.[Symbol.asyncDispose]());
        for (const program of PROGRAMS) if (!programs.includes(program)) this.hide(program);
        this.nameserver(WORLD);
        if (flags === NETWORK) await this.ok(["network", "create", "--ipv6", "out"]);
      },
    });
  }

  get world(): World {
    if (this.#world === null) throw new Error("the world is there during tests only");
    return this.#world;
  }

  /** As on a machine where it is not installed. */
  hide(program: string): void {
    for (const path of this.#placesOf(program)) this.#asRoot(["mount", "--bind", "/dev/null", path]);
  }

  show(program: string): void {
    for (const path of this.#placesOf(program)) this.#asRoot(["umount", path]);
  }

  #placesOf(program: string): string[] {
    const { host } = this.stage.env;
    return DIRECTORIES.map((directory) => join(directory, program)).filter((path) => existsSync(host.view(path)));
  }

  /** The host's resolv.conf. */
  nameserver(address: string): void {
    const { env } = this.stage;
    const path = join(env.home, "resolv.conf");
    const isNew = !existsSync(path);
    writeFileSync(path, `# the host's\nnameserver ${address}\nsearch example.org\noptions timeout:3\n`);
    chownSync(path, env.user.uid, env.user.gid);
    if (isNew) this.#asRoot(["mount", "--bind", path, "/etc/resolv.conf"]);
  }

  #asRoot(command: string[]): void {
    const { success, stderr } = Bun.spawnSync(this.stage.env.host.enter(command, "/"));
    if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  }

  options(options: RunOptions = {}): RunOptions {
    const environment = { BUNKER_WAY_OUT: this.#way, ...options.environment };
    return { ...options, environment, launcher: this.world.launcher(this.stage.env) };
  }

  run(args: string[], options: RunOptions = {}): Promise<CommandResult> {
    return this.stage.env.run(this.words(args), this.options(options));
  }

  ok(args: string[], options: RunOptions = {}): Promise<string> {
    return this.stage.env.ok(this.words(args), this.options(options));
  }

  /** A command, with what chooses the network where it makes a container. */
  words([verb = "", ...rest]: string[]): string[] {
    return /^(?:run|create)$/.test(verb) ? [verb, ...this.#flags, ...rest] : [verb, ...rest];
  }

  /** What a script in a container prints. */
  async script(script: string, ...flags: string[]): Promise<string> {
    const { stdout, stderr } = await this.run(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);
    return stderr === "" ? stdout.trimEnd() : `${stdout}${stderr}`;
  }
}
