// The functions of Go's templates and docker's own. Pure; each gets evaluated arguments and throws a CallError.

import { sprintf } from "./printf.ts";
import { compareText, fieldNames, GoNil, goJson, goText, isMap, isStruct, isTrue, typeName } from "./value.ts";

/** What a function has against its arguments. `argument`: which one has the wrong type; Go checks that before the call. */
export class CallError extends Error {
  readonly argument: number | null;

  constructor(message: string, argument: number | null = null) {
    super(message);
    this.argument = argument;
  }
}

export type TemplateFunction = (words: readonly unknown[]) => unknown;

/** Longer than this is a bomb. */
const MAX_TEXT = 64 * 1024 * 1024;
const ENCODER = new TextEncoder();

/** `and`, `or` and their laziness are the evaluator's. */
export const LAZY_FUNCTIONS: ReadonlySet<string> = new Set(["and", "or"]);

export const FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: ([value]) => goJson(value),
  split: (words) => text(words, 0).split(text(words, 1)),
  join: (words) =>
    list(words, 0)
      .map((item) => text([item], 0))
      .join(text(words, 1)),
  lower: (words) => text(words, 0).toLowerCase(),
  upper: (words) => text(words, 0).toUpperCase(),
  title: (words) => text(words, 0).replace(/(?<![\p{L}\p{Nd}_])\p{L}/gu, (letter) => letter.toUpperCase()),
  pad(words) {
    const [source, before, after] = [text(words, 0), integer(words, 1), integer(words, 2)];
    return source === "" ? "" : repeat(" ", before) + source + repeat(" ", after);
  },
  truncate: (words) => text(words, 0).slice(0, Math.max(integer(words, 1), 0)),
  print: (words) => sprint(words),
  println: (words) => `${words.map(goText).join(" ")}\n`,
  printf: (words) => sprintf(text(words, 0), words.slice(1)),
  len: ([value]) => length(value),
  index: ([value, ...keys]) => keys.reduce((item, key) => indexOne(item, key), value),
  slice,
  not: ([value]) => !isTrue(value),
  eq: ([left, ...others]) => {
    if (others.length === 0) throw new CallError("missing argument for comparison");
    return others.map((other) => isEqual(left, other)).includes(true);
  },
  ne: ([left, right]) => !isEqual(left, right),
  lt: ([left, right]) => order(left, right) < 0,
  le: ([left, right]) => order(left, right) <= 0,
  gt: ([left, right]) => order(left, right) > 0,
  ge: ([left, right]) => order(left, right) >= 0,
  html: (words) => sprint(words).replace(/[&<>"'\0]/g, (character) => HTML[character] ?? character),
  js: (words) => sprint(words).replace(/[\\'"<>&=]|(?![\u0080-\u009f])\p{Cc}/gu, escapeScript),
  urlquery: (words) =>
    encodeURIComponent(sprint(words))
      .replaceAll("%20", "+")
      .replace(/[!'()*]/g, percent),
};

/** How many arguments each takes: least and most. */
export const ARITY: Readonly<Record<string, readonly [least: number, most: number]>> = {
  json: [1, 1],
  split: [2, 2],
  join: [2, 2],
  lower: [1, 1],
  upper: [1, 1],
  title: [1, 1],
  pad: [3, 3],
  truncate: [2, 2],
  printf: [1, Number.POSITIVE_INFINITY],
  len: [1, 1],
  index: [1, Number.POSITIVE_INFINITY],
  slice: [1, 4],
  not: [1, 1],
  eq: [1, Number.POSITIVE_INFINITY],
  ne: [2, 2],
  lt: [2, 2],
  le: [2, 2],
  gt: [2, 2],
  ge: [2, 2],
  and: [1, Number.POSITIVE_INFINITY],
  or: [1, Number.POSITIVE_INFINITY],
};

/** In the header row of a table every function gives back what it was given (docker's HeaderFunctions). */
export const HEADER_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  ...FUNCTIONS,
  ...Object.fromEntries(
    ["json", "title", "lower", "upper", "truncate", "split", "join", "pad"].map((name) => [name, first]),
  ),
};

function first(words: readonly unknown[]): unknown {
  return words[0];
}

function wrongType(expected: string, words: readonly unknown[], index: number): CallError {
  const value = words[index];
  if (value === undefined || value === null) return new CallError(`invalid value; expected ${expected}`, index);
  return new CallError(`wrong type for value; expected ${expected}; got ${typeName(value)}`, index);
}

function text(words: readonly unknown[], index: number): string {
  const value = words[index];
  if (typeof value !== "string") throw wrongType("string", words, index);
  return value;
}

function integer(words: readonly unknown[], index: number): number {
  const value = words[index];
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType("int", words, index);
  return value;
}

function list(words: readonly unknown[], index: number): unknown[] {
  const value = words[index];
  if (value instanceof GoNil) return [];
  if (!Array.isArray(value)) throw wrongType("[]string", words, index);
  return value;
}

function repeat(unit: string, count: number): string {
  if (count < 0) throw new CallError("strings: negative Repeat count");
  if (count > MAX_TEXT) throw new CallError("the text is too long");
  return unit.repeat(count);
}

/** fmt.Sprint: a space between operands of which neither is a string. */
function sprint(words: readonly unknown[]): string {
  let result = "";
  for (const [index, word] of words.entries()) {
    if (index > 0 && typeof word !== "string" && typeof words[index - 1] !== "string") result += " ";
    result += goText(word);
  }
  return result;
}

function length(value: unknown): number {
  if (typeof value === "string") return ENCODER.encode(value).length;
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return value.size;
  if (value instanceof GoNil) return 0;
  // docker runs a template that does not suit its structs once more, on the JSON, where they are maps.
  if (isStruct(value)) return fieldNames(value).length;
  throw new CallError(value === null || value === undefined ? "len of nil pointer" : `len of type ${typeName(value)}`);
}

function indexOne(value: unknown, key: unknown): unknown {
  if (value === undefined) throw new CallError("index of nil pointer");
  if (value === null) throw new CallError("index of untyped nil");
  if (isStruct(value) && typeof key === "string") return Object.hasOwn(value, key) ? value[key] : undefined;
  if (value instanceof GoNil && value.kind === "map") return "";
  if (isMap(value)) {
    if (typeof key !== "string") throw new CallError(`value has type ${typeName(key)}; should be string`);
    return value.has(key) ? value.get(key) : zeroOf(value);
  }
  const sequence = value instanceof GoNil ? [] : typeof value === "string" ? ENCODER.encode(value) : value;
  if (!Array.isArray(sequence) && !(sequence instanceof Uint8Array)) {
    throw new CallError(`can't index item of type ${typeName(value)}`);
  }
  if (typeof key !== "number") throw new CallError(`cannot index slice/array with type ${typeName(key)}`);
  if (key < 0 || key >= sequence.length) throw new CallError(`index out of range: ${key}`);
  return sequence[key];
}

/** What Go's map gives for a key it does not have, as far as the other values tell its type. */
function zeroOf(map: Map<string, unknown>): unknown {
  const [sample] = map.values();
  if (sample === undefined || typeof sample === "string") return "";
  return typeof sample === "number" ? 0 : typeof sample === "boolean" ? false : undefined;
}

function slice([value, ...bounds]: readonly unknown[]): unknown {
  if (typeof value !== "string" && !Array.isArray(value))
    throw new CallError(`can't slice item of type ${typeName(value)}`);
  const sequence = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  const indexes = bounds.map((_, index) => integer(bounds, index));
  for (const index of indexes) {
    if (index < 0 || index > sequence.length) throw new CallError(`index out of range: ${index}`);
  }
  const [from = 0, to = sequence.length] = indexes;
  if (from > to) throw new CallError(`invalid slice index: ${from} > ${to}`);
  const part = sequence.slice(from, to);
  return Array.isArray(part) ? part : part.toString("utf8");
}

function basicKind(value: unknown): string {
  if (value === undefined || value === null || value instanceof GoNil) return "nil";
  if (typeof value === "object") throw new CallError(`non-comparable type ${goText(value)}: ${typeName(value)}`);
  return typeof value;
}

function isEqual(left: unknown, right: unknown): boolean {
  const kinds = [basicKind(left), basicKind(right)];
  if (kinds.includes("nil")) return kinds[0] === kinds[1];
  if (kinds[0] !== kinds[1]) throw new CallError("incompatible types for comparison");
  return left === right;
}

function order(left: unknown, right: unknown): number {
  const kind = basicKind(left);
  if (kind !== basicKind(right)) throw new CallError("incompatible types for comparison");
  if (kind === "string") return compareText(left as string, right as string);
  if (kind === "number") return (left as number) - (right as number);
  throw new CallError("invalid type for comparison");
}

const HTML: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
  "\0": "\ufffd",
};

function escapeScript(character: string): string {
  if (character === "\\" || character === "'" || character === '"') return `\\${character}`;
  return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
