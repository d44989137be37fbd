// Flags: one definition feeds the parser, help and completion. Parses exactly as docker's pflag does.
// Knows no verb; what an unknown flag might mean is explained elsewhere, when there is one.

import { quote, parseBoolean, parseInteger, ScanError } from "./strconv.ts";
import { FlagError } from "./usage.ts";

interface FlagBase {
  /** One letter. */
  short?: string;
  /** docker's word for the value in help (`list`, `bytes`); made from the kind when missing. */
  placeholder?: string;
  help: string;
  /** Other long names with the same meaning, not shown. */
  aliases?: readonly string[];
  hidden?: boolean;
  /** What help shows as the default. */
  shownDefault?: string;
}

interface BooleanFlag extends FlagBase {
  kind: "boolean";
  /** `false` unless said. */
  default?: boolean;
}

interface IntegerFlag extends FlagBase {
  kind: "integer";
}

/** `parse` turns the word into the value kept; what it throws as ScanError is shown with the flag's name. */
interface TextFlag extends FlagBase {
  kind: "string" | "list";
  parse?: (text: string) => unknown;
}

export type Flag = BooleanFlag | IntegerFlag | TextFlag;
export type Flags = Readonly<Record<string, Flag>>;

type Kept<F> = F extends { parse: (text: string) => infer Value } ? Value : string;
type ValueOf<F extends Flag> = F extends { kind: "boolean" }
  ? boolean
  : F extends { kind: "integer" }
    ? number | null
    : F extends { kind: "list" }
      ? Kept<F>[]
      : Kept<F> | null;

/** A list is empty, a boolean its default and anything else `null` when the flag was not given. */
export type FlagValues<Table extends Flags> = { [Name in keyof Table]: ValueOf<Table[Name]> };

export interface ParsedFlags<Table extends Flags> {
  values: FlagValues<Table>;
  positionals: string[];
  /** Long names of the flags that were there. */
  given: ReadonlySet<string>;
  /** `--help`, or `-h` where that means nothing else. */
  help: boolean;
}

export interface ParseOptions {
  /** Whether flags may follow the first positional word; where they may not, the rest belongs to the container. */
  interspersed: boolean;
}

/** @throws FlagError in docker's words */
export function parseFlags<const Table extends Flags>(
  table: Table,
  words: readonly string[],
  options: ParseOptions,
): ParsedFlags<Table> {
  const parser = new FlagParser(table, words);
  parser.run(options.interspersed);
  const { values, positionals, given, help } = parser;
  // The parser filled one entry per flag of the table, by its kind.
  return { values: values as unknown as FlagValues<Table>, positionals, given, help };
}

/** docker's way to name a flag in an error: `-e, --env`. */
function flagName(name: string, flag: Flag): string {
  return flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
}

interface Named {
  name: string;
  flag: Flag;
}

class FlagParser {
  readonly values: Record<string, unknown> = {};
  readonly positionals: string[] = [];
  readonly given = new Set<string>();
  help = false;
  readonly #long = new Map<string, Named>();
  readonly #short = new Map<string, Named>();
  readonly #words: readonly string[];
  #next = 0;

  constructor(table: Flags, words: readonly string[]) {
    this.#words = words;
    for (const name of Object.keys(table)) {
      const flag = table[name] as Flag;
      const named = { name, flag };
      this.#long.set(name, named);
      for (const alias of flag.aliases ?? []) this.#long.set(alias, named);
      if (flag.short !== undefined) this.#short.set(flag.short, named);
      this.values[name] = initialValue(flag);
    }
  }

  run(interspersed: boolean): void {
    while (this.#next < this.#words.length) {
      const word = this.#words[this.#next++] as string;
      if (word === "--") break;
      if (word.length > 1 && word.startsWith("-")) {
        if (word.startsWith("--")) this.#parseLong(word);
        else this.#parseShort(word.slice(1));
        continue;
      }
      this.positionals.push(word);
      if (!interspersed) break;
    }
    this.positionals.push(...this.#words.slice(this.#next));
  }

  #parseLong(word: string): void {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals < 0 ? undefined : equals);
    if (name === "" || name.startsWith("-")) throw new FlagError(`bad flag syntax: ${word}`);
    const named = this.#long.get(name);
    if (named === undefined) {
      if (name !== "help") throw new FlagError(`unknown flag: --${name}`, `--${name}`);
      this.help = equals < 0 || parseBooleanFlag("--help", word.slice(equals + 1));
      return;
    }
    if (equals >= 0) this.#keep(named, word.slice(equals + 1));
    else if (named.flag.kind === "boolean") this.#keep(named, "true");
    else this.#keep(named, this.#nextWord(`--${name}`));
  }

  /** `-itd`, `-itdname`, `-e=A`, `-eA`, `-e A`. */
  #parseShort(cluster: string): void {
    let rest = cluster;
    while (rest !== "") {
      const letter = String.fromCodePoint(rest.codePointAt(0) ?? 0);
      const named = this.#short.get(letter);
      const tail = rest.slice(letter.length);
      if (named === undefined) {
        if (letter !== "h") throw new FlagError(`unknown shorthand flag: '${letter}' in -${rest}`, `-${letter}`);
        this.help = true;
        rest = tail;
        continue;
      }
      // pflag: `=` needs something after it, else it is the value itself.
      if (tail.length > 1 && tail.startsWith("=")) return this.#keep(named, tail.slice(1));
      if (named.flag.kind === "boolean") {
        this.#keep(named, "true");
        rest = tail;
        continue;
      }
      return this.#keep(named, tail === "" ? this.#nextWord(`'${letter}' in -${rest}`) : tail);
    }
  }

  #nextWord(asked: string): string {
    const word = this.#words[this.#next++];
    if (word === undefined) throw new FlagError(`flag needs an argument: ${asked}`);
    return word;
  }

  #keep({ name, flag }: Named, text: string): void {
    this.given.add(name);
    const value = parseValue(name, flag, text);
    if (flag.kind === "list") (this.values[name] as unknown[]).push(value);
    else this.values[name] = value;
  }
}

function initialValue(flag: Flag): unknown {
  if (flag.kind === "boolean") return flag.default ?? false;
  return flag.kind === "list" ? [] : null;
}

function parseValue(name: string, flag: Flag, text: string): unknown {
  try {
    if (flag.kind === "boolean") return parseBoolean(text);
    if (flag.kind === "integer") return parseInteger(text);
    return flag.parse === undefined ? text : flag.parse(text);
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    throw invalidArgument(text, flagName(name, flag), error);
  }
}

function parseBooleanFlag(name: string, text: string): boolean {
  try {
    return parseBoolean(text);
  } catch (error) {
    throw error instanceof ScanError ? invalidArgument(text, name, error) : error;
  }
}

function invalidArgument(text: string, name: string, reason: ScanError): FlagError {
  return new FlagError(`invalid argument ${quote(text)} for "${name}" flag: ${reason.message}`);
}
