// Where a container's namespaces come from: its own, the host's, or another container's. Pure.

import type { CreateRequest } from "./request.ts";
import type { JoinSpec, NamespacesSpec } from "./sandbox-spec.ts";

/** Kinds that containers may share, as the keeper is told. */
export type SpaceKind = JoinSpec["kind"];

const CONTAINER = "container:";

/** In docker's words; `private` where nothing was said. */
export function spaceOf(request: CreateRequest, kind: SpaceKind): string {
  return (kind === "network" ? request.network : request.spaces?.[kind]) ?? "private";
}

const KINDS: readonly SpaceKind[] = ["network", "pid", "ipc", "uts", "cgroup", "user"];

/** The same request, with what `resolve` makes of each container that it names. */
export function withSpaces(request: CreateRequest, resolve: (kind: SpaceKind, name: string) => string): CreateRequest {
  const donors = new Map(donorsOf(request).map(({ kind, id }) => [kind, id]));
  return withWords(request, (kind) => {
    const name = donors.get(kind);
    return name === undefined ? spaceOf(request, kind) : resolve(kind, name);
  });
}

/** The same request, with another word for each kind that it says something about. */
export function withWords(request: CreateRequest, wordFor: (kind: SpaceKind) => string): CreateRequest {
  const spaces: Record<string, string> = { ...request.spaces };
  let { network } = request;
  for (const kind of KINDS) {
    if (kind !== "network" && spaces[kind] === undefined) continue;
    const word = wordFor(kind);
    if (kind === "network") network = word;
    else spaces[kind] = word;
  }
  return { ...request, network, ...(request.spaces === undefined ? {} : { spaces }) };
}

/** Whether a path says where one comes from. */
export function hasPaths(request: CreateRequest): boolean {
  return KINDS.some((kind) => spaceOf(request, kind).startsWith("ns:"));
}

/** Whose namespaces it shares: by id once it is made, by whatever the user wrote before. */
export function donorsOf(request: CreateRequest): { kind: SpaceKind; id: string }[] {
  return KINDS.flatMap((kind) => {
    const word = spaceOf(request, kind);
    return word.startsWith(CONTAINER) ? [{ kind, id: word.slice(CONTAINER.length) }] : [];
  });
}

/** Which of them are made for it. */
export function planSpaces({ spaces = {} }: CreateRequest): NamespacesSpec {
  const { pid, ipc, uts, cgroup } = spaces;
  const isOwn = (word: string | undefined): boolean => word !== "host" && word?.startsWith(CONTAINER) !== true;
  return { pid: isOwn(pid), ipc: isOwn(ipc), uts: isOwn(uts), cgroup: isOwn(cgroup), time: true };
}

const OTHER_MODES = /^(?:none|host|container:.*|ns:.*|(?:slirp4netns|pasta)(?::.*)?)$/s;

/** Whether it is on networks of the user's own. `default` is what containers have that were made before there were any. */
export function isOnBridge({ network }: CreateRequest): boolean {
  return !OTHER_MODES.test(network);
}
