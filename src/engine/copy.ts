// docker cp: one worker packs what is at a path, another one extracts it, each locked in with its own side alone. Both say first
// what they found; docker's rules say then what goes where.

import { BunkerError, wrapError } from "../errors.ts";
import { makePipe } from "../native/index.ts";
import { type CopyPath, type DestinationKind, type Placing, planCopy, type SourceKind } from "../volume/index.ts";
import { type CopySide, type FileSide, Held, sideFor, type SideWord } from "./copy-side.ts";
import type { Engine } from "./engine.ts";
import { Dialogue } from "./worker.ts";

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
    if (from.kind === "container" && to.kind === "container" && isSame(engine, from, to)) {
      return await copyWithin(engine, from, to, { held, options });
    }
    const [reading, writing] = pipeFor(from, to, held);
    const source = from.kind === "stream" ? null : await openSource(engine, from, { held, options, output: writing });
    const target = to.kind === "stream" ? null : await openTarget(engine, to, { held, input: reading });
    // The workers have theirs: when one goes, the other one must see the end.
    held.closeDescriptors();
    const found = await look(source, target);
    if (from.kind === "stream") return await receiveArchive(to, target, { found, options });
    ensureCopied(from, found);
    if (to.kind === "stream") {
      const name = from.at.contents ? "" : from.at.name;
      source?.order({ name, asRoot: false });
      return await outcome(source, null);
    }
    const placing = plan(from, to, found);
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

type ContainerSide = Extract<CopySide, { kind: "container" }>;

function isSame(engine: Engine, from: ContainerSide, to: ContainerSide): boolean {
  const { containers } = engine.store;
  return from.name === to.name || containers.resolve(from.name).id === containers.resolve(to.name).id;
}

/** One worker does both: a root that rests can be mounted once only, and who sees both ends sees where one is in the other. */
async function copyWithin(
  engine: Engine,
  from: ContainerSide,
  to: ContainerSide,
  { held, options }: { held: Held; options: CopyOptions },
): Promise<Copied> {
  const follow = options.followLink || from.at.assertsDirectory;
  const paths = { from: from.at.path, to: to.at.path, follow };
  const job = { op: "copyWithin" as const, ...(await sideFor(engine, from, held)), ...paths };
  const worker = held.dialogue(new Dialogue(engine, job, []));
  const found = (await worker.answer()) as unknown as Found;
  ensureCopied(from, found);
  const source = { name: "", asRoot: !options.archive };
  const destination = { ...plan(from, to, found), ...orderFor(to, options), follow: false };
  worker.order({ source, destination });
  const { packed, extracted } = (await worker.answer()) as Record<string, Record<string, unknown>>;
  return counted([packed, extracted]);
}

function ensureCopied(from: FileSide, found: Found): void {
  if (found.source === null) throw missing(from);
  if (found.source === "other") throw new BunkerError("bad-path", `"${from.at.path}" is a device or a socket`);
}

function plan(from: FileSide, to: FileSide, found: Found): Placing {
  const sides = { source: from.at, sourceKind: found.source ?? "other", destination: to.at };
  return planCopy({ ...sides, destinationKind: found.destination ?? "noParent" });
}

/** Where the extracting side reads, and where the packing one writes. */
function pipeFor(from: CopySide, to: CopySide, held: Held): [reading: number, writing: number] {
  if (from.kind === "stream") return [from.fd, -1];
  if (to.kind === "stream") return [-1, to.fd];
  const [reading, writing] = makePipe();
  return [held.descriptor(reading), held.descriptor(writing)];
}

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
  return counted([packed.status === "fulfilled" ? packed.value : undefined, extracted.value]);
}

function counted(results: (Record<string, unknown> | undefined)[]): Copied {
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
