// Containers whose namespaces another one shares: by name when it is made, as running processes when it is started. Loaded only where
// there are some.

import { existsSync } from "node:fs";
import {
  type CreateRequest,
  donorsOf,
  type JoinSpec,
  type SpaceKind,
  spaceOf,
  withSpaces,
} from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { ContainerRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { readKeeperState, viewContainer } from "./view.ts";

/** What a start has of other containers. */
export interface Peers {
  joins: JoinSpec[];
  /** Files that say names, of the container whose network it is. */
  names: { source: string; target: string }[];
}

/**
 * The request with ids for names. Who shares what another one has from the host has it from the host.
 *
 * @throws BunkerError not-found in docker's words
 */
export function resolveDonors(engine: Engine, request: CreateRequest): CreateRequest {
  const { containers } = engine.store;
  if (request.userns !== undefined) {
    throw new BunkerError(
      "unsupported",
      "a container that shares another one's namespaces has its user namespace too",
      {
        hint: "Leave out --userns.",
      },
    );
  }
  const [first] = donorsOf(request);
  const { userns } = first === undefined ? request : containers.resolve(first.id).config.request;
  const own = userns === undefined ? request : { ...request, userns };
  return withSpaces(own, (kind, name) => {
    const donor = containers.resolve(name);
    return spaceOf(donor.config.request, kind) === "host" ? "host" : `container:${donor.id}`;
  });
}

/** Who is to be joined now. @throws BunkerError in docker's words when one of them does not run or does not share */
export function findPeers(engine: Engine, { config }: ContainerRecord): Peers {
  const donors = donorsOf(config.request);
  const joins = donors.map(({ kind, id }) => joinOf(engine, kind, id));
  const roots = new Set(donors.map(({ id }) => rootOf(engine, id)));
  if (roots.size > 1) {
    throw new BunkerError("unsupported", "namespaces of containers that share nothing cannot be joined together", {
      hint: "Have all of them share the first one's, like --network container:A --pid container:A.",
    });
  }
  const network = donors.find(({ kind }) => kind === "network");
  return { joins, names: network === undefined ? [] : namesOf(engine, network.id) };
}

function joinOf(engine: Engine, kind: SpaceKind, id: string): JoinSpec {
  const { record, status } = viewContainer(engine, id);
  if (status !== "running") throw notRunning(kind, record);
  const word = spaceOf(record.config.request, kind);
  if (kind === "ipc" && word !== "shareable" && !word.startsWith("container:")) {
    throw new BunkerError(
      "conflict",
      `failed to join IPC namespace: container ${record.name}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
      { hint: `Make "${record.name}" with --ipc shareable.` },
    );
  }
  const state = readKeeperState(engine.store.layout.runtime(record.id));
  if (state === null) throw notRunning(kind, record);
  return { kind, pid: state.pid, startTime: state.startTime };
}

function notRunning(kind: SpaceKind, { id, name }: ContainerRecord): BunkerError {
  const message =
    kind === "network"
      ? `cannot join network of a non running container: ${id}`
      : `failed to join ${kind.toUpperCase()} namespace: container ${id} is not running`;
  return new BunkerError("conflict", message, { hint: `\`bunker start ${name}\` starts it.` });
}

/** Whose user namespace a container lives in. */
function rootOf(engine: Engine, id: string): string {
  const [donor] = donorsOf(engine.store.containers.resolve(id).config.request);
  return donor === undefined ? id : rootOf(engine, donor.id);
}

const NAMES = { hosts: "/etc/hosts", "resolv.conf": "/etc/resolv.conf", hostname: "/etc/hostname" };

/** docker: they are the same files. One that has none of its own left the image's. */
function namesOf(engine: Engine, id: string): Peers["names"] {
  const [donor] = donorsOf(engine.store.containers.resolve(id).config.request).filter(({ kind }) => kind === "network");
  if (donor !== undefined) return namesOf(engine, donor.id);
  const directory = engine.store.layout.container(id);
  const files = Object.entries(NAMES).map(([name, target]) => ({ source: `${directory}/${name}`, target }));
  return files.filter(({ source }) => existsSync(source));
}
