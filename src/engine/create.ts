// docker create: image and request become a row, a directory and nothing running yet.

import { mkdirSync, statSync } from "node:fs";
import { type CreateRequest, resolveConfig } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { acquireLock, closeFd, makeTree } from "../native/index.ts";
import type { ContainerRecord, ImageRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { ensureImage, type PullEvent } from "./pull.ts";

const PRIVATE_DIRECTORY = 0o700;

export interface Reserved {
  record: ContainerRecord;
  /** The container's lock, held by us: to be handed to a keeper or closed. */
  lock: number;
  image: ImageRecord;
}

/**
 * Finds or pulls the image, reserves id, name and volumes in one transaction, makes the directories.
 * `run` says that a start follows at once: a container that removes itself then stays `creating`, so that whoever
 * finds it without a keeper undoes it.
 */
export async function reserveContainer(
  engine: Engine,
  request: CreateRequest,
  run: boolean,
  onPull: (event: PullEvent) => void,
): Promise<Reserved> {
  const image = await ensureImage(engine, request.image, request.platform, request.pull, onPull);
  const { store } = engine;
  const id = store.newId();
  const config = resolveConfig(id, request, image.id, image.config, () => store.newId());
  prepareBindSources(request);
  const runtimeDir = store.layout.runtime(id);
  makeTree(store.layout.userRuntimeDir, [
    { path: "c", mode: PRIVATE_DIRECTORY },
    { path: `c/${id}`, mode: PRIVATE_DIRECTORY },
  ]);
  const lock = acquireLock(`${runtimeDir}/lock`);
  if (lock === null) throw new BunkerError("system", `creating container "${id}": its lock is taken`);
  try {
    const record = store.containers.insert({
      id,
      name: request.name,
      imageId: image.id,
      imageName: request.image,
      state: run && request.autoRemove ? "creating" : "created",
      generation: run ? 1 : 0,
      config,
      exit: null,
    });
    makeContainerTree(engine, record);
    return { record, lock, image };
  } catch (error) {
    closeFd(lock);
    engine.store.containers.dropRuntime(id);
    throw error;
  }
}

/** The directories of a container; also made again at a start, should a crash have lost them. */
export function makeContainerTree(engine: Engine, record: ContainerRecord): void {
  const { store } = engine;
  makeTree(store.layout.dataHome, [
    { path: "containers", mode: PRIVATE_DIRECTORY },
    { path: `containers/${record.id}`, mode: PRIVATE_DIRECTORY },
    { path: `containers/${record.id}/upper`, mode: 0o755 },
    { path: `containers/${record.id}/work`, mode: PRIVATE_DIRECTORY },
    {
      path: `containers/${record.id}/config.json`,
      mode: 0o600,
      content: JSON.stringify({ id: record.id, name: record.name, createdAt: record.createdAt, ...record.config }),
    },
  ]);
  if (record.config.volumes.length === 0) return;
  makeTree(store.layout.dataHome, [
    { path: "volumes", mode: PRIVATE_DIRECTORY },
    ...record.config.volumes.flatMap(({ name }) => [
      { path: `volumes/${name}`, mode: PRIVATE_DIRECTORY },
      { path: `volumes/${name}/_data`, mode: 0o755 },
    ]),
  ]);
}

/** docker's rule for -v: a missing source directory is made; for --mount it is an error. */
function prepareBindSources(request: CreateRequest): void {
  for (const mount of request.mounts) {
    if (mount.kind !== "bind") continue;
    if (statSync(mount.source, { throwIfNoEntry: false }) !== undefined) continue;
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

/** docker create. @returns the id that was printed: durable from then on */
export async function createContainer(
  engine: Engine,
  request: CreateRequest,
  onPull: (event: PullEvent) => void,
): Promise<{ id: string; warnings: string[] }> {
  const { record, lock } = await reserveContainer(engine, request, false, onPull);
  closeFd(lock);
  engine.store.containers.dropRuntime(record.id);
  return { id: record.id, warnings: [] };
}
