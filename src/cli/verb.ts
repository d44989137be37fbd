// What a command file gives: one verb's usage, flags and action. The table of all of them is verbs.ts.

import { type Flags, type FlagValues, type ParsedFlags, parseFlags } from "./flags.ts";
import { type ArgumentCount, ensureArgumentCount } from "./usage.ts";

/** Flags before the verb. */
export interface GlobalOptions {
  /** `--root`: the data home; `null`: the user's. */
  root: string | null;
  /** `--runroot`: the runtime directory. */
  runroot: string | null;
  /** For containers that are made. */
  runtime: string | null;
  runtimeFlags: readonly string[];
}

/** Whose exit codes an engine failure has: docker's 125/126/127, exec's 1/126/127, or 1 for everything. */
export type ExitStyle = "run" | "exec" | "plain";

/** What a shell offers for the words of a verb. */
export type Completion = "container" | "running" | "image" | "volume" | "none";

/** What a verb's action is given. */
interface Invocation<Table extends Flags> {
  /** As typed: `bunker container run`. */
  path: string;
  values: FlagValues<Table>;
  given: ReadonlySet<string>;
  positionals: string[];
  globals: GlobalOptions;
}

export interface VerbDefinition<Table extends Flags> {
  /** The words after the verb: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  usage: string;
  flags: Table;
  arguments: ArgumentCount;
  /** `false`: the words after the first one belong to the container. */
  interspersed?: boolean;
  exitStyle?: ExitStyle;
  completes?: Completion;
  /** Command lines, without the program's name. */
  examples: readonly string[];
  /** @returns the exit code */
  run(invocation: Invocation<Table>): Promise<number>;
}

/** A verb whose flags' types were forgotten: what the table, help and completion hold. */
export interface Verb extends Omit<VerbDefinition<Flags>, "run"> {
  parse(words: readonly string[]): ParsedFlags<Flags>;
  /** Checks the number of words, then acts. @returns the exit code */
  run(path: string, parsed: ParsedFlags<Flags>, globals: GlobalOptions): Promise<number>;
}

export function defineVerb<const Table extends Flags>(definition: VerbDefinition<Table>): Verb {
  const interspersed = definition.interspersed ?? true;
  return {
    ...definition,
    parse: (words) => parseFlags(definition.flags, words, { interspersed }) as ParsedFlags<Flags>,
    run(path, parsed, globals) {
      const { values, given, positionals } = parsed;
      ensureArgumentCount(path, definition, positionals.length);
      return definition.run({ path, values: values as FlagValues<Table>, given, positionals, globals });
    },
  };
}

/** No upper limit on the number of words. */
export const ANY_NUMBER = Number.POSITIVE_INFINITY;

/** A command line that was understood. */
export interface ReadyCommand {
  exitStyle: ExitStyle;
  /** @returns the exit code */
  run(): Promise<number>;
}

/** Whose flags a mistake was made in; `null`: the ones before the verb. */
export interface FlagOwner {
  key: string;
  path: string;
  verb: Verb;
}
