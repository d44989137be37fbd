// `ns:PATH`: a namespace that a path leads to, as podman has it. An ordinary user may join only what lies below his own user namespace,
// and there only containers live: so it is one of theirs, or the host's own. Loaded where somebody asks for it.

import { statSync } from "node:fs";
import { type CreateRequest, type SpaceKind, spaceOf, withWords } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { viewContainer } from "./view.ts";

const PREFIX = "ns:";
/** As /proc/PID/ns calls them. */
const FILES: Readonly<Record<SpaceKind, string>> = {
  cgroup: "cgroup",
  ipc: "ipc",
  network: "net",
  pid: "pid",
  user: "user",
  uts: "uts",
};

/** The request with `host` or `container:ID` for each path. @throws BunkerError when it leads to nothing that can be joined */
export function resolvePaths(engine: Engine, request: CreateRequest): CreateRequest {
  return withWords(request, (kind) => {
    const word = spaceOf(request, kind);
    return word.startsWith(PREFIX) ? find(engine, kind, word.slice(PREFIX.length)) : word;
  });
}

function find(engine: Engine, kind: SpaceKind, path: string): string {
  const wanted = identify(path);
  if (typeof wanted !== "string") throw unusable(kind, path, wanted);
  const isSame = (pid: string): boolean => identify(`/proc/${pid}/ns/${FILES[kind]}`) === wanted;
  if (isSame("self")) {
    if (kind !== "user") return "host";
    throw new BunkerError("host-refused", `cannot join "${path}": it is the host's user namespace`, {
      hint: "--userns host is as near as an ordinary user gets to it.",
    });
  }
  // Whoever made a namespace is told first, so that others who share it do not stand in for him.
  const running = engine.store.containers.list(true).toReversed();
  const owner = running.find(({ id }) => {
    const view = viewContainer(engine, id);
    return view.status === "running" && isSame(String(view.pid));
  });
  if (owner !== undefined) return `container:${owner.id}`;
  throw new BunkerError(
    "host-refused",
    `cannot join "${path}": it is no ${FILES[kind]} namespace of a running container of yours`,
    {
      hint: "The kernel lets you join only what lies below your own user namespace, which is where your containers are.",
    },
  );
}

/** What tells a namespace from all others (namespaces(7)). Or why it cannot be told. */
function identify(path: string): string | NodeJS.ErrnoException {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function unusable(kind: SpaceKind, path: string, cause: NodeJS.ErrnoException): BunkerError {
  const isHidden = cause.code === "EACCES" || cause.code === "EPERM";
  const why = isHidden ? "you may not look at it" : cause.code === "ENOENT" ? "there is no such file" : cause.message;
  return new BunkerError(
    isHidden ? "host-refused" : "usage",
    `cannot find the ${FILES[kind]} namespace "${path}": ${why}`,
    {
      hint: isHidden
        ? "It belongs to a process that is not yours, or that protects itself."
        : `It is a path like /proc/PID/ns/${FILES[kind]}.`,
      cause,
    },
  );
}
