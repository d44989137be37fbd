// Starts and ends the namespace of private-host.sh. Knows nothing of the engine.

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { TestUser } from "./user.ts";

const SCRIPT = join(import.meta.dir, "private-host.sh");
const START_TIMEOUT_MS = 10_000;
const END_TIMEOUT_MS = 20_000;
const POLL_MS = 2;

/** Not below /tmp, which is empty in there. On a disk: what is tested are layers and overlays. */
const PARENT = process.env["BUNKER_TEST_DIR"] ?? "/var/tmp";

let counter = 0;

/** Short: socket paths below it end at 108 bytes. */
function newBase(): string {
  counter += 1;
  return join(PARENT, `bt${process.pid.toString(36)}-${counter.toString(36)}`);
}

export class PrivateHost {
  readonly base: string;
  /** The process that keeps the namespace. */
  readonly pid: number;
  /** The delegated subtree as seen inside, or null where the kernel gives none. */
  readonly group: string | null;
  readonly #alive: number;
  #closed = false;

  private constructor(base: string, alive: number, ready: string) {
    const [pid, group] = ready.trim().split(" ");
    this.base = base;
    this.#alive = alive;
    this.pid = Number(pid);
    this.group = group === undefined || group === "" ? null : group;
  }

  /** `root`: another distribution's root file system to stand on. */
  static async start(user: TestUser, program: string, root: string | null = null): Promise<PrivateHost> {
    const base = newBase();
    mkdirSync(join(base, "dev"), { recursive: true });
    run(["mkfifo", join(base, "alive")]);
    // Open for both, so that neither end waits for the other; closing it, or our death, ends the host.
    const alive = openSync(join(base, "alive"), "r+");
    // A child that left: Bun kills the children of a test that takes too long, and this one has to tidy up after it.
    const command = ["setsid", "--fork", "unshare", "--mount", "--propagation", "private", "sh", SCRIPT];
    const words = [base, program, String(user.uid), String(user.gid), ...(root === null ? [] : [root])];
    const child = Bun.spawn([...command, ...words], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(base, "errors")),
    });
    await child.exited;
    const ready = join(base, "ready");
    if (!(await until(() => existsSync(ready), START_TIMEOUT_MS))) {
      const errors = readFileSync(join(base, "errors"), "utf8");
      closeSync(alive);
      rmSync(base, { recursive: true, force: true });
      throw new Error(`the test's mount namespace did not come up: ${errors}`);
    }
    return new PrivateHost(base, alive, readFileSync(ready, "utf8"));
  }

  /** A path as the engine sees it, for us. */
  view(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  /** argv that runs `command` in here and in the delegated cgroup, still as root; no process stays in between. */
  enter(command: string[], directory: string): string[] {
    const prepare = 'if [ -n "$1" ]; then echo 0 > "$1/session/cgroup.procs"; fi; cd "$2"; shift 2; exec "$@"';
    return [
      "nsenter",
      `--mount=/proc/${this.pid}/ns/mnt`,
      "sh",
      "-ec",
      prepare,
      "sh",
      this.group ?? "",
      directory,
      ...command,
    ];
  }

  /** Of what a test mounted in here, once those are gone who are on their way out of it. */
  async unmount(place: string): Promise<void> {
    const command = this.enter(["umount", place], "/");
    const gone = await until(() => Bun.spawnSync(command).exitCode === 0, END_TIMEOUT_MS);
    if (!gone) throw new Error(`${place} stays mounted`);
  }

  /** Kills what is left in the subtree and removes everything below `base`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#alive);
    // Its last act. The process itself may stay a zombie for as long as the machine's init likes.
    const gone = await until(() => !existsSync(this.base), END_TIMEOUT_MS);
    if (!gone) throw new Error(`tidying up after a test failed: ${this.base} is still there`);
  }
}

function run(command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

/** Whether `condition` came true in time. */
export async function until(condition: () => boolean, timeoutMs: number, pollMs = POLL_MS): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await Bun.sleep(pollMs);
  }
  return true;
}
