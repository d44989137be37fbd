// Values as Go's templates see them. JSON has objects only; Go has structs (a wrong field is an error), maps (a missing
// key is no value) and typed nils. Ours: plain object, Map and GoNil. Own data only: nothing is looked up on a prototype.

import { padExponent } from "../strconv.ts";

/** Go's nil slice or nil map: prints as an empty one, is `null` in JSON. */
export class GoNil {
  readonly kind: "slice" | "map";

  constructor(kind: "slice" | "map") {
    this.kind = kind;
  }
}

/** A field that takes arguments: `{{.Label "x"}}`. */
export type Method = (...words: unknown[]) => unknown;

export type Struct = Record<string, unknown>;

export function isStruct(value: unknown): value is Struct {
  return (
    typeof value === "object" && value !== null && !isMap(value) && !Array.isArray(value) && !(value instanceof GoNil)
  );
}

export function isMap(value: unknown): value is Map<string, unknown> {
  return value instanceof Map;
}

/** A struct's fields, by name, as an object without methods. */
export function fieldNames(struct: Struct): string[] {
  return Object.keys(struct).filter((name) => typeof struct[name] !== "function");
}

/** A map's keys in Go's order: by bytes, which is by code point. */
export function sortedKeys(map: Map<string, unknown>): string[] {
  return [...map.keys()].sort(compareText);
}

/** -1, 0 or 1 by code point. UTF-16's own order differs above U+FFFF alone. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Go's truth: not the zero value, not empty. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null || value instanceof GoNil) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (isMap(value)) return value.size > 0;
  return typeof value === "object" || Boolean(value);
}

/** Go's name of a value's type, as errors and %T show it. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  if (Array.isArray(value)) return value.every((item) => typeof item === "string") ? "[]string" : "[]interface {}";
  if (value instanceof GoNil) return value.kind === "slice" ? "[]string" : "map[string]string";
  if (isMap(value))
    return [...value.values()].every((item) => typeof item === "string")
      ? "map[string]string"
      : "map[string]interface {}";
  return "struct";
}

/** %v: how Go prints a value. */
export function goText(value: unknown): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "number") return numberText(value);
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (value instanceof GoNil) return value.kind === "slice" ? "[]" : "map[]";
  if (isMap(value))
    return `map[${sortedKeys(value)
      .map((key) => `${key}:${goText(value.get(key))}`)
      .join(" ")}]`;
  if (isStruct(value))
    return `{${fieldNames(value)
      .map((name) => goText(value[name]))
      .join(" ")}}`;
  return `${value as boolean | bigint}`;
}

/** From here on an integer is a float to Go. */
const FIRST_FLOAT = 2 ** 63;
/** Go's %v of a float has an exponent from 1e6 on and below 1e-4. */
const LARGEST_PLAIN = 1e6;
const SMALLEST_PLAIN = 1e-4;

function numberText(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < FIRST_FLOAT) return BigInt(value).toString();
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return padExponent(size < SMALLEST_PLAIN || size >= LARGEST_PLAIN ? value.toExponential() : String(value));
}

export interface JsonOptions {
  /** json.Marshal's `\u003c` for `<`, `>` and `&`. */
  html: boolean;
}

/** Go's JSON: maps by key, structs in their order, no spaces. */
export function goJson(value: unknown, options: JsonOptions = { html: false }): string {
  if (value === undefined || value === null || value instanceof GoNil) return "null";
  if (Array.isArray(value)) return `[${value.map((item) => goJson(item, options)).join(",")}]`;
  if (isMap(value)) return objectJson(sortedKeys(value), (key) => value.get(key), options);
  if (isStruct(value)) return objectJson(fieldNames(value), (name) => value[name], options);
  return escapeJson(JSON.stringify(value) ?? "null", options.html);
}

function objectJson(keys: string[], get: (key: string) => unknown, options: JsonOptions): string {
  const members = keys.map((key) => `${escapeJson(JSON.stringify(key), options.html)}:${goJson(get(key), options)}`);
  return `{${members.join(",")}}`;
}

// DEL, C1, line separators and direction changes: valid in JSON, not wanted on a terminal.
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const HTML = /[<>&]/g;

function escapeJson(json: string, html: boolean): string {
  const safe = json.replace(UNSAFE, unicodeEscape);
  return html ? safe.replace(HTML, unicodeEscape) : safe;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
