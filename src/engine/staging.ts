// One operation's directory below `staging/`, owned by a lock that dies with its owner: whoever finds the lock free sweeps it.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import hyperid from "hyperid";
import { BunkerError } from "../errors.ts";
import { acquireLock, closeFd } from "../native/index.ts";
import { Trash } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { emptyTrash } from "./worker.ts";

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;

export class Staging {
  readonly directory: string;
  readonly #engine: Engine;
  readonly #lock: number;
  #open = true;

  constructor(engine: Engine) {
    const { layout } = engine.store;
    this.#engine = engine;
    this.directory = layout.staging(hyperid({ urlSafe: true, fixedLength: true })());
    const lock = acquireLock(`${this.directory}.lock`);
    if (lock === null) throw new BunkerError("system", `staging "${this.directory}" is taken`);
    this.#lock = lock;
    try {
      mkdirSync(this.directory, { mode: PRIVATE_DIRECTORY });
    } catch (error) {
      this.#letGo();
      throw error;
    }
  }

  /** A file of ours in there. @returns its path */
  write(name: string, bytes: Uint8Array): string {
    const path = `${this.directory}/${name}`;
    writeFileSync(path, bytes, { mode: PRIVATE_FILE });
    return path;
  }

  /** What is still in there goes to the trash, and that is emptied. */
  release(): void {
    if (!this.#open) return;
    this.#open = false;
    const trash = new Trash(this.#engine.store.layout);
    trash.add(this.directory);
    this.#letGo();
    emptyTrash(this.#engine, trash);
  }

  #letGo(): void {
    rmSync(`${this.directory}.lock`, { force: true });
    closeFd(this.#lock);
  }
}
