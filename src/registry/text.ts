// Text from strangers made fit for one line of a terminal.

/** Long enough for any honest message. */
const MAX_SHOWN = 300;
/** Controls, and what reorders, hides or breaks text: bidirectional and zero-width characters, separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Cuts and escapes: control characters become `\u001b`. */
export function printable(text: string, limit = MAX_SHOWN): string {
  const escaped = text
    .slice(0, limit)
    .toWellFormed()
    .replace(UNPRINTABLE, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
  return text.length > limit || escaped.length > limit ? `${escaped.slice(0, limit)}…` : escaped;
}

/** Whether every character is one that a header value may hold and no proxy trips over: visible ASCII. */
export function isHeaderSafe(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
