// docker pause and unpause: all processes of a container are held where they are, and let go again.

import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { setFrozen } from "./freezer.ts";
import { type ContainerView, viewContainer } from "./view.ts";

/** @throws BunkerError conflict in docker's words, host-refused where the container has no group of its own */
export async function pauseContainer(engine: Engine, name: string): Promise<void> {
  const view = viewRunning(engine, name);
  if (view.paused) throw new BunkerError("conflict", `container ${name} is already paused`);
  if (view.group === null) throw noGroup(view);
  if (!(await setFrozen(view.group, true))) throw refused("pause", view);
}

/** @throws BunkerError conflict in docker's words */
export async function unpauseContainer(engine: Engine, name: string): Promise<void> {
  const view = viewRunning(engine, name);
  if (view.group === null || !view.paused) throw new BunkerError("conflict", `container ${name} is not paused`);
  if (!(await setFrozen(view.group, false))) throw refused("unpause", view);
}

function viewRunning(engine: Engine, name: string): ContainerView {
  const view = viewContainer(engine, name);
  if (view.status === "running") return view;
  throw new BunkerError("not-running", `container ${view.record.id} is not running`, {
    hint: `\`bunker start ${view.record.name}\` starts it.`,
  });
}

function noGroup({ record }: ContainerView): BunkerError {
  const message = `cannot pause container "${record.name}": it has no control group of its own`;
  return new BunkerError("host-refused", message, {
    hint: "That takes cgroup v2 and a group that is delegated to you: `bunker doctor` says what is missing.",
  });
}

function refused(verb: string, { record }: ContainerView): BunkerError {
  return new BunkerError("system", `cannot ${verb} container "${record.name}": its control group does not follow`, {
    hint: "It may have ended meanwhile, or hang in a call that cannot be interrupted (a dead network mount).",
  });
}
