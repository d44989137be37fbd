// A lock file that goes with its lock. Held by an open descriptor: a dead process holds none.

import { rmSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { log } from "../log.ts";
import { acquireLock, closeFd, waitLock } from "../native/index.ts";

export class HeldLock {
  readonly #path: string;
  readonly #fd: number;
  #held = true;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /** `null`: somebody holds it. */
  static tryToTake(path: string): HeldLock | null {
    const fd = acquireLock(path);
    return fd === null ? null : new HeldLock(path, fd);
  }

  /** Waits for its holder to let go or die. @throws BunkerError cancelled, once the signal says so */
  static async take(path: string, signal: AbortSignal): Promise<HeldLock> {
    const free = HeldLock.tryToTake(path);
    if (free !== null) return free;
    const coming = waitLock(path).then((fd) => new HeldLock(path, fd));
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => {
      // The waiting itself cannot be ended.
      coming.then(
        (lock) => lock.release(),
        () => undefined,
      );
      reject(new BunkerError("cancelled", "waiting for another download was cancelled"));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([coming, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    try {
      // Removed while it is held: whoever waits for it looks again whether the name still leads to what it locked.
      rmSync(this.#path, { force: true });
    } catch (error) {
      // A file that nobody locks is nobody's lock.
      log.debug(`removing "${this.#path}": ${String(error)}`);
    }
    closeFd(this.#fd);
  }
}
