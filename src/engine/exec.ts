// docker exec and attach: one more client of a running container.

import { type ExecRequest, planExec } from "../container/index.ts";
import { BunkerError, wrapError } from "../errors.ts";
import { closeFd } from "../native/index.ts";
import { keeperOf } from "./adopt.ts";
import type { Engine } from "./engine.ts";
import type { KeeperChannel } from "./channel.ts";
import { attachRequest, followSession, type SessionEnd, type StreamOptions } from "./session.ts";
import { type ContainerView, viewContainer } from "./view.ts";

function connect(engine: Engine, view: ContainerView): KeeperChannel {
  const channel = keeperOf(engine, view);
  if (channel !== null) return channel;
  throw new BunkerError("not-running", `container "${view.record.name}" is not running`, {
    hint: `\`bunker start ${view.record.name}\` starts it.`,
  });
}

/** docker exec. `null` when detached. */
export async function execInContainer(
  engine: Engine,
  request: ExecRequest,
  streams: StreamOptions | null,
): Promise<SessionEnd | null> {
  const view = viewContainer(engine, request.container);
  if (view.paused) {
    throw new BunkerError("conflict", `container ${request.container} is paused, unpause the container before exec`, {
      hint: `\`bunker unpause ${view.record.name}\` does that.`,
    });
  }
  const channel = connect(engine, view);
  try {
    const session = { id: engine.store.newId(), rows: streams?.rows ?? 0, columns: streams?.columns ?? 0 };
    const spec = planExec(view.record.config, engine.host(), request, session);
    const attach = attachRequest(
      streams ?? { stdin: null, stdout: null, stderr: null, detachKeys: "", sigProxy: false },
    );
    streams?.onStarting?.();
    const kept = request.keptFds ?? [];
    channel.request("exec", { spec, detach: request.detach, ...attach.fields }, [...attach.fds, ...kept]);
    // The process has them: their other ends are to see when it closes them.
    for (const fd of kept) closeFd(fd);
    if (request.detach) return null;
    const end = await followSession(channel, streams);
    if (end !== null) return end;
    throw new BunkerError("not-running", "the keeper died while the command ran");
  } catch (error) {
    throw wrapError(`running a command in container "${view.record.name}"`, error);
  } finally {
    channel.close();
  }
}

/** docker attach. */
export async function attachContainer(engine: Engine, name: string, streams: StreamOptions): Promise<SessionEnd> {
  const view = viewContainer(engine, name);
  const channel = connect(engine, view);
  try {
    const attach = attachRequest(streams);
    streams.onStarting?.();
    channel.request("attach", attach.fields, attach.fds);
    const end = await followSession(channel, streams);
    if (end !== null) return end;
    const after = viewContainer(engine, view.record.id);
    return { kind: "exited", code: after.exitCode };
  } finally {
    channel.close();
  }
}
