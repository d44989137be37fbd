// Ending containers: stop, kill, wait, rm.

import { parseSignal } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { keeperOf } from "./adopt.ts";
import type { KeeperChannel } from "./channel.ts";
import { clearRuntime, untilFree, withContainerLock } from "./container-lock.ts";
import { discardContainer } from "./discard.ts";
import type { Engine } from "./engine.ts";
import { thaw } from "./freezer.ts";
import { removeSpareImage } from "./image-removal.ts";
import { type ContainerView, isAlive, readKeeperState, viewContainer, viewRecord } from "./view.ts";

/** docker's default patience, seconds. */
const STOP_TIMEOUT = 10;
/** How long a killed container may take to be gone, milliseconds. */
const KILL_PATIENCE = 10_000;
const SIGKILL = 9;

/** docker stop: the stop signal, then SIGKILL after `timeout` seconds (-1: never). Not running is success. */
export async function stopContainer(
  engine: Engine,
  name: string,
  options: { signal: string | null; timeout: number | null },
): Promise<void> {
  const view = viewContainer(engine, name);
  const { request, process } = view.record.config;
  const signal = parseSignal(options.signal ?? process.stopSignal);
  const seconds = options.timeout ?? request.stopTimeout ?? STOP_TIMEOUT;
  await untilEnded(engine, view, async (channel, end) => {
    channel.send("signal", { signal });
    // One that is held could not hear it (docker lets it go too).
    thaw(view.group);
    const outcome = await within(end, seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000);
    return outcome === "late" ? killThrough(channel, end) : outcome;
  });
}

/** docker kill. @throws BunkerError not-running in docker's words */
export async function killContainer(engine: Engine, name: string, signal: string): Promise<void> {
  const number = parseSignal(signal);
  const view = viewContainer(engine, name);
  const running = await (number === SIGKILL
    ? untilEnded(engine, view, killThrough)
    : withKeeper(engine, view, async (channel) => {
        channel.request("signal", { signal: number });
        if (number === parseSignal(view.record.config.process.stopSignal)) thaw(view.group);
        return true;
      }));
  if (running === true) return;
  throw new BunkerError("not-running", `cannot kill container: ${name}: container ${view.record.id} is not running`, {
    hint: "`bunker ps -a` shows what it is doing.",
  });
}

/** docker wait: blocks while the container runs; one that was never started does not. @returns its exit code */
export async function waitContainer(engine: Engine, name: string): Promise<number> {
  const { record } = viewContainer(engine, name);
  for (;;) {
    const view = viewContainer(engine, record.id);
    const channel = keeperOf(engine, view);
    if (channel === null && view.status !== "running") return view.exitCode;
    if (channel === null) continue;
    try {
      channel.request("wait");
      const event = await channel.event();
      if (event?.kind === "exited") return event.code;
    } catch (error) {
      // It ended between our look and our question: look again.
      if (!(error instanceof BunkerError) || error.code !== "not-running") throw error;
    } finally {
      channel.close();
    }
  }
}

/** docker rm. Anonymous volumes go along with `volumes`. */
export async function removeContainer(
  engine: Engine,
  name: string,
  options: { force: boolean; volumes: boolean },
): Promise<void> {
  const { id } = engine.store.containers.resolve(name);
  await untilFree(name, async () => {
    const record = engine.store.containers.find(id);
    const view = record === null ? null : viewRecord(engine, record);
    // Half made, or removed by somebody else meanwhile: gone, as was wanted.
    if (view === null) return true;
    if (view.status === "running" && !options.force) throw stillRunning(view);
    await untilEnded(engine, view, killThrough);
    const removed = withContainerLock(engine, id, () => removeLocked(engine, id, options.volumes));
    return removed?.result === true ? true : null;
  });
}

/** Under the lock. @returns false if it has been started meanwhile and lives */
function removeLocked(engine: Engine, id: string, volumes: boolean): boolean {
  const { containers, layout } = engine.store;
  const record = containers.find(id);
  const keeper = readKeeperState(layout.runtime(id));
  if (keeper !== null && isAlive(keeper)) return false;
  if (record !== null) discardContainer(engine, id, { volumes: volumes || record.config.request.autoRemove });
  clearRuntime(engine, id);
  if (record !== null) removeSpareImage(engine, record);
  return true;
}

function stillRunning({ record, paused }: ContainerView): BunkerError {
  if (paused) {
    const message = `cannot remove container "${record.name}": container is paused and must be unpaused first`;
    return new BunkerError("conflict", message, {
      hint: `Unpause it (\`bunker unpause ${record.name}\`), or force its removal with \`bunker rm -f ${record.name}\`.`,
    });
  }
  return new BunkerError("conflict", `cannot remove container "${record.name}": container is running`, {
    hint: `Stop it first (\`bunker stop ${record.name}\`), or force its removal with \`bunker rm -f ${record.name}\`.`,
  });
}

/** `lost`: the keeper was killed meanwhile; the container may live. */
type Outcome = "ended" | "lost" | "late";

/** Ends a container by way of its keeper, and of the next one should that be killed. @returns false if it was not running */
async function untilEnded(
  engine: Engine,
  view: ContainerView,
  end: (channel: KeeperChannel, ended: Promise<Outcome>) => Promise<Outcome>,
): Promise<boolean> {
  let reached = false;
  for (let current: ContainerView | null = view; current?.status === "running"; current = viewAgain(engine, view)) {
    const outcome = await withKeeper(engine, current, (channel) => end(channel, endOf(channel)));
    if (outcome === "late") throw stuck(view);
    reached ||= outcome !== null;
    if (outcome === "ended") break;
  }
  return reached;
}

/** One that removes itself may be gone by now. */
function viewAgain(engine: Engine, { record }: ContainerView): ContainerView | null {
  const current = engine.store.containers.find(record.id);
  return current === null ? null : viewRecord(engine, current);
}

function killThrough(channel: KeeperChannel, ended: Promise<Outcome>): Promise<Outcome> {
  channel.send("signal", { signal: SIGKILL });
  return within(ended, KILL_PATIENCE);
}

/** Talks to the keeper of a running container; `null`: it is not running (any more), which is no failure. */
async function withKeeper<T>(
  engine: Engine,
  view: ContainerView,
  use: (channel: KeeperChannel) => Promise<T>,
): Promise<T | null> {
  const channel = keeperOf(engine, view);
  if (channel === null) return null;
  try {
    return await use(channel);
  } catch (error) {
    if (error instanceof BunkerError && error.code === "not-running") return null;
    throw error;
  } finally {
    channel.close();
  }
}

/** The end of the container as a promise, asked for before anything is sent that may cause it. */
function endOf(channel: KeeperChannel): Promise<Outcome> {
  channel.request("wait");
  return channel.event().then((event) => (event === null ? "lost" : "ended"));
}

async function within(ended: Promise<Outcome>, milliseconds: number): Promise<Outcome> {
  if (milliseconds === Number.POSITIVE_INFINITY) return ended;
  return Promise.race([ended, Bun.sleep(milliseconds).then((): Outcome => "late")]);
}

function stuck(view: ContainerView): BunkerError {
  return new BunkerError("system", `container "${view.record.name}" did not end after SIGKILL`, {
    hint: "A process in uninterruptible sleep (a hung disk or network mount) cannot be killed until that ends.",
  });
}
