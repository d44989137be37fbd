// Which containers a verb is to act on: those named, or podman's --all, --running, --latest, --filter and --cidfile. The one place
// that knows which of these go together; each verb says which it has, and in what state a container suits it.

import type { ContainerView, Engine } from "../engine/index.ts";
import { BunkerError } from "../errors.ts";
import { factsOf } from "./container-facts.ts";
import { parseContainerFilter } from "./container-filter.ts";
import type { EngineCalls } from "./engine.ts";
import { readBounded } from "./file.ts";
import { parseFilterWord } from "./filter.ts";
import { type ArgumentCount, ensureArgumentCount, UsageError } from "./usage.ts";
import { ANY_NUMBER } from "./verb.ts";

export const CIDFILE_FLAG = { kind: "list", placeholder: "file", help: "Read the container ID from the file" } as const;
export const LATEST_FLAG = {
  kind: "boolean",
  short: "l",
  help: "Act on the container that was created last",
} as const;

/** Without podman's letter, which is another flag's in `rm`. */
export const FILTER_FLAG = {
  kind: "list",
  placeholder: "filter",
  help: "Act on the containers that suit the conditions",
  parse: parseFilterWord,
} as const;

export const WIDE_FLAGS = {
  all: { kind: "boolean", short: "a", help: "Act on all containers that it can act on" },
  filter: { ...FILTER_FLAG, short: "f" },
  latest: LATEST_FLAG,
} as const;

export const CHOICE_FLAGS = { ...WIDE_FLAGS, cidfile: CIDFILE_FLAG } as const;

/** What the verb's own check is to let through; `planChoice` checks the rest. */
export const CHOICE_ARGUMENTS: ArgumentCount = { min: 0, max: ANY_NUMBER };
const NAMED: ArgumentCount = { min: 1, max: ANY_NUMBER };
const ONE: ArgumentCount = { min: 1, max: 1 };

/** An id has 64 letters; somebody may have written something after it. */
const MAX_CIDFILE = 4096;

/** The flags' values, of those that the verb has. */
export interface ChoiceValues {
  all?: boolean;
  running?: boolean;
  latest?: boolean;
  filter?: readonly (readonly [string, string])[];
  cidfile?: readonly string[];
  /** A file of --cidfile that is not there names nothing. */
  ignore?: boolean;
}

/** What was typed, as a verb is given it. */
interface Words {
  /** As typed: `bunker stop`. */
  path: string;
  positionals: readonly string[];
  /** The words after the verb, as help has them. */
  usage: string;
}

/** Looks up what was asked for. @returns names as given, or ids */
type Choose = (engine: Engine, calls: EngineCalls) => string[];

/**
 * Understands what was asked for, before anything is opened. `suits`: whether the verb can act on one in this state; asked for what
 * was not named. @throws UsageError when nothing was chosen, or too much
 */
export function planChoice(
  words: Words,
  values: ChoiceValues,
  suits: (view: ContainerView) => boolean = () => true,
): Choose {
  const { positionals } = words;
  const { filter: conditions = [], cidfile = [], ignore = false } = values;
  const wide = findWide(values);
  if (wide === null) {
    if (cidfile.length === 0) ensureArgumentCount(words.path, { ...words, arguments: NAMED }, positionals.length);
    const names = [...positionals, ...readIds(cidfile, ignore)];
    return () => names;
  }
  if (positionals.length > 0 || cidfile.length > 0) {
    throw new UsageError(`--${wide} cannot be used together with names`, {
      hint: "Name the containers, or have them chosen.",
    });
  }
  if (wide === "latest") return (engine, calls) => [latestContainer(engine, calls)];
  const filter = parseContainerFilter(conditions);
  return (engine, calls) => {
    const views = calls.listContainers(engine, { active: false });
    const networks = calls.networkFacts(engine);
    const wanted = new Set(filter.apply(views.map((view) => factsOf(view, networks))).map(({ id }) => id));
    return views
      .filter((view) => wanted.has(view.record.id) && suits(view) && (!values.running || view.status === "running"))
      .map(({ record }) => record.id);
  };
}

/** As planChoice, for verbs that take one container. @throws UsageError for several */
export function planOne(words: Words, values: ChoiceValues): (engine: Engine, calls: EngineCalls) => string {
  const count = words.positionals.length + (values.cidfile ?? []).length;
  if (values.latest !== true) ensureArgumentCount(words.path, { ...words, arguments: ONE }, count);
  const choose = planChoice(words, values);
  return (engine, calls) => choose(engine, calls)[0] ?? "";
}

/** The newest, whatever it is doing. @throws BunkerError not-found when there is none */
export function latestContainer(engine: Engine, { listContainers }: EngineCalls): string {
  const [view] = listContainers(engine, { active: false });
  if (view !== undefined) return view.record.id;
  throw new BunkerError("not-found", "no such container: there is none, so none is the latest", {
    hint: "`bunker create` and `bunker run` make one.",
  });
}

/** The flag by which containers are chosen that nobody named. --all and --running leave --filter something to choose from. */
function findWide(values: ChoiceValues): "all" | "running" | "latest" | "filter" | null {
  const conditions = (values.filter ?? []).length > 0;
  if (values.latest === true) {
    if (values.all === true || values.running === true || conditions)
      throw new UsageError("--latest cannot be used together with --all, --running or --filter");
    return "latest";
  }
  if (values.all === true) return "all";
  if (values.running === true) return "running";
  return conditions ? "filter" : null;
}

/** The first line of each file. @throws BunkerError for one that cannot be read or is empty */
function readIds(paths: readonly string[], ignore: boolean): string[] {
  return paths.flatMap((path) => {
    const text = readUnlessGone(path, ignore);
    if (text === null) return [];
    const id = (text.split("\n")[0] ?? "").trim();
    if (id !== "") return [id];
    throw new UsageError(`no container ID in ${path}`, {
      hint: "`bunker run --cidfile FILE` writes it once the container has been created.",
    });
  });
}

function readUnlessGone(path: string, ignore: boolean): string | null {
  try {
    return Buffer.from(readBounded(path, MAX_CIDFILE)).toString();
  } catch (error) {
    const cause = error instanceof BunkerError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (ignore && cause?.code === "ENOENT") return null;
    throw error;
  }
}
