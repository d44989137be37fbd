// One operation's directory below `staging/`, owned by a lock that dies with its owner: whoever finds the lock free sweeps it.

import { mkdirSync, writeFileSync } from "node:fs";
import hyperid from "hyperid";
import { BunkerError } from "../errors.ts";
import { log } from "../log.ts";
import { Trash } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { HeldLock } from "./held-lock.ts";
import { emptyTrash } from "./worker.ts";

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
const TRIES = 20;

export class Staging {
  readonly directory: string;
  readonly #engine: Engine;
  readonly #lock: HeldLock;
  #open = true;

  constructor(engine: Engine) {
    const { layout } = engine.store;
    this.#engine = engine;
    const { directory, lock } = take(() => layout.staging(hyperid({ urlSafe: true, fixedLength: true })()));
    this.directory = directory;
    this.#lock = lock;
    try {
      mkdirSync(this.directory, { mode: PRIVATE_DIRECTORY });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** A file of ours in there. @returns its path */
  write(name: string, bytes: Uint8Array): string {
    const path = `${this.directory}/${name}`;
    writeFileSync(path, bytes, { mode: PRIVATE_FILE });
    return path;
  }

  /** What is still in there goes to the trash, and that is emptied. What goes wrong with it is for the next one to sweep. */
  release(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      const trash = new Trash(this.#engine.store.layout);
      trash.add(this.directory);
      emptyTrash(this.#engine, trash);
    } catch (error) {
      log.debug(`tidying "${this.directory}": ${String(error)}`);
    } finally {
      this.#lock.release();
    }
  }
}

/** Somebody who sweeps may have the lock of a new one first, and takes it for a dead one's: then it is another one's turn. */
function take(draw: () => string): { directory: string; lock: HeldLock } {
  for (let attempt = 1; ; attempt++) {
    const directory = draw();
    const lock = HeldLock.tryToTake(`${directory}.lock`);
    if (lock !== null) return { directory, lock };
    if (attempt === TRIES) throw new BunkerError("system", `staging "${directory}" is taken`);
  }
}
