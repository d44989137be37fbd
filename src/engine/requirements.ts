// --requires: containers that are started before another one. Loaded only where there are some.

import { donorsOf } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { ContainerRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { viewContainer } from "./view.ts";

/** The ids for names. @throws BunkerError not-found in podman's words */
export function resolveRequirements(engine: Engine, names: readonly string[]): string[] {
  return names.map((name) => {
    try {
      return engine.store.containers.resolve(name).id;
    } catch (cause) {
      if (!(cause instanceof BunkerError) || cause.code !== "not-found") throw cause;
      const reason = `no container with name or ID "${name}" found: no such container`;
      throw new BunkerError(
        "not-found",
        `"${name}" is not a valid container, cannot be used as a dependency: ${reason}`,
      );
    }
  });
}

/**
 * Those that do not run, in the order in which they are to be started. None leads back to itself: each was there before the one that
 * names it. @throws BunkerError not-found for one that was removed
 */
export function missingRequirements(engine: Engine, { config }: ContainerRecord): string[] {
  const order = new Set<string>();
  const visit = (id: string): void => {
    if (order.has(id)) return;
    const { record, status } = viewContainer(engine, id);
    for (const each of record.config.request.requires ?? []) visit(each);
    if (status !== "running") order.add(id);
  };
  for (const id of config.request.requires ?? []) visit(id);
  return [...order];
}

/** Who needs a container, by a namespace it shares or because it is started first; and who needs those. The farthest come first. */
export function dependentsOf(engine: Engine, name: string): string[] {
  const { id } = engine.store.containers.resolve(name);
  const records = engine.store.containers.list(false);
  const order = new Set<string>();
  const visit = (needed: string): void => {
    for (const record of records) {
      const { request } = record.config;
      const needs = [...donorsOf(request).map((donor) => donor.id), ...(request.requires ?? [])];
      if (!needs.includes(needed) || order.has(record.id)) continue;
      visit(record.id);
      order.add(record.id);
    }
  };
  visit(id);
  return [...order];
}
