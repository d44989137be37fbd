// How a container gets its root: as an overlay of its image's layers where the kernel mounts that for us, else as a copy of them. Found
// out once per data home, before the first container is made. A container keeps the root it has, whatever is found out later.

import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { makeTree, syncFilesystem } from "../native/index.ts";
import { type ContainerRecord, Trash } from "../store/index.ts";
import { log } from "../log.ts";
import type { Engine } from "./engine.ts";
import { HeldLock } from "./held-lock.ts";
import { copiedRoot, lowerDirectories } from "./spec.ts";
import { Staging } from "./staging.ts";
import { emptyTrash, startJob } from "./worker.ts";

const READABLE = 0o755;
const PRIVATE = 0o700;
const PRIVATE_FILE = 0o600;
const COPY = "copy";
const OVERLAY = "overlay";

export interface StorageChoice {
  driver: "overlay" | "copy";
  why: string;
}

/** What new containers get. `BUNKER_STORAGE_DRIVER` says it against all that was found out. @throws BunkerError usage */
export function storageChoice(engine: Engine): StorageChoice {
  const asked = process.env["BUNKER_STORAGE_DRIVER"] ?? "";
  if (asked !== "") {
    if (asked === OVERLAY || asked === COPY) return { driver: asked, why: "BUNKER_STORAGE_DRIVER says so" };
    throw new BunkerError("usage", `BUNKER_STORAGE_DRIVER: unknown storage driver "${asked}"`, {
      hint: "The drivers are overlay and copy.",
    });
  }
  const [driver, why = ""] = readFinding(engine).split(/:\s*(.*)/s);
  if (driver === COPY) return { driver, why };
  return { driver: OVERLAY, why: "the kernel mounts it in a user namespace, without root and without FUSE" };
}

function readFinding(engine: Engine): string {
  try {
    return readFileSync(engine.store.layout.storageFinding(), "utf8").trim();
  } catch {
    return "";
  }
}

/** Tries to mount an overlay where containers lie, unless that was done before. Should the try itself fail, the next one will do. */
export async function findOutStorage(engine: Engine): Promise<void> {
  const finding = engine.store.layout.storageFinding();
  if (existsSync(finding)) return;
  try {
    const lock = await HeldLock.take(`${finding}.lock`, new AbortController().signal);
    try {
      if (!existsSync(finding)) await tryOverlay(engine);
    } finally {
      lock.release();
    }
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
    log.debug(`trying overlay: ${error.message}`);
  }
}

async function tryOverlay(engine: Engine): Promise<void> {
  const { layout } = engine.store;
  for (const folder of ["staging", "trash"]) {
    mkdirSync(`${layout.dataHome}/${folder}`, { recursive: true, mode: PRIVATE });
  }
  const staging = new Staging(engine);
  try {
    const { refused } = await startJob(engine, { op: "tryOverlay", directory: staging.directory }).result;
    const content = typeof refused === "string" ? `${COPY}: ${refused}\n` : `${OVERLAY}\n`;
    makeTree(layout.dataHome, [{ path: "storage", mode: PRIVATE_FILE, content }]);
  } finally {
    staging.release();
  }
}

/** Whether a container's layers are still to be copied. Its directory must be there, its lock ours. */
export function needsCopy(engine: Engine, id: string): boolean {
  return storageChoice(engine).driver === COPY && copiedRoot(engine, id) === null;
}

/** Copies a container's layers, and what it has written over them, into a root of its own. */
export async function copyRoot(engine: Engine, record: ContainerRecord): Promise<void> {
  const directory = engine.store.layout.container(record.id);
  const part = `${directory}/root.part`;
  if (existsSync(part)) {
    // Somebody died over it.
    const trash = new Trash(engine.store.layout);
    trash.add(part);
    emptyTrash(engine, trash);
  }
  mkdirSync(part, { mode: READABLE });
  const layers = [...lowerDirectories(engine, record).reverse(), `${directory}/upper`];
  await startJob(engine, { op: "flatten", target: part, layers }).result;
  syncFilesystem(part);
  renameSync(part, `${directory}/root`);
}
