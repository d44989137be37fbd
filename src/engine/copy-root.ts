// The work of the storage drivers: finding out whether the kernel mounts overlay for us, and copying layers where it does not.

import { existsSync, mkdirSync, renameSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { log } from "../log.ts";
import { makeTree, syncFilesystem } from "../native/index.ts";
import { type ContainerRecord, Trash } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { HeldLock } from "./held-lock.ts";
import { lowerDirectories } from "./spec.ts";
import { Staging } from "./staging.ts";
import { emptyTrash, startJob } from "./worker.ts";

const READABLE = 0o755;
const PRIVATE = 0o700;
const PRIVATE_FILE = 0o600;

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
    const content = typeof refused === "string" ? `copy: ${refused}\n` : "overlay\n";
    makeTree(layout.dataHome, [{ path: "storage", mode: PRIVATE_FILE, content }]);
  } finally {
    staging.release();
  }
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
