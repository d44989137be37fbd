// A connection to a running container's keeper. A container whose keeper was killed gets a new one first.

import { donorsOf } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { closeFd, isLocked } from "../native/index.ts";
import { connectKeeper, type KeeperChannel, startKeeper } from "./channel.ts";
import { lockContainer } from "./container-lock.ts";
import type { Engine } from "./engine.ts";
import { specOf } from "./spec.ts";
import { type ContainerView, readKeeperState } from "./view.ts";

const ADOPTION_TRIES = 200;
const ADOPTION_PAUSE_MS = 5;

/** `null`: the container is not running. */
export function keeperOf(engine: Engine, view: ContainerView): KeeperChannel | null {
  if (view.status !== "running") return null;
  const runtimeDir = engine.store.layout.runtime(view.record.id);
  for (let attempt = 0; attempt < ADOPTION_TRIES; attempt++) {
    const connected = connectKeeper(runtimeDir);
    if (connected !== null) return connected;
    if (!isLocked(`${runtimeDir}/lock`)) {
      const lock = lockContainer(engine, view.record.id);
      if (lock !== null) return adopt(engine, view, lock);
    }
    // It is being adopted, or its end is being recorded, at this very moment.
    Bun.sleepSync(ADOPTION_PAUSE_MS);
  }
  throw new BunkerError("system", `the keeper of container "${view.record.name}" does not answer`, {
    hint: "Run the command again.",
  });
}

function adopt(engine: Engine, view: ContainerView, lock: number): KeeperChannel | null {
  const { record } = view;
  // Read again, now under the lock: it may have ended, or been started anew.
  const state = readKeeperState(engine.store.layout.runtime(record.id));
  if (state === null || state.generation !== record.generation) {
    closeFd(lock);
    return null;
  }
  const keeper = startKeeper(engine.store.layout.userRuntimeDir);
  try {
    // The network is as it was made; the keeper only has to know whether it is the container's own.
    const { request } = record.config;
    const kind = request.network === "host" ? "host" : "none";
    // So are the namespaces it has joined: their kinds say where its processes are.
    const joins = donorsOf(request).map((donor) => ({ kind: donor.kind, pid: 0, startTime: 0 }));
    // Only to be told of the end.
    const runtime = request.runtime && { runtime: { program: request.runtime.name, flags: request.runtime.flags } };
    const spec = specOf(engine, record, { network: { kind }, joins, ...runtime, rows: 0, columns: 0 });
    keeper.request("adopt", { spec, state }, [lock]);
    return keeper;
  } catch (error) {
    keeper.close();
    if (error instanceof BunkerError && error.code === "not-running") return null;
    throw error;
  } finally {
    // The keeper has a copy: it holds the lock from now on.
    closeFd(lock);
  }
}
