// podman's `wait --condition`: until a container is in one of several states. Ends are told by the keeper; other states nobody
// announces, and they are looked for.

import { BunkerError } from "../errors.ts";
import { type ContainerRecord, noSuchContainer } from "../store/index.ts";
import { keeperOf } from "./adopt.ts";
import type { KeeperChannel, KeeperEvent } from "./channel.ts";
import type { Engine } from "./engine.ts";
import { type ContainerView, viewContainer, viewRecord } from "./view.ts";

/** `gone`: removed. */
export type AwaitedState = "created" | "running" | "paused" | "exited" | "gone";

/** podman: what there is instead of an exit code when something else than an end was waited for. */
export const NO_EXIT_CODE = -1;

/** @returns the exit code where the container has ended and that was asked for. @throws BunkerError not-found */
export async function waitForState(
  engine: Engine,
  name: string,
  options: { states: ReadonlySet<AwaitedState>; interval: number },
): Promise<number> {
  const { record } = viewContainer(engine, name);
  const { states, interval } = options;
  // Kept from look to look: the end of one that removes itself would be missed between two.
  using watch = new Watch(engine);
  for (;;) {
    const view = viewAgain(engine, record);
    if (view === null && states.has("gone")) return NO_EXIT_CODE;
    if (view === null) throw noSuchContainer(name);
    const state = view.paused ? "paused" : view.status;
    if (states.has(state)) return state === "exited" ? view.exitCode : NO_EXIT_CODE;
    const end = await watch.within(view, interval);
    if (end?.kind === "exited" && states.has("exited")) return end.code;
  }
}

function viewAgain(engine: Engine, { id }: ContainerRecord): ContainerView | null {
  const record = engine.store.containers.find(id);
  return record === null ? null : viewRecord(engine, record);
}

const LATE = { kind: "late" } as const;

/** A connection to the container's keeper, when there is one. */
class Watch {
  readonly #engine: Engine;
  #channel: KeeperChannel | null = null;
  #end: Promise<KeeperEvent | null> | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** @returns what the keeper told until then; `null`: nothing */
  async within(view: ContainerView, milliseconds: number): Promise<KeeperEvent | null> {
    this.#end ??= this.#connect(view);
    const nothing = Bun.sleep(milliseconds).then(() => null);
    if (this.#end === null) return nothing;
    const event = await Promise.race([this.#end, nothing.then(() => LATE)]);
    if (event?.kind === "late") return null;
    // An end, or a keeper that went without a word: another one may come.
    this.#close();
    return event;
  }

  /** The next event; `null`: nobody is there to tell it. */
  #connect(view: ContainerView): Promise<KeeperEvent | null> | null {
    this.#channel = keeperOf(this.#engine, view);
    try {
      this.#channel?.send("wait");
      return this.#channel?.event() ?? null;
    } catch (error) {
      if (!(error instanceof BunkerError) || error.code !== "not-running") throw error;
      this.#close();
      return null;
    }
  }

  #close(): void {
    this.#channel?.close();
    this.#channel = null;
    this.#end = null;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}
