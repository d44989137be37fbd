// docker create, and the first half of docker run: image and request become a row and directories; nothing runs yet.

import { mkdirSync, rmSync, statSync } from "node:fs";
import { type ContainerConfig, type CreateRequest, generateName, resolveConfig } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { acquireLock, closeFd, makeTree } from "../native/index.ts";
import type { ContainerRecord, ImageRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { ensureImage } from "./image-source.ts";
import type { PullEvent } from "./pull-event.ts";

const PRIVATE_DIRECTORY = 0o700;
const READABLE_DIRECTORY = 0o755;
const PRIVATE_FILE = 0o600;
/** docker's default name of a container's host. */
const SHORT_ID = 12;
/** Two commands may draw the same name at once. */
const NAME_TRIES = 20;

/** docker create. @returns the id, durable from then on */
export async function createContainer(
  engine: Engine,
  request: CreateRequest,
  onPull: (event: PullEvent) => void,
): Promise<{ id: string; warnings: string[] }> {
  const image = await ensureImage(engine, request, onPull);
  const record = reserve(engine, request, image, { id: engine.store.newId(), run: false });
  makeContainerTree(engine, record);
  return { id: record.id, warnings: [] };
}

/** A container that is about to be started. Its lock is ours, to be handed to a keeper. */
export interface Reserved {
  record: ContainerRecord;
  lock: number;
}

/** Reserves id, name and volumes under the container's lock: if we die, whoever finds the row without it undoes it. */
export async function reserveForRun(
  engine: Engine,
  request: CreateRequest,
  onPull: (event: PullEvent) => void,
): Promise<Reserved> {
  const image = await ensureImage(engine, request, onPull);
  const id = engine.store.newId();
  const lock = lockContainer(engine, id);
  // A new id's lock is free.
  if (lock === null) throw new BunkerError("system", `creating container "${id}": its lock is taken`);
  try {
    const record = reserve(engine, request, image, { id, run: true });
    makeContainerTree(engine, record);
    return { record, lock };
  } catch (error) {
    releaseContainer(engine, id, lock);
    throw error;
  }
}

/** Takes a container's lock, making its runtime directory; `null`: somebody else starts or keeps it. */
export function lockContainer(engine: Engine, id: string): number | null {
  const { layout } = engine.store;
  makeTree(layout.userRuntimeDir, [
    { path: "c", mode: PRIVATE_DIRECTORY },
    { path: `c/${id}`, mode: PRIVATE_DIRECTORY },
  ]);
  return acquireLock(`${layout.runtime(id)}/lock`);
}

/** Gives the lock of a container back that does not run. */
export function releaseContainer(engine: Engine, id: string, lock: number): void {
  // In this order: whoever waits for the lock of a file that is gone looks again.
  rmSync(engine.store.layout.runtime(id), { recursive: true, force: true });
  closeFd(lock);
}

function reserve(
  engine: Engine,
  request: CreateRequest,
  image: ImageRecord,
  options: { id: string; run: boolean },
): ContainerRecord {
  const { id, run } = options;
  // docker's rule: on the host's network it has the host's name.
  const hostname = request.network === "host" ? engine.host().hostname : id.slice(0, SHORT_ID);
  const config = resolveConfig(hostname, request, image, () => engine.store.newId());
  prepareBindSources(request);
  const row = {
    id,
    imageId: image.id,
    imageName: request.image,
    state: run ? ("creating" as const) : ("created" as const),
    generation: run ? 1 : 0,
    createdAt: new Date().toISOString(),
    config,
  };
  // What a power cut would undo anyway need not survive one.
  const name = insert(engine, row, { name: request.name, durable: !run });
  return { ...row, name, exit: null };
}

type NewRow = Omit<ContainerRecord, "name" | "exit">;

function insert(engine: Engine, row: NewRow, options: { name: string | null; durable: boolean }): string {
  const { containers } = engine.store;
  const volumes = row.config.volumes.map(({ name, target, anonymous }) => ({ name, target, anonymous }));
  for (let attempt = 1; ; attempt++) {
    const name = options.name ?? freeName(engine);
    try {
      containers.insert({ ...row, name, volumes }, options.durable);
      return name;
    } catch (error) {
      const retry =
        options.name === null && error instanceof BunkerError && error.code === "conflict" && attempt < NAME_TRIES;
      if (!retry) throw error;
    }
  }
}

function freeName(engine: Engine): string {
  for (let attempt = 0; attempt < NAME_TRIES; attempt++) {
    const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
    const name = generateName(random);
    if (!engine.store.containers.isTaken(name)) return name;
  }
  // So many containers that chance finds no free name: an id always is one.
  return engine.store.newId();
}

/** The directories of a container; made again at a start, should a crash have lost them. */
export function makeContainerTree(engine: Engine, record: ContainerRecord): void {
  const { dataHome } = engine.store.layout;
  const { id, config } = record;
  const beside = JSON.stringify({
    id,
    name: record.name,
    createdAt: record.createdAt,
    generation: record.generation,
    ...config,
  });
  makeTree(dataHome, [
    { path: "containers", mode: PRIVATE_DIRECTORY },
    { path: `containers/${id}`, mode: PRIVATE_DIRECTORY },
    { path: `containers/${id}/upper`, mode: READABLE_DIRECTORY },
    { path: `containers/${id}/work`, mode: PRIVATE_DIRECTORY },
    { path: `containers/${id}/config.json`, mode: PRIVATE_FILE, content: beside },
    { path: "trash", mode: PRIVATE_DIRECTORY },
  ]);
  if (config.volumes.length > 0) makeVolumeTrees(dataHome, config);
}

function makeVolumeTrees(dataHome: string, config: ContainerConfig): void {
  const trees = config.volumes.flatMap(({ name }) => [
    { path: `volumes/${name}`, mode: PRIVATE_DIRECTORY },
    { path: `volumes/${name}/_data`, mode: READABLE_DIRECTORY },
  ]);
  makeTree(dataHome, [{ path: "volumes", mode: PRIVATE_DIRECTORY }, ...trees]);
}

/** docker's rule for -v: a missing source directory is made; for --mount it is an error. */
function prepareBindSources(request: CreateRequest): void {
  for (const mount of request.mounts) {
    if (mount.kind !== "bind" || isThere(mount.source)) continue;
    if (!mount.createSource) {
      throw new BunkerError("bad-path", `bind source path does not exist: ${mount.source}`, {
        hint: "Make it first, or use -v, which makes a missing directory.",
      });
    }
    try {
      mkdirSync(mount.source, { recursive: true });
    } catch (cause) {
      throw new BunkerError("bad-path", `making the bind source "${mount.source}": ${(cause as Error).message}`, {
        hint: "Make the directory where you may write, or bind an existing one.",
        cause,
      });
    }
  }
}

/** One that cannot be looked at, too: the keeper will say why. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
