// Whose ids a bundle's container has: a user namespace of its own, one that is given by its path, or the caller's.

import type { IdMapping, UserNamespaceSpec } from "../sandbox-spec.ts";
import type { Field } from "./field.ts";

/** Whoever calls, as he is where he calls. */
export interface Caller {
  uid: number;
  gid: number;
  /** He has the capabilities by which a process maps ids for another one. */
  mapsIds: boolean;
  /** He is in the host's own user namespace. */
  isOnHost: boolean;
  /** setgroups(2) was given up where he is. */
  groupsFixed: boolean;
  newuidmap: string | null;
  newgidmap: string | null;
}

export interface PlannedUser {
  userNamespace: UserNamespaceSpec;
  groupsFixed: boolean;
}

const MAX_ID = 0xff_ff_ff_fe;
/** More than the kernel takes (user_namespaces(7)). */
const MAX_LINES = 340;
const EVERY_ID: IdMapping = { inside: 0, outside: 0, size: 0xff_ff_ff_ff };

/** `listed`: its entry in linux.namespaces, if there is one. @throws BunkerError by the field's name */
export function planBundleUser(linux: Field, listed: Field | undefined, caller: Caller): PlannedUser {
  const isGiven = listed?.at("path").asks === true;
  if (listed === undefined || isGiven) {
    linux.ensureNone(...(isGiven ? [] : ["uidMappings", "gidMappings"]));
    if (!isGiven && (caller.isOnHost || !caller.mapsIds)) {
      throw linux.at("namespaces").refused("without a user namespace is for root of a user namespace only");
    }
    const same = { userUidMap: [EVERY_ID], userGidMap: [EVERY_ID], containerUidMap: [], containerGidMap: [] };
    return {
      userNamespace: { ...same, newuidmap: null, newgidmap: null },
      groupsFixed: !isGiven && caller.groupsFixed,
    };
  }
  const uids = readMap(linux.at("uidMappings"), caller.uid);
  const gids = readMap(linux.at("gidMappings"), caller.gid);
  if (!uids.some((line) => line.inside === 0))
    throw linux.at("uidMappings").refused("without container id 0 is not supported");
  const maps = { containerUidMap: uids, containerGidMap: gids };
  if (caller.mapsIds) {
    const all = { userUidMap: [EVERY_ID], userGidMap: [EVERY_ID] };
    return { userNamespace: { ...all, ...maps, newuidmap: null, newgidmap: null }, groupsFixed: caller.groupsFixed };
  }
  const [ownUid, ownGid] = [isOnly(uids, caller.uid), isOnly(gids, caller.gid)];
  if (ownUid && ownGid) {
    // The one id that anybody may map, for which setgroups(2) is given up.
    const own = { userUidMap: [ownId(caller.uid)], userGidMap: [ownId(caller.gid)] };
    return { userNamespace: { ...own, ...maps, newuidmap: null, newgidmap: null }, groupsFixed: true };
  }
  const { newuidmap, newgidmap } = caller;
  if (newuidmap === null || newgidmap === null) {
    throw linux.at("uidMappings").refused("needs newuidmap and newgidmap, which are not there");
  }
  const all = { userUidMap: [EVERY_ID], userGidMap: [EVERY_ID] };
  return { userNamespace: { ...all, ...maps, newuidmap, newgidmap }, groupsFixed: ownGid };
}

function isOnly(map: IdMapping[], id: number): boolean {
  return map.length === 1 && map[0]?.size === 1 && map[0].outside === id;
}

function ownId(id: number): IdMapping {
  return { inside: id, outside: id, size: 1 };
}

/** Without a map root is the caller, as with crun. */
function readMap(field: Field, own: number): IdMapping[] {
  const lines = field.list();
  if (lines.length === 0) return [{ inside: 0, outside: own, size: 1 }];
  if (lines.length > MAX_LINES) throw field.wrong(`has more than ${MAX_LINES} lines`);
  return lines.map((line) => {
    const number = (name: string): number => line.at(name).needed(line.at(name).integer(0, MAX_ID));
    return { inside: number("containerID"), outside: number("hostID"), size: number("size") };
  });
}
