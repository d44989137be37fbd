// Ending containers: stop, kill, wait, rm.

import { renameSync } from "node:fs";
import { parseSignal, planUserNamespace } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { type ContainerView, keeperOf, viewContainer } from "./containers.ts";
import type { Engine } from "./engine.ts";
import { type KeeperChannel, startWorker } from "./keeper.ts";

/** docker's default patience, seconds. */
const STOP_TIMEOUT = 10;
/** How long a killed container may take to be gone, milliseconds. */
const KILL_PATIENCE = 10_000;

/** docker stop: the stop signal, then SIGKILL after `timeout` seconds (-1: never). Not running is success. */
export async function stopContainer(
  engine: Engine,
  name: string,
  options: { signal: string | null; timeout: number | null },
): Promise<void> {
  const view = viewContainer(engine, name);
  const channel = await keeperOf(engine, view);
  if (channel === null) return;
  try {
    const { request, process } = view.record.config;
    const signal = parseSignal(options.signal ?? process.stopSignal);
    const seconds = options.timeout ?? request.stopTimeout ?? STOP_TIMEOUT;
    const ended = endOf(channel);
    channel.send("signal", { signal });
    const patience = seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
    if (await within(ended, patience)) return;
    channel.send("signal", { signal: parseSignal("KILL") });
    if (!(await within(ended, KILL_PATIENCE))) throw stuck(view);
  } finally {
    channel.close();
  }
}

/** docker kill. @throws BunkerError not-running in docker's words */
export async function killContainer(engine: Engine, name: string, signal: string): Promise<void> {
  const number = parseSignal(signal);
  const view = viewContainer(engine, name);
  const channel = await keeperOf(engine, view);
  if (channel === null) {
    throw new BunkerError(
      "not-running",
      `cannot kill container: ${name}: container "${view.record.name}" is not running`,
      {
        hint: "`bunker ps -a` shows what it is doing.",
      },
    );
  }
  try {
    if (number !== parseSignal("KILL")) {
      channel.request("signal", { signal: number });
      return;
    }
    const ended = endOf(channel);
    channel.send("signal", { signal: number });
    if (!(await within(ended, KILL_PATIENCE))) throw stuck(view);
  } finally {
    channel.close();
  }
}

/** docker wait: blocks until the container ends. @returns its exit code */
export async function waitContainer(engine: Engine, name: string): Promise<number> {
  for (;;) {
    const view = viewContainer(engine, name);
    if (view.status === "created" && view.error === "") {
      await Bun.sleep(WAIT_FOR_START_MS);
      continue;
    }
    const channel = await keeperOf(engine, view);
    if (channel === null) return view.exitCode;
    try {
      channel.request("wait");
      const event = await channel.event();
      if (event?.kind === "exited") return event.code;
    } finally {
      channel.close();
    }
  }
}

const WAIT_FOR_START_MS = 50;

/** docker rm. Anonymous volumes go along with `volumes`. */
export async function removeContainer(
  engine: Engine,
  name: string,
  options: { force: boolean; volumes: boolean },
): Promise<void> {
  const view = viewContainer(engine, name);
  const { record } = view;
  if (view.status === "running") {
    if (!options.force) {
      throw new BunkerError("conflict", `cannot remove container "${record.name}": container is running`, {
        hint: `Stop it first (\`bunker stop ${record.name}\`), or force its removal with \`bunker rm -f ${record.name}\`.`,
      });
    }
    await killContainer(engine, record.id, "KILL").catch((error: unknown) => {
      if (!(error instanceof BunkerError) || error.code !== "not-running") throw error;
    });
  }
  discardContainer(engine, record.id, options.volumes);
}

/** Tombstone, rename to the trash, drop the row; a worker empties the trash after the answer. */
export function discardContainer(engine: Engine, id: string, volumes: boolean): void {
  const { store } = engine;
  const { layout } = store;
  store.containers.setState(id, "removing");
  const doomed = [toTrash(engine, layout.container(id), id)];
  for (const volume of volumes ? store.volumes.anonymousOf(id) : []) {
    doomed.push(toTrash(engine, layout.volume(volume), volume));
  }
  store.containers.remove(id, { volumes });
  emptyTrash(
    engine,
    doomed.filter((path) => path !== null),
  );
}

function toTrash(engine: Engine, path: string, name: string): string | null {
  const target = `${engine.store.layout.trash()}/${name}`;
  try {
    renameSync(path, target);
    return target;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Trees with the user's subordinate ids in them can only be removed from within U: a worker does it, unwatched. */
export function emptyTrash(engine: Engine, paths: string[]): void {
  if (paths.length === 0) return;
  startWorker({
    op: "remove",
    userNamespace: planUserNamespace(engine.host()),
    userRuntimeDir: engine.store.layout.userRuntimeDir,
    paths,
  });
}

/** The end of the container as a promise, asked for before anything is sent that may cause it. */
function endOf(channel: KeeperChannel): Promise<boolean> {
  channel.request("wait");
  return channel.event().then(() => true);
}

async function within(ended: Promise<boolean>, milliseconds: number): Promise<boolean> {
  if (milliseconds === Number.POSITIVE_INFINITY) return ended;
  return Promise.race([ended, Bun.sleep(milliseconds).then(() => false)]);
}

function stuck(view: ContainerView): BunkerError {
  return new BunkerError("system", `container "${view.record.name}" did not end after SIGKILL`, {
    hint: "A process in uninterruptible sleep (a hung disk or network mount) cannot be killed until that ends.",
  });
}
