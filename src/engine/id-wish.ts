// Ids that a container is to have instead of the user's own: --userns auto and nomap, --uidmap, --gidmap, --subuidname. Loaded where
// somebody asks for them.

import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import {
  type ContainerConfig,
  countIds,
  type CreateRequest,
  findFreeRange,
  type IdMapping,
  type IdRange,
  planAuto,
  planLines,
  planNomap,
  planUserNamespace,
  RANGE_STEP,
  type UsernsRequest,
  type UsernsWish,
} from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { Digest } from "../image/index.ts";
import type { IdLease } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { ensureUnpacked } from "./image-source.ts";
import { listContainers } from "./list.ts";
import type { OnPullEvent } from "./pull-event.ts";
import { layerMap } from "./spec.ts";

type Maps = Extract<UsernsRequest, { kind: "maps" }>;
type Auto = Extract<UsernsWish, { kind: "auto" }>;

interface UserMaps {
  uid: IdMapping[];
  gid: IdMapping[];
}

function userMaps(engine: Engine): UserMaps {
  const { userUidMap: uid, userGidMap: gid } = planUserNamespace(engine.host());
  return { uid, gid };
}

/** The map itself, of everything but a lease. @throws BunkerError usage, host-refused */
export function settleWish(engine: Engine, request: CreateRequest): CreateRequest {
  const { userns } = request;
  const user = userMaps(engine);
  if (userns?.kind === "nomap") {
    return { ...request, userns: { kind: "maps", mode: "nomap", uid: planNomap(user.uid), gid: planNomap(user.gid) } };
  }
  if (userns?.kind !== "lines") return request;
  const { uid, gid, uidOwner, gidOwner } = userns;
  for (const [owner, file] of [
    [uidOwner, "subuid"],
    [gidOwner, "subgid"],
  ] as const)
    ensureOwn(owner, file);
  const maps: Maps = {
    kind: "maps",
    mode: "private",
    uid: uid.length === 0 ? planNomap(user.uid) : planLines(uid, user.uid),
    gid: gid.length === 0 ? planNomap(user.gid) : planLines(gid, user.gid),
  };
  ensureRoot(maps);
  return { ...request, userns: maps };
}

/** The kernel's helper gives nobody the ids of somebody else. */
function ensureOwn(owner: string | null, file: "subuid" | "subgid"): void {
  if (owner === null) return;
  const { username, uid } = userInfo();
  if (owner === username || owner === String(uid)) return;
  throw new BunkerError(
    "host-refused",
    `cannot use the subordinate ids of "${owner}": new${file.slice(3)}map gives you your own only`,
    {
      hint: `Yours are the lines of "${username}" in /etc/${file}.`,
    },
  );
}

/** Who builds the container is its root. */
function ensureRoot({ uid, gid }: UserMaps): void {
  const kind = [uid, gid].findIndex((map) => !map.some(({ inside }) => inside === 0));
  if (kind < 0) return;
  throw new BunkerError("usage", `the ${kind === 0 ? "uid" : "gid"} map has no 0: a container needs a root`, {
    hint: `Map one, like --${kind === 0 ? "uid" : "gid"}map 0:1:1.`,
  });
}

/** How the container gets its ids within the transaction that makes it. `config` is completed by it. */
export function planLease(engine: Engine, config: ContainerConfig, imageId: Digest | null): IdLease {
  // What the dead had is free, once somebody has looked at them.
  listContainers(engine, { active: true });
  const wish = config.request.userns as Auto;
  const user = userMaps(engine);
  const total = Math.min(countIds(user.uid), countIds(user.gid));
  const size = wish.size ?? estimateSize(engine, config, imageId);
  const own = [...planLines(wish.uid, user.uid), ...planLines(wish.gid, user.gid)];
  const avoided = own.map(({ outside, size: count }) => ({ first: outside, size: count }));
  const take = (taken: IdRange[]): IdRange => {
    const range = findFreeRange([...taken, ...avoided], size, total);
    if (range === null) throw noneFree(size, total, taken);
    const uid = planAuto(wish.uid, range, user.uid);
    const maps: Maps = { kind: "maps", mode: "auto", uid, gid: planAuto(wish.gid, range, user.gid) };
    ensureRoot(maps);
    config.request.userns = maps;
    return range;
  };
  return { take };
}

function noneFree(size: number, total: number, taken: readonly IdRange[]): BunkerError {
  const used = taken.reduce((sum, range) => sum + range.size, 0);
  return new BunkerError(
    "host-refused",
    `not enough unused IDs in user namespace: ${size} wanted in a row, ${used} of ${total - 1} are taken`,
    {
      hint: "Remove containers with --userns auto, ask for fewer with auto:size=NUMBER, or get a larger range in /etc/subuid and /etc/subgid.",
    },
  );
}

/** podman's rule: as many as the images' files and the user need, and 1024 at least. */
function estimateSize(engine: Engine, config: ContainerConfig, imageId: Digest | null): number {
  const users = [config.request.user ?? "", config.process.user].flatMap((user) => user.split(":"));
  const ids = users.filter((word) => /^\d+$/.test(word)).map(Number);
  const stacks = imagesOf(config, imageId).flatMap((id) => engine.store.layers.lowerDirectories(id, layerMap(engine)));
  const owners = stacks.map((root) =>
    highestOwner(readFileSync(`${root.slice(0, -"/root".length)}/manifest`, "latin1")),
  );
  return Math.max(RANGE_STEP - 1, ...ids, ...owners) + 1;
}

/** Its own, and those that are mounted. */
function imagesOf(config: ContainerConfig, imageId: Digest | null): Digest[] {
  const mounted = (config.images ?? []).map((use) => use.imageId as Digest);
  return [...new Set([...(imageId === null ? [] : [imageId]), ...mounted])];
}

/** Of a layer's manifest: `type mode uid gid …` a line (crates/runtime/src/layer/manifest.rs). */
function highestOwner(manifest: string): number {
  let highest = 0;
  for (const [, uid, gid] of manifest.matchAll(/^\S+ \d+ (\d+) (\d+) /gm)) {
    highest = Math.max(highest, Number(uid), Number(gid));
  }
  return highest;
}

/** Has its images unpacked for the ids that it has got. */
export async function unpackForLease(
  engine: Engine,
  config: ContainerConfig,
  { imageId, onPull }: { imageId: Digest | null; onPull: OnPullEvent },
): Promise<void> {
  for (const id of imagesOf(config, imageId)) {
    await ensureUnpacked(engine, engine.store.images.byId(id), { userns: config.request.userns, onEvent: onPull });
  }
}
