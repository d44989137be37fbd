// Ending containers: stop, kill, wait, rm.

import { parseSignal } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { keeperOf } from "./adopt.ts";
import type { KeeperChannel } from "./channel.ts";
import { discardContainer } from "./discard.ts";
import type { Engine } from "./engine.ts";
import { type ContainerView, viewContainer } from "./view.ts";

/** docker's default patience, seconds. */
const STOP_TIMEOUT = 10;
/** How long a killed container may take to be gone, milliseconds. */
const KILL_PATIENCE = 10_000;
/** How often `wait` looks whether a created container has been started. */
const WAIT_FOR_START_MS = 50;
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

/** docker wait: blocks until the container ends. @returns its exit code */
export async function waitContainer(engine: Engine, name: string): Promise<number> {
  const { record } = viewContainer(engine, name);
  for (;;) {
    const view = viewContainer(engine, record.id);
    if (view.status === "created" && view.error === "") {
      await Bun.sleep(WAIT_FOR_START_MS);
      continue;
    }
    const channel = keeperOf(engine, view);
    if (channel === null) return view.status === "running" ? waitContainer(engine, record.id) : view.exitCode;
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
  const view = viewContainer(engine, name);
  const { record } = view;
  if (view.status === "running" && !options.force) {
    const what = `cannot remove container "${record.name}": container is running`;
    throw new BunkerError("conflict", what, {
      hint: `Stop it first (\`bunker stop ${record.name}\`), or force its removal with \`bunker rm -f ${record.name}\`.`,
    });
  }
  await withKeeper(engine, view, async (channel) => {
    const ended = endOf(channel);
    channel.send("signal", { signal: SIGKILL });
    if (!(await within(ended, KILL_PATIENCE))) throw stuck(view);
  });
  // One that removes itself may be gone by now.
  if (record.config.request.autoRemove && !engine.store.containers.isTaken(record.name)) return;
  discardContainer(engine, record.id, { volumes: options.volumes || record.config.request.autoRemove });
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
