// Ending containers: stop, kill, wait, rm.

import { parseSignal } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { closeFd } from "../native/index.ts";
import { keeperOf } from "./adopt.ts";
import type { KeeperChannel } from "./channel.ts";
import { lockContainer } from "./create.ts";
import { discardContainer } from "./discard.ts";
import type { Engine } from "./engine.ts";
import { type ContainerView, viewContainer } from "./view.ts";

/** docker's default patience, seconds. */
const STOP_TIMEOUT = 10;
/** How long a killed container may take to be gone, milliseconds. */
const KILL_PATIENCE = 10_000;
/** How often it is looked whether a start that is under way is over. */
const START_PAUSE_MS = 5;
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
  await withKeeper(engine, view, async (channel) => {
    const ended = endOf(channel);
    channel.send("signal", { signal });
    if (await within(ended, seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000)) return;
    channel.send("signal", { signal: SIGKILL });
    if (!(await within(ended, KILL_PATIENCE))) throw stuck(view);
  });
}

/** docker kill. @throws BunkerError not-running in docker's words */
export async function killContainer(engine: Engine, name: string, signal: string): Promise<void> {
  const number = parseSignal(signal);
  const view = viewContainer(engine, name);
  const running = await withKeeper(engine, view, async (channel) => {
    if (number !== SIGKILL) {
      channel.request("signal", { signal: number });
      return;
    }
    const ended = endOf(channel);
    channel.send("signal", { signal: number });
    if (!(await within(ended, KILL_PATIENCE))) throw stuck(view);
  });
  if (running) return;
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
  const { id } = viewContainer(engine, name).record;
  const deadline = Date.now() + KILL_PATIENCE;
  for (let view = findContainer(engine, id); view !== null; view = findContainer(engine, id)) {
    if (view.status === "running") await endByForce(engine, view, options.force);
    // As a start does: one of the two comes first.
    const lock = lockContainer(engine, id);
    if (lock !== null) {
      const volumes = options.volumes || view.record.config.request.autoRemove;
      try {
        return discardContainer(engine, id, { volumes });
      } finally {
        closeFd(lock);
      }
    }
    if (Date.now() > deadline) throw stuck(view);
    await Bun.sleep(START_PAUSE_MS);
  }
}

/** `null`: somebody else, or it itself, has removed it meanwhile. */
function findContainer(engine: Engine, id: string): ContainerView | null {
  try {
    return viewContainer(engine, id);
  } catch (error) {
    if (error instanceof BunkerError && error.code === "not-found") return null;
    throw error;
  }
}

async function endByForce(engine: Engine, view: ContainerView, force: boolean): Promise<void> {
  const { name } = view.record;
  if (!force) {
    throw new BunkerError("conflict", `cannot remove container "${name}": container is running`, {
      hint: `Stop it first (\`bunker stop ${name}\`), or force its removal with \`bunker rm -f ${name}\`.`,
    });
  }
  await withKeeper(engine, view, async (channel) => {
    const ended = endOf(channel);
    channel.send("signal", { signal: SIGKILL });
    if (!(await within(ended, KILL_PATIENCE))) throw stuck(view);
  });
}

/** Talks to the keeper of a running container; `false`: it is not running (any more), which is no failure. */
async function withKeeper(
  engine: Engine,
  view: ContainerView,
  use: (channel: KeeperChannel) => Promise<void>,
): Promise<boolean> {
  const channel = keeperOf(engine, view);
  if (channel === null) return false;
  try {
    await use(channel);
    return true;
  } catch (error) {
    if (error instanceof BunkerError && error.code === "not-running") return false;
    throw error;
  } finally {
    channel.close();
  }
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
