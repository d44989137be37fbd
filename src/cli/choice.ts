// Which containers a verb is to act on: those named, or podman's --all, --latest, --filter and --cidfile.

import { readFileSync } from "node:fs";
import type { ContainerView, Engine } from "../engine/index.ts";
import { factsOf } from "./container-facts.ts";
import { parseContainerFilter } from "./container-filter.ts";
import type { EngineCalls } from "./engine.ts";
import { attempt } from "./file.ts";
import { parseFilterWord } from "./filter.ts";
import type { FlagValues } from "./flags.ts";
import { type ArgumentCount, ensureArgumentCount, UsageError } from "./usage.ts";
import { ANY_NUMBER } from "./verb.ts";

export const CHOICE_FLAGS = {
  all: { kind: "boolean", short: "a", help: "Act on all containers that it can act on" },
  cidfile: { kind: "list", help: "Read the container ID from the file" },
  filter: {
    kind: "list",
    placeholder: "filter",
    help: "Act on the containers that suit the conditions",
    parse: parseFilterWord,
  },
  latest: { kind: "boolean", short: "l", help: "Act on the latest created container" },
} as const;

/** What the verb's own check is to let through; `chooseContainers` checks the rest. */
export const CHOICE_ARGUMENTS: ArgumentCount = { min: 0, max: ANY_NUMBER };
const NAMED: ArgumentCount = { min: 1, max: ANY_NUMBER };

export interface Choice {
  /** As typed: `bunker stop`. */
  path: string;
  usage: string;
  values: FlagValues<typeof CHOICE_FLAGS>;
  positionals: readonly string[];
  /** Whether the verb can act on one in this state; asked for what was not named. */
  suits: (view: ContainerView) => boolean;
}

/** Names as given, or ids. @throws UsageError when nothing was chosen, or too much */
export function chooseContainers(engine: Engine, calls: EngineCalls, choice: Choice): string[] {
  const { values, positionals } = choice;
  const wide = values.all || values.latest || values.filter.length > 0;
  const files = values.cidfile.map((path) => attempt("open", path, () => readFileSync(path, "utf8")).trim());
  if (!wide && files.length === 0)
    ensureArgumentCount(choice.path, { usage: choice.usage, arguments: NAMED }, positionals.length);
  if (!wide) return [...positionals, ...files];
  if (positionals.length > 0 || files.length > 0) {
    throw new UsageError("--all, --latest and --filter cannot be used together with names", {
      hint: "Name the containers, or have them chosen.",
    });
  }
  if (values.latest && (values.all || values.filter.length > 0)) {
    throw new UsageError("--latest cannot be used together with --all or --filter");
  }
  const filter = parseContainerFilter(values.filter);
  const views = calls.listContainers(engine, { active: false });
  if (values.latest) return views.slice(0, 1).map(({ record }) => record.id);
  const wanted = new Set(filter.apply(views.map(factsOf)).map(({ id }) => id));
  return views.filter((view) => wanted.has(view.record.id) && choice.suits(view)).map(({ record }) => record.id);
}
