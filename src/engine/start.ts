// From a reserved container to a running one: plan the sandbox, give it to a keeper, attach, start, follow.

import { type CreateRequest, type NetworkSpec, planSandbox, type SandboxSpec } from "../container/index.ts";
import { BunkerError, wrapError } from "../errors.ts";
import { acquireLock, makeTree } from "../native/index.ts";
import type { ContainerRecord } from "../store/index.ts";
import { viewContainer } from "./containers.ts";
import { makeContainerTree, reserveContainer } from "./create.ts";
import type { Engine } from "./engine.ts";
import { refuseRoot, resolveNetwork } from "./host.ts";
import { type KeeperChannel, startKeeper } from "./keeper.ts";
import type { PullEvent } from "./pull.ts";
import { attachRequest, followSession, type SessionEnd, type StreamOptions } from "./session.ts";

const PRIVATE_DIRECTORY = 0o700;

/** The printable plan of this container's next start. */
export function specOf(
  engine: Engine,
  record: ContainerRecord,
  network: NetworkSpec,
  size: { rows: number; columns: number },
): SandboxSpec {
  const { store } = engine;
  const { layout } = store;
  return planSandbox(
    record.config,
    engine.host(),
    {
      containerDir: layout.container(record.id),
      runtimeDir: layout.runtime(record.id),
      userRuntimeDir: layout.userRuntimeDir,
      lower: store.layers.lowerDirectories(store.images.byId(record.imageId), "user"),
      volumes: record.config.volumes.map((volume) => `${layout.volume(volume.name)}/_data`),
    },
    { id: record.id, generation: record.generation, network, ...size },
  );
}

interface Started {
  channel: KeeperChannel;
  warnings: string[];
}

/** Hands the lock and the plan to a new keeper, attaches the streams and starts. Undone by the caller. */
function launch(engine: Engine, record: ContainerRecord, lock: number, streams: StreamOptions | null): Started {
  refuseRoot(engine.host().uid);
  const { network, warning } = resolveNetwork(record.config.request.network);
  const spec = specOf(engine, record, network, { rows: streams?.rows ?? 0, columns: streams?.columns ?? 0 });
  const channel = startKeeper(lock);
  try {
    // All requests at once: the keeper answers them in order, and nothing waits for a round trip.
    channel.send("create", { spec });
    const attach = streams === null ? null : attachRequest(streams);
    if (attach !== null) channel.send("attach", attach.fields, attach.fds);
    if (record.config.request.autoRemove) channel.send("tidy", { paths: doomedPaths(engine, record) });
    channel.send("start");
    channel.reply();
    if (attach !== null) channel.reply();
    if (record.config.request.autoRemove) channel.reply();
    channel.reply();
  } catch (error) {
    channel.close();
    throw wrapError(`starting container "${record.name}"`, error);
  }
  return { channel, warnings: warning === null ? [] : [warning] };
}

/** What goes with a container that removes itself: its directory and its anonymous volumes. */
function doomedPaths(engine: Engine, record: ContainerRecord): string[] {
  const { layout } = engine.store;
  const volumes = record.config.volumes.filter((volume) => volume.anonymous);
  return [layout.container(record.id), ...volumes.map((volume) => layout.volume(volume.name))];
}

/** docker run. `end` is null when detached. */
export async function runContainer(
  engine: Engine,
  request: CreateRequest,
  options: {
    detach: boolean;
    streams: StreamOptions | null;
    onCreated?: (id: string) => void;
    onWarning?: (warning: string) => void;
    onPull: (event: PullEvent) => void;
  },
): Promise<{ id: string; end: SessionEnd | null }> {
  const { record, lock } = await reserveContainer(engine, request, true, options.onPull);
  let started: Started;
  try {
    options.onCreated?.(record.id);
    started = launch(engine, record, lock, options.detach ? null : options.streams);
  } catch (error) {
    if (request.autoRemove) discard(engine, record);
    throw error;
  }
  const { channel, warnings } = started;
  for (const warning of warnings) options.onWarning?.(warning);
  if (options.detach) {
    channel.close();
    return { id: record.id, end: null };
  }
  const end = await followSession(channel, options.streams);
  channel.close();
  return { id: record.id, end: settle(engine, record, end) };
}

/** After the session: a container that removes itself leaves its row now; a dead keeper's is looked up. */
function settle(engine: Engine, record: ContainerRecord, end: SessionEnd | null): SessionEnd {
  if (end === null) {
    const view = viewContainer(engine, record.id);
    if (view.status !== "running") return { kind: "exited", code: view.exitCode };
    throw new BunkerError("not-running", `the keeper of container "${record.name}" died; the container runs on`, {
      hint: `\`bunker attach ${record.name}\` gives it a new keeper.`,
    });
  }
  if (end.kind === "exited" && record.config.request.autoRemove) discard(engine, record);
  return end;
}

/** The row and the anonymous volumes go now; the keeper removes the directory after it has answered. */
function discard(engine: Engine, record: ContainerRecord): void {
  engine.store.containers.remove(record.id, { volumes: true });
}

/** docker start: a stopped or created container, once more. `streams`: attached from before its first output. */
export async function startContainer(
  engine: Engine,
  name: string,
  streams: StreamOptions | null,
  onWarning?: (warning: string) => void,
): Promise<SessionEnd | null> {
  const view = viewContainer(engine, name);
  if (view.status === "running") return null;
  const { store } = engine;
  const { id } = view.record;
  makeTree(store.layout.userRuntimeDir, [
    { path: "c", mode: PRIVATE_DIRECTORY },
    { path: `c/${id}`, mode: PRIVATE_DIRECTORY },
  ]);
  const lock = acquireLock(`${store.layout.runtime(id)}/lock`);
  // Somebody else starts it at this very moment.
  if (lock === null) return null;
  const record = store.containers.nextGeneration(id);
  makeContainerTree(engine, record);
  const { channel, warnings } = launch(engine, record, lock, streams);
  for (const warning of warnings) onWarning?.(warning);
  if (streams === null) {
    channel.close();
    return null;
  }
  const end = await followSession(channel, streams);
  channel.close();
  return settle(engine, record, end);
}
