// Containers that are linked to (`--link`): they are there when the link is made, and on docker's default network they run when
// it is used.

import { BunkerError, wrapError } from "../errors.ts";
import { DEFAULT_NETWORK, type LinkRequest } from "../network/index.ts";
import type { ContainerRecord } from "../store/index.ts";
import type { Place } from "./attachment.ts";
import type { Engine } from "./engine.ts";
import { viewContainer } from "./view.ts";

/** By their containers' own names. @throws BunkerError not-found in docker's words */
export function resolveLinks(engine: Engine, links: readonly LinkRequest[]): LinkRequest[] {
  return links.map(({ name, alias }) => {
    try {
      return { name: viewContainer(engine, name).record.name, alias };
    } catch (error) {
      throw wrapError(`could not get container for ${name}`, error);
    }
  });
}

function isRunning(engine: Engine, name: string): boolean {
  const isThere = engine.store.containers.isTaken(name);
  return isThere && viewContainer(engine, name).status === "running";
}

/** On networks of the user's a name that nobody has yet is answered when somebody has it. @throws BunkerError conflict */
export function ensureLinked(engine: Engine, record: ContainerRecord, places: readonly Place[]): void {
  const own = places.find(({ network }) => network.name === DEFAULT_NETWORK);
  for (const { name, alias } of own?.endpoint.config.links ?? []) {
    if (!isRunning(engine, name)) {
      throw new BunkerError(
        "conflict",
        `Cannot link to a non running container: /${name} AS /${record.name}/${alias}`,
        { hint: `\`bunker start ${name}\` starts it, if it is there.` },
      );
    }
    const { id } = engine.store.containers.resolve(name);
    if (!engine.store.networks.endpointsOf(id).some(({ networkId }) => networkId === own?.network.id)) {
      throw new BunkerError("conflict", `container ${id} not attached to default bridge network`, {
        hint: `\`bunker network connect ${DEFAULT_NETWORK} ${name}\` brings it there.`,
      });
    }
  }
}
