// JSON from strangers: bounded in size, nesting and keys, duplicate keys refused (parsers disagree about them, which is
// how one document is made to mean two things), well-formed UTF-8 only. Gives plain data; decides nothing about it.

import { BunkerError } from "../errors.ts";

export type JsonObject = { [key: string]: unknown };

/** security.md §3: a manifest, index or config. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
const MAX_NESTING = 64;
const MAX_KEYS = 100_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Index just after the string that opens at `start`. */
function skipString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    // The document parsed, so every string is closed.
    at += unit === BACKSLASH ? 2 : 1;
  }
}

/** Throws when nesting is too deep; runs before the parser so that its recursion is bounded as well. */
function ensureNesting(text: string, what: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (inString) {
      if (unit === BACKSLASH) at += 1;
      else if (unit === QUOTE) inString = false;
      continue;
    }
    if (unit === QUOTE) inString = true;
    else if (unit === 0x7b || unit === 0x5b) depth += 1;
    else if (unit === 0x7d || unit === 0x5d) depth -= 1;
    if (depth > MAX_NESTING)
      throw new BunkerError("invalid-image", `${what}: nested deeper than ${MAX_NESTING} levels`);
  }
}

/** Checks the keys of a text that is known to be valid JSON. */
function ensureKeys(text: string, what: string): void {
  const stack: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length;) {
    const character = text[at];
    if (character === "{") stack.push(new Set());
    else if (character === "[") stack.push(null);
    else if (character === "}" || character === "]") stack.pop();
    if (character !== '"') {
      at += 1;
      continue;
    }
    const end = skipString(text, at);
    let next = end;
    while (/\s/.test(text[next] ?? "")) next += 1;
    const keys = stack.at(-1);
    if (text[next] === ":" && keys) ensureKey(keys, JSON.parse(text.slice(at, end)) as string, what);
    at = end;
  }
}

function ensureKey(keys: Set<string>, key: string, what: string): void {
  const shown = JSON.stringify(key.slice(0, 100));
  if (keys.has(key)) throw new BunkerError("invalid-image", `${what}: key ${shown} appears twice`);
  // An assignment to this name changes an object's prototype instead of storing a value.
  if (key === "__proto__") throw new BunkerError("invalid-image", `${what}: key ${shown} is not allowed`);
  keys.add(key);
  if (keys.size > MAX_KEYS) throw new BunkerError("invalid-image", `${what}: more than ${MAX_KEYS} keys in one object`);
}

/** Parses an object within the limits. `what` opens every message, as in `manifest "sha256:…"`. Throws `invalid-image`. */
export function parseJsonObject(bytes: Uint8Array, what: string, maxBytes = MAX_DOCUMENT_BYTES): JsonObject {
  if (bytes.byteLength > maxBytes) throw new BunkerError("invalid-image", `${what}: larger than ${maxBytes} bytes`);
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    ensureNesting(text, what);
    value = JSON.parse(text);
    ensureKeys(text, what);
  } catch (error) {
    if (error instanceof BunkerError) throw error;
    throw new BunkerError("invalid-image", `${what}: not valid JSON`, { cause: error });
  }
  if (!isJsonObject(value)) throw new BunkerError("invalid-image", `${what}: not a JSON object`);
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
