// What an end-to-end test stands on: the built program, run by an ordinary user on a host of its own (private-host.ts),
// with a fresh home, data home and runtime directory.
//
//   await using env = await TestEnv.create();
//   const { code, stdout, stderr } = await env.run(["ps", "-a"]);
//   const id = await env.ok(["run", "-d", image, "sleep", "60"]);     // exit code 0, output without its last newline
//   await env.fails(["run", image, "/nowhere"], 127);                 // that exit code; returns stderr
//   const running = env.start(["logs", "-f", id]); await running.waitFor(/ready/); running.kill();
//   const session = env.terminal(["run", "-it", image, "sh"]); session.type("exit 3\n"); await session.exited();
//
// Everything started is ended, by cgroup, when the environment is closed. Needs root and the built program.

import { chownSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

import { type CommandResult, Running, type SpawnOptions, TerminalSession } from "./command.ts";
import { PrivateHost } from "./private-host.ts";
import { type TestUser, testUser, type UserKind } from "./user.ts";

const PROGRAM = resolve(import.meta.dir, "../../dist/bunker");
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const RUN_TIMEOUT_MS = 60_000;
const PRIVATE = 0o700;

export interface EnvOptions {
  /** `plain`: without subordinate ids. */
  user?: UserKind;
  /** false: no XDG_RUNTIME_DIR. */
  runtimeDirectory?: boolean;
  /** Set for every command; undefined unsets. */
  environment?: Record<string, string | undefined>;
  program?: string;
  /** Another distribution's root file system to stand on. */
  root?: string;
}

export interface RunOptions {
  stdin?: SpawnOptions["stdin"];
  interactive?: boolean;
  timeoutMs?: number;
  /** Added to the environment's; undefined unsets. */
  environment?: Record<string, string | undefined>;
  cwd?: string;
  /** Words before the program, run as root: `strace -u USER …`. The program then must become the user by them. */
  launcher?: string[];
}

export class TestEnv {
  readonly user: TestUser;
  readonly host: PrivateHost;
  readonly home: string;
  /** Where the engine keeps its data. */
  readonly dataHome: string;
  /** null: none was given. */
  readonly runtimeDirectory: string | null;
  /** What the engine sees as /tmp, and nobody else uses. */
  readonly temporaryDirectory: string;
  readonly #environment: Record<string, string | undefined>;

  private constructor(host: PrivateHost, user: TestUser, options: EnvOptions) {
    this.host = host;
    this.user = user;
    this.home = this.makeDirectory("home");
    this.temporaryDirectory = join(host.base, "tmp");
    this.runtimeDirectory = options.runtimeDirectory === false ? null : this.makeDirectory("run");
    this.dataHome = join(this.home, ".local/share/bunker");
    this.#environment = {
      PATH,
      HOME: this.home,
      USER: user.name,
      LOGNAME: user.name,
      LANG: "C.UTF-8",
      XDG_RUNTIME_DIR: this.runtimeDirectory ?? undefined,
      ...options.environment,
    };
  }

  static async create(options: EnvOptions = {}): Promise<TestEnv> {
    const user = testUser(options.user ?? "subids");
    return new TestEnv(await PrivateHost.start(user, options.program ?? PROGRAM, options.root ?? null), user, options);
  }

  /** A 0700 directory of the user's below this environment. */
  makeDirectory(name: string): string {
    const path = join(this.host.base, name);
    mkdirSync(path, { mode: PRIVATE });
    chownSync(path, this.user.uid, this.user.gid);
    return path;
  }

  /** argv that runs any program as the user in here. */
  command(program: string[], options: RunOptions = {}): string[] {
    const entries = Object.entries({ ...this.#environment, ...options.environment });
    const set = entries.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
    const { uid, gid } = this.user;
    const asUser = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--inh-caps=-all"];
    return this.host.enter(
      ["env", "-i", ...set, ...(options.launcher ?? asUser), ...program],
      options.cwd ?? this.home,
    );
  }

  /** The program under test. */
  get program(): string {
    return join(this.host.base, "bunker");
  }

  async run(args: string[], options: RunOptions = {}): Promise<CommandResult> {
    return this.start(args, options).result();
  }

  /** @throws with all output unless it exits with 0 */
  async ok(args: string[], options: RunOptions = {}): Promise<string> {
    const result = await this.run(args, options);
    if (result.code !== 0) throw new Error(`bunker ${args.join(" ")}: ${describeEnd(result)}`);
    return result.stdout.replace(/\n$/, "");
  }

  /** @throws with all output unless it exits with `code` */
  async fails(args: string[], code: number, options: RunOptions = {}): Promise<string> {
    const result = await this.run(args, options);
    if (result.code !== code)
      throw new Error(`bunker ${args.join(" ")}: expected exit code ${code}: ${describeEnd(result)}`);
    return result.stderr;
  }

  start(args: string[], options: RunOptions = {}): Running {
    return this.startOther([this.program, ...args], options);
  }

  /** Any program as the user, in the same place. */
  startOther(program: string[], options: RunOptions = {}): Running {
    return new Running(this.command(program, options), program.join(" "), { timeoutMs: RUN_TIMEOUT_MS, ...options });
  }

  terminal(args: string[], options: RunOptions & { columns?: number; rows?: number } = {}): TerminalSession {
    const { columns = 80, rows = 24, timeoutMs = RUN_TIMEOUT_MS } = options;
    const environment = { TERM: "xterm", ...options.environment };
    const argv = this.command([this.program, ...args], { ...options, environment });
    return new TerminalSession(argv, `bunker ${args.join(" ")}`, { columns, rows, timeoutMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.close();
  }
}

function describeEnd({ code, signal, stdout, stderr }: CommandResult): string {
  return `${signal ?? `exit code ${code}`}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`;
}
