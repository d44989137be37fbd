// What a new container has of others: mounts of --volumes-from, images that are mounted. Loaded only where some are asked for.

import { type Borrowed, type CreateRequest, inheritMounts } from "../container/index.ts";
import { makeTree } from "../native/index.ts";
import type { Engine } from "./engine.ts";
import { ensureImage } from "./image-source.ts";
import type { OnPullEvent } from "./pull-event.ts";

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;

/** Looks everything up, and has the images unpacked. @throws BunkerError not-found in docker's words */
export async function borrow(engine: Engine, request: CreateRequest, onPull: OnPullEvent): Promise<Borrowed> {
  const sources = (request.volumesFrom ?? []).map((from) => ({
    from,
    config: engine.store.containers.resolve(from.container).config,
  }));
  const images: Borrowed["images"] = [];
  for (const mount of request.mounts) {
    if (mount.kind !== "image") continue;
    const { image, kind: _kind, ...use } = mount;
    // docker's and podman's rule: it must be here already.
    const found = await ensureImage(
      engine,
      { image, platform: null, pull: "never", ...(request.userns === undefined ? {} : { userns: request.userns }) },
      onPull,
    );
    images.push({ imageId: found.id, ...use });
  }
  return { ...inheritMounts(sources), images };
}

/**
 * Tells the keeper of the container that they were made for, which may remove itself at any time, that anonymous volumes have
 * another user now: the rows are to decide what goes.
 */
export function markShared(engine: Engine, names: readonly string[]): void {
  for (const name of names) {
    makeTree(engine.store.layout.dataHome, [
      { path: `volumes/${name}`, mode: PRIVATE_DIRECTORY },
      { path: `volumes/${name}/shared`, mode: PRIVATE_FILE, content: "" },
    ]);
  }
}
