// docker container prune: all containers that do not run.

import { BunkerError } from "../../errors.ts";
import type { ContainerView } from "../../engine/index.ts";
import { confirm } from "../confirm.ts";
import { withEngine } from "../engine.ts";
import { Filters, parseFilterWord } from "../filter.ts";
import { print } from "../output.ts";
import { parseUntil } from "../time.ts";
import { humanSize } from "../units.ts";
import { defineVerb } from "../verb.ts";

const KEYS = ["label", "until"];

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    filter: {
      kind: "list",
      placeholder: "filter",
      help: 'Provide filter values (e.g. "until=<timestamp>")',
      parse: parseFilterWord,
    },
    force: { kind: "boolean", short: "f", help: "Do not prompt for confirmation" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["container prune", "container prune -f --filter until=24h"],
  async run({ values, globals }) {
    const filters = new Filters(values.filter, KEYS);
    const times = filters.values("until").map((text) => parseUntil(text, new Date()));
    if (!values.force) await confirm("This will remove all stopped containers.", "container prune");
    return withEngine(globals, async (engine, { listContainers, measureContainers, removeContainer }) => {
      const suits = ({ status, record }: ContainerView): boolean =>
        status !== "running" &&
        filters.labels(record.config.process.labels) &&
        times.every((time) => new Date(record.createdAt) < time);
      const ids = listContainers(engine, { active: false })
        .filter(suits)
        .map(({ record }) => record.id);
      const sizes = await measureContainers(engine, ids);
      const removed: string[] = [];
      for (const id of ids) {
        try {
          await removeContainer(engine, id, { force: false, volumes: false });
          removed.push(id);
        } catch (error) {
          // Started, or removed by somebody else, meanwhile.
          if (!(error instanceof BunkerError) || !/^(?:conflict|not-found)$/.test(error.code)) throw error;
        }
      }
      const bytes = removed.reduce((sum, id) => sum + (sizes.get(id)?.written ?? 0), 0);
      if (removed.length > 0) print(`Deleted Containers:\n${removed.map((id) => `${id}\n`).join("")}\n`);
      print(`Total reclaimed space: ${humanSize(bytes)}\n`);
      return 0;
    });
  },
});
