// docker cp: one worker packs what is at a path, another one extracts it, each locked in with its own side alone. Both say first
// what they found; docker's rules say then what goes where.

import type { SandboxSpec } from "../container/index.ts";
import { BunkerError, wrapError } from "../errors.ts";
import { closeFd, makePipe } from "../native/index.ts";
import { type CopyPath, type DestinationKind, planCopy, type SourceKind } from "../volume/index.ts";
import type { ContainerRecord, LayerMap } from "../store/index.ts";
import { clearRuntime, lockContainer, untilFree } from "./container-lock.ts";
import { makeContainerTree } from "./create.ts";
import type { Engine } from "./engine.ts";
import { layerMap, specOf } from "./spec.ts";
import { prepareRoot } from "./storage.ts";
import { readKeeperState, viewContainer } from "./view.ts";
import { Dialogue } from "./worker.ts";

/** The kernel's own, which are there only while a container runs. */
const KERNEL_PLACES = /^\/(?:proc|sys|dev)(?:\/|$)/;

/** One side of a copy. */
export type CopySide =
  | { kind: "host"; at: CopyPath }
  | { kind: "container"; name: string; at: CopyPath }
  /** An archive, on a descriptor of ours. */
  | { kind: "stream"; fd: number };

export interface CopyOptions {
  /** Owners are kept; else copies are root's in a container, and the user's own on the host. */
  archive: boolean;
  /** A link that is named is followed. */
  followLink: boolean;
  /** Directories and files may take each other's place. */
  overwrite: boolean;
}

export interface Copied {
  /** Of the archive, or of the files in it. */
  bytes: number;
  /** Devices, sockets and the kernel's files. */
  leftOut: number;
}

/** @throws BunkerError in docker's words */
export async function copyFiles(engine: Engine, from: CopySide, to: CopySide, options: CopyOptions): Promise<Copied> {
  using held = new Held(engine);
  try {
    const [reading, writing] = pipeFor(from, to, held);
    const source = from.kind === "stream" ? null : await openSource(engine, from, { held, options, output: writing });
    const target = to.kind === "stream" ? null : await openTarget(engine, to, { held, input: reading });
    // The workers have theirs: when one goes, the other one must see the end.
    held.closeDescriptors();
    const found = await look(source, target);
    if (from.kind === "stream") return await receiveArchive(to, target, { found, options });
    if (found.source === null) throw missing(from);
    if (found.source === "other") throw new BunkerError("bad-path", `"${from.at.path}" is a device or a socket`);
    if (to.kind === "stream") {
      const name = from.at.contents ? "" : from.at.name;
      source?.order({ name, asRoot: false });
      return await outcome(source, null);
    }
    const sides = { source: from.at, sourceKind: found.source, destination: to.at };
    const placing = planCopy({ ...sides, destinationKind: found.destination ?? "noParent" });
    source?.order({ name: "", asRoot: to.kind === "container" && !options.archive });
    target?.order({ ...placing, ...orderFor(to, options), follow: false });
    return await outcome(source, target);
  } catch (error) {
    throw wrapError(`copying ${describe(from)} to ${describe(to)}`, error);
  }
}

const ROOT: CopyPath = { path: "/", name: "", contents: true, assertsDirectory: true };

/** docker export: the container's own tree as an archive, without what is mounted into it. */
export async function exportContainer(engine: Engine, name: string, fd: number): Promise<Copied> {
  using held = new Held(engine);
  try {
    const { side, ...ids } = await sideFor(engine, { kind: "container", name, at: ROOT }, held);
    const job = { op: "copyOut" as const, side: bareSide(side), ...ids, path: ROOT.path, follow: false };
    const source = held.dialogue(new Dialogue(engine, job, [fd]));
    await source.answer();
    source.order({ name: "", asRoot: false });
    return await outcome(source, null);
  } catch (error) {
    throw wrapError(`exporting container "${name}"`, error);
  }
}

function bareSide(side: SideWord): SideWord {
  if (side.kind === "resting") return { ...side, spec: { ...side.spec, mounts: [], files: [] } };
  return side.kind === "running" ? { ...side, bare: true } : side;
}

/** What must be given back, whatever happens. */
class Held {
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

  isLocked(id: string): boolean {
    return this.#locks.has(id);
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

/** Where the extracting side reads, and where the packing one writes. */
function pipeFor(from: CopySide, to: CopySide, held: Held): [reading: number, writing: number] {
  if (from.kind === "stream") return [from.fd, -1];
  if (to.kind === "stream") return [-1, to.fd];
  const [reading, writing] = makePipe();
  return [held.descriptor(reading), held.descriptor(writing)];
}

type FileSide = Exclude<CopySide, { kind: "stream" }>;

async function openSource(
  engine: Engine,
  side: FileSide,
  { held, options, output }: { held: Held; options: CopyOptions; output: number },
): Promise<Dialogue> {
  const { path, assertsDirectory } = side.at;
  const follow = options.followLink || assertsDirectory;
  const job = { op: "copyOut" as const, ...(await sideFor(engine, side, held)), path, follow };
  return held.dialogue(new Dialogue(engine, job, [output]));
}

async function openTarget(
  engine: Engine,
  side: FileSide,
  { held, input }: { held: Held; input: number },
): Promise<Dialogue> {
  const job = { op: "copyIn" as const, ...(await sideFor(engine, side, held)), path: side.at.path };
  return held.dialogue(new Dialogue(engine, job, [input]));
}

type SideWord =
  | { kind: "host" }
  | { kind: "running"; pid: number; startTime: number; bare?: boolean }
  | { kind: "resting"; spec: SandboxSpec };

interface Side {
  side: SideWord;
  /** Whose ids are meant, where it is not clear from who runs there. */
  map?: LayerMap;
  beside?: LayerMap;
}

/** What the worker is told about its side. A container that rests is locked: nobody may start it while its root is mounted elsewhere. */
async function sideFor(engine: Engine, side: FileSide, held: Held): Promise<Side> {
  if (side.kind === "host") return { side: { kind: "host" } };
  return untilFree(side.name, async () => {
    const view = viewContainer(engine, side.name);
    const { id, name } = view.record;
    if (view.status === "running") {
      const state = readKeeperState(engine.store.layout.runtime(id));
      const beside = layerMap(engine, view.record.config.request.userns);
      if (state !== null) return { side: { kind: "running", pid: state.pid, startTime: state.startTime }, beside };
    }
    if (held.isLocked(id)) {
      throw new BunkerError("unsupported", `container "${name}" does not run: nothing is copied within it`, {
        hint: `\`bunker start ${name}\` starts it; or copy to the host first.`,
      });
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
  return { side, map: layerMap(engine, record.config.request.userns) };
}

/** What is in a tmpfs ends with the container, and a device has no content to copy. */
function isKept({ kind, target }: SandboxSpec["mounts"][number]): boolean {
  return kind !== "tmpfs" && kind !== "device" && !KERNEL_PLACES.test(target);
}

interface Found {
  source: SourceKind | null;
  destination: DestinationKind | null;
}

async function look(source: Dialogue | null, target: Dialogue | null): Promise<Found> {
  const [packer, extractor] = await Promise.all([source?.answer(), target?.answer()]);
  return {
    source: (packer?.["found"] ?? null) as SourceKind | null,
    destination: (extractor?.["found"] ?? null) as DestinationKind | null,
  };
}

/** docker cp - CONTAINER:PATH. The archive's owners stay, as docker has it. */
function receiveArchive(
  to: CopySide,
  target: Dialogue | null,
  { found, options }: { found: Found; options: CopyOptions },
): Promise<Copied> {
  if (found.destination !== "directory") {
    throw new BunkerError("bad-path", `destination ${describe(to)} must be a directory`);
  }
  target?.order({ placing: "contents", name: "", ...orderFor(to, options), follow: true });
  return outcome(null, target);
}

function orderFor(to: CopySide, { archive, overwrite }: CopyOptions): object {
  return { keepOwners: archive || to.kind === "container", overwrite };
}

/** Both ends' last words. A packer that could not write says so; why is the other one's to say. */
async function outcome(source: Dialogue | null, target: Dialogue | null): Promise<Copied> {
  const [packed, extracted] = await Promise.allSettled([source?.answer(), target?.answer()]);
  if (packed.status === "rejected" && !(extracted.status === "rejected" && isBrokenPipe(packed.reason))) {
    throw packed.reason;
  }
  if (extracted.status === "rejected") throw extracted.reason;
  // One of the two may not be ours.
  const results = [packed.status === "fulfilled" ? packed.value : undefined, extracted.value];
  const counts = (key: string): number[] => results.map((result) => Number(result?.[key] ?? 0));
  return { bytes: Math.max(...counts("bytes")), leftOut: counts("leftOut").reduce((sum, count) => sum + count, 0) };
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof BunkerError && error.message.includes("nobody reads it");
}

function missing(side: FileSide): BunkerError {
  const { path } = side.at;
  if (side.kind === "host") return new BunkerError("not-found", `lstat ${path}: no such file or directory`);
  return new BunkerError("not-found", `Could not find the file ${path} in container ${side.name}`);
}

function describe(side: CopySide): string {
  if (side.kind === "stream") return "an archive";
  return side.kind === "host" ? `"${side.at.path}"` : `"${side.name}:${side.at.path}"`;
}
