// The two sides of a copy, and what is held while it lasts: a container that rests is locked, and its root is mounted for the worker.

import type { SandboxSpec } from "../container/index.ts";
import { closeFd } from "../native/index.ts";
import type { ContainerRecord } from "../store/index.ts";
import type { CopyPath } from "../volume/index.ts";
import { clearRuntime, lockContainer, untilFree } from "./container-lock.ts";
import { makeContainerTree } from "./create.ts";
import type { Engine } from "./engine.ts";
import { type LayerClass, layerClass, specOf } from "./spec.ts";
import { prepareRoot } from "./storage.ts";
import { readKeeperState, viewContainer } from "./view.ts";
import type { Dialogue } from "./worker.ts";

/** The kernel's own, which are there only while a container runs. */
const KERNEL_PLACES = /^\/(?:proc|sys|dev)(?:\/|$)/;

/** One side of a copy. */
export type CopySide =
  | { kind: "host"; at: CopyPath }
  | { kind: "container"; name: string; at: CopyPath }
  /** An archive, on a descriptor of ours. */
  | { kind: "stream"; fd: number };

export type FileSide = Exclude<CopySide, { kind: "stream" }>;

/** What must be given back, whatever happens. */
export class Held {
  readonly #engine: Engine;
  readonly #descriptors: number[] = [];
  /** Of containers that rest, by id. */
  readonly #locks = new Map<string, number>();
  readonly #dialogues: Dialogue[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  descriptor(fd: number): number {
    this.#descriptors.push(fd);
    return fd;
  }

  lock(id: string, fd: number): void {
    this.#locks.set(id, fd);
  }

  /** It was not at rest after all: what lies there is somebody else's to look at. */
  unlock(id: string): void {
    const fd = this.#locks.get(id);
    this.#locks.delete(id);
    if (fd !== undefined) closeFd(fd);
  }

  dialogue(dialogue: Dialogue): Dialogue {
    this.#dialogues.push(dialogue);
    return dialogue;
  }

  closeDescriptors(): void {
    for (const fd of this.#descriptors.splice(0)) closeFd(fd);
  }

  [Symbol.dispose](): void {
    for (const dialogue of this.#dialogues) dialogue.close();
    this.closeDescriptors();
    for (const id of this.#locks.keys()) {
      clearRuntime(this.#engine, id);
      this.unlock(id);
    }
  }
}

export type SideWord =
  | { kind: "host" }
  | { kind: "running"; pid: number; startTime: number; bare?: boolean }
  | { kind: "resting"; spec: SandboxSpec };

export interface Side {
  side: SideWord;
  /** Whose ids are meant, where it is not clear from who runs there. */
  within?: LayerClass;
  beside?: LayerClass;
}

/** What the worker is told about its side. A container that rests is locked: nobody may start it while its root is mounted elsewhere. */
export async function sideFor(engine: Engine, side: FileSide, held: Held): Promise<Side> {
  if (side.kind === "host") return { side: { kind: "host" } };
  return untilFree(side.name, async () => {
    const view = viewContainer(engine, side.name);
    const { id } = view.record;
    if (view.status === "running") {
      const state = readKeeperState(engine.store.layout.runtime(id));
      const beside = layerClass(engine, view.record.config.request.userns);
      if (state !== null) return { side: { kind: "running", pid: state.pid, startTime: state.startTime }, beside };
    }
    const lock = view.status === "running" ? null : lockContainer(engine, id);
    if (lock !== null) {
      held.lock(id, lock);
      const record = engine.store.containers.find(id);
      if (record?.state === "created" || record?.state === "ended") return await restingSide(engine, record);
      held.unlock(id);
    }
    return null;
  });
}

/** As at its next start. */
async function restingSide(engine: Engine, record: ContainerRecord): Promise<Side> {
  makeContainerTree(engine, record);
  await prepareRoot(engine, record);
  const next = { ...record, generation: record.generation + 1 };
  const spec = specOf(engine, next, { network: { kind: "none" }, rows: 0, columns: 0 });
  const side = { kind: "resting" as const, spec: { ...spec, mounts: spec.mounts.filter(isKept) } };
  return { side, within: layerClass(engine, record.config.request.userns) };
}

/** What is in a tmpfs ends with the container, and a device has no content to copy. */
function isKept({ kind, target }: SandboxSpec["mounts"][number]): boolean {
  return kind !== "tmpfs" && kind !== "device" && !KERNEL_PLACES.test(target);
}
