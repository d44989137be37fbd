// Everything that reads a stranger's or a user's text, as one list: property tests and the fuzzer try them all. Whatever the
// text, a parser gives a value that keeps its promise (`check`) or throws an error that is meant for a person.
//
// Loaded when asked for: the fuzzer counts what runs, and only in what is compiled after it began to count.

export interface Parser {
  name: string;
  parse: (text: string) => unknown;
  /** Texts that are right, and texts that nearly are. */
  seeds: readonly string[];
  /** @throws when what was parsed is not what it should be */
  check?: (value: never, text: string) => void;
}

interface Definition<Value> {
  name: string;
  parse: (text: string) => Value;
  seeds: readonly string[];
  check?: (value: Value, text: string) => void;
}

/** Holds a parser and the type of its value together, then forgets the type. */
export function parser<Value>(definition: Definition<Value>): Parser {
  return definition;
}

/** @throws with what was promised */
export function ensure(holds: boolean, promise: string): void {
  if (!holds) throw new BrokenPromise(promise);
}

export class BrokenPromise extends Error {}

export async function loadParsers(): Promise<Parser[]> {
  const lists = await Promise.all([
    import("./parsers/command-line.ts"),
    import("./parsers/document.ts"),
    import("./parsers/mount.ts"),
    import("./parsers/name.ts"),
    import("./parsers/template.ts"),
  ]);
  return lists.flatMap(({ PARSERS }) => PARSERS);
}

/** Runs a parser once. @throws what is a bug: an error that no person is meant to read, or a broken promise */
export function tryParser({ parse, check }: Parser, text: string): void {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (isMeant(error, text)) return;
    throw error;
  }
  check?.(value as never, text);
}

/** By name: the classes are loaded with what throws them. */
const MEANT = new Set(["BunkerError", "ScanError", "TemplateError", "UsageError", "FlagError"]);
/** What a slip of ours would say; Go has undefined variables. */
const SLIP = /\bundefined\b(?! variable)|\[object |\bNaN\b/;

function isMeant(error: unknown, text: string): boolean {
  for (let at: unknown = error; at instanceof Error; at = Object.getPrototypeOf(at)) {
    if (!MEANT.has(at.constructor.name)) continue;
    const { message } = error as Error;
    return message !== "" && (!SLIP.test(message) || SLIP.test(text));
  }
  return false;
}
