// The work of the storage drivers: finding out which of them this host has, and copying layers where no overlay is to be had.

import { existsSync, mkdirSync, renameSync } from "node:fs";
import { imagePlace } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { log } from "../log.ts";
import { makeTree, syncFilesystem } from "../native/index.ts";
import { type ContainerRecord, Trash } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { HeldLock } from "./held-lock.ts";
import { findProgram, readText } from "./host.ts";
import { copiedPlace, FUSE_PROGRAM, imageDirectories, lowerDirectories, rootOf } from "./spec.ts";
import { Staging } from "./staging.ts";
import { emptyTrash, startJob } from "./worker.ts";

const READABLE = 0o755;
const PRIVATE = 0o700;
const PRIVATE_FILE = 0o600;

/**
 * Tries what can be mounted where containers lie, unless that was done before. `again`: also if it came to copies, since somebody may
 * have mended the host. Should the try itself fail, the next one will do.
 */
export async function findOutStorage(engine: Engine, again = false): Promise<void> {
  const finding = engine.store.layout.storageFinding();
  const isDone = (): boolean => existsSync(finding) && !(again && readText(finding).startsWith("copy"));
  if (isDone()) return;
  try {
    const lock = await HeldLock.take(`${finding}.lock`, new AbortController().signal);
    try {
      if (!isDone()) await tryDrivers(engine);
    } finally {
      lock.release();
    }
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
    log.debug(`trying overlay: ${error.message}`);
  }
}

async function tryDrivers(engine: Engine): Promise<void> {
  const { layout } = engine.store;
  for (const folder of ["staging", "trash"]) {
    mkdirSync(`${layout.dataHome}/${folder}`, { recursive: true, mode: PRIVATE });
  }
  const content = await findDriver(engine);
  makeTree(layout.dataHome, [{ path: "storage", mode: PRIVATE_FILE, content: `${content}\n` }]);
}

/** As it is written down: the driver, and why not the one before it. */
async function findDriver(engine: Engine): Promise<string> {
  const refused = await tryMounting(engine, null);
  if (refused === null) return "overlay";
  const program = findProgram(FUSE_PROGRAM);
  if (program === null) return `copy: ${refused}; ${FUSE_PROGRAM} is not installed`;
  const refusedToo = await tryMounting(engine, program);
  return refusedToo === null ? `${FUSE_PROGRAM}: ${refused}` : `copy: ${refused}; ${refusedToo}`;
}

/** Why not; `null`: it was mounted. */
async function tryMounting(engine: Engine, program: string | null): Promise<string | null> {
  const staging = new Staging(engine);
  try {
    const job = { op: "tryOverlay" as const, directory: staging.directory, program };
    const { refused } = await startJob(engine, job).result;
    return typeof refused === "string" ? refused : null;
  } finally {
    staging.release();
  }
}

/** Says that fuse-overlayfs leaves its marks in what the container writes. @throws BunkerError host-refused where there is none */
export function markRoot(engine: Engine, id: string): void {
  if (findProgram(FUSE_PROGRAM) === null) {
    throw new BunkerError("host-refused", `${FUSE_PROGRAM} is not installed, which shows the container's files`, {
      hint: `Install the package ${FUSE_PROGRAM}, or set BUNKER_STORAGE_DRIVER=copy: the container becomes a copy.`,
    });
  }
  const path = `containers/${id}/${FUSE_PROGRAM}`;
  makeTree(engine.store.layout.dataHome, [{ path, mode: PRIVATE_FILE, content: "" }]);
}

/** Copies a container's layers, and what it has written over them, into a root of its own. */
export async function copyRoot(engine: Engine, record: ContainerRecord): Promise<void> {
  const lower = lowerDirectories(engine, record);
  await copyLayers(engine, engine.store.layout.container(record.id), {
    lower,
    marked: rootOf(engine, record).driver === FUSE_PROGRAM,
  });
}

/** The same for the images that are mounted in it. */
export async function copyImages(engine: Engine, record: ContainerRecord): Promise<void> {
  for (const [index, lower] of imageDirectories(engine, record).entries()) {
    const directory = `${engine.store.layout.container(record.id)}/${imagePlace(index)}`;
    if (copiedPlace(directory) === null) await copyLayers(engine, directory, { lower, marked: false });
  }
}

/** `lower`: topmost first; `marked`: what lies in `upper` over them has fuse-overlayfs' marks. */
async function copyLayers(
  engine: Engine,
  directory: string,
  { lower, marked }: { lower: string[]; marked: boolean },
): Promise<void> {
  const part = `${directory}/root.part`;
  if (existsSync(part)) {
    // Somebody died over it.
    const trash = new Trash(engine.store.layout);
    trash.add(part);
    emptyTrash(engine, trash);
  }
  mkdirSync(part, { mode: READABLE });
  const layers = [...lower.toReversed(), `${directory}/upper`];
  await startJob(engine, { op: "flatten", target: part, layers, marked }).result;
  syncFilesystem(part);
  renameSync(part, `${directory}/root`);
}
