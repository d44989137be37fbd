// Go's text/template, first step: text and the words inside {{ }}. Knows no grammar.

import { quote } from "../strconv.ts";
import { TemplateError } from "./error.ts";

export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "field"
  | "variable"
  | "identifier"
  | "string"
  | "character"
  | "number"
  | "dot"
  | "pipe"
  | "comma"
  | "("
  | ")"
  | ":="
  | "="
  | "other";

export interface Token {
  kind: TokenKind;
  text: string;
  /** Where it begins, in UTF-16 units. */
  at: number;
  /** Whether a space stands before it: `.A.B` is one operand, `.A .B` are two. */
  spaced: boolean;
}

const OPEN = "{{";
const CLOSE = "}}";
const OPEN_COMMENT = "/*";
const CLOSE_COMMENT = "*/";
const SPACE = /[ \t\r\n]/;
const LEADING_SPACE = /^[ \t\r\n]+/;

// Sticky: tried at one place only, in this order.
const WORDS: readonly (readonly [TokenKind, RegExp])[] = [
  ["string", /"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`/y],
  ["character", /'(?:[^'\\\n]|\\[^\n])+'/y],
  [
    "number",
    /[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)/y,
  ],
  ["variable", /\$[\p{L}\p{Nd}_]*/uy],
  ["field", /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["identifier", /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["dot", /\./y],
  [":=", /:=/y],
  ["=", /=/y],
  ["pipe", /\|/y],
  ["comma", /,/y],
  ["(", /\(/y],
  [")", /\)/y],
  // Nothing the grammar knows; the parser says so.
  ["other", /[%&*/<>?;@[\]^~{}!#]/y],
];

/** @throws TemplateError in Go's words */
export function tokenize(source: string, name: string): Token[] {
  return new Lexer(source, name).run();
}

class Lexer {
  readonly #tokens: Token[] = [];
  readonly #source: string;
  readonly #name: string;
  #at = 0;
  #trimNext = false;

  constructor(source: string, name: string) {
    this.#source = source;
    this.#name = name;
  }

  run(): Token[] {
    for (;;) {
      const open = this.#source.indexOf(OPEN, this.#at);
      this.#text(open < 0 ? this.#source.length : open);
      if (open < 0) return this.#tokens;
      this.#action(open);
    }
  }

  #text(end: number): void {
    let text = this.#source.slice(this.#at, end);
    if (this.#trimNext) text = text.replace(LEADING_SPACE, "");
    if (this.#isTrimMark(end + OPEN.length, "after")) text = trimSpacesAtEnd(text);
    if (text !== "") this.#tokens.push({ kind: "text", text, at: this.#at, spaced: false });
    this.#at = end;
  }

  /** `{{- ` and ` -}}`: the mark and a space belong together. */
  #isTrimMark(at: number, side: "after" | "before"): boolean {
    const [mark, space] = side === "after" ? [at, at + 1] : [at + 1, at];
    return this.#source[mark] === "-" && SPACE.test(this.#source[space] ?? "");
  }

  #action(open: number): void {
    this.#at = open + OPEN.length;
    if (this.#isTrimMark(this.#at, "after")) this.#at += 2;
    this.#trimNext = false;
    if (this.#source.startsWith(OPEN_COMMENT, this.#at)) return this.#comment(open);
    this.#tokens.push({ kind: "open", text: OPEN, at: open, spaced: false });
    while (!this.#closed(open)) this.#word(open);
  }

  #comment(open: number): void {
    const end = this.#source.indexOf(CLOSE_COMMENT, this.#at);
    if (end < 0) throw this.#error(open, "unclosed comment");
    this.#at = end + CLOSE_COMMENT.length;
    this.#trimNext = this.#isTrimMark(this.#at, "before");
    if (this.#trimNext) this.#at += 2;
    if (!this.#source.startsWith(CLOSE, this.#at)) throw this.#error(open, "comment ends before closing delimiter");
    this.#at += CLOSE.length;
  }

  /** Skips spaces; true when the action ends here. */
  #closed(open: number): boolean {
    const start = this.#at;
    while (SPACE.test(this.#source[this.#at] ?? "")) this.#at++;
    const trim = this.#at > start && this.#source.startsWith(`-${CLOSE}`, this.#at);
    if (trim) this.#at++;
    if (!this.#source.startsWith(CLOSE, this.#at)) {
      if (this.#at >= this.#source.length) throw this.#error(open, "unclosed action");
      return false;
    }
    this.#tokens.push({ kind: "close", text: CLOSE, at: this.#at, spaced: this.#at > start });
    this.#at += CLOSE.length;
    this.#trimNext = trim;
    return true;
  }

  #word(open: number): void {
    const start = this.#at;
    for (const [kind, pattern] of WORDS) {
      pattern.lastIndex = start;
      const text = pattern.exec(this.#source)?.[0];
      if (text === undefined) continue;
      this.#at += text.length;
      this.#ensureApart(kind, text, start);
      this.#tokens.push({ kind, text, at: start, spaced: SPACE.test(this.#source[start - 1] ?? "") });
      return;
    }
    throw this.#badCharacter(open, start);
  }

  /** Go: a word must end at something that can end it (`.A$x`, `1a` are mistakes). */
  #ensureApart(kind: TokenKind, text: string, start: number): void {
    if (kind === "number" && /[\p{L}\p{Nd}_.]/u.test(this.#source[this.#at] ?? "")) {
      const rest = /^[\p{L}\p{Nd}_.]+/u.exec(this.#source.slice(this.#at))?.[0] ?? "";
      throw this.#error(start, `bad number syntax: ${quote(text + rest)}`);
    }
    if (kind !== "field" && kind !== "variable" && kind !== "identifier") return;
    const next = this.#source[this.#at] ?? " ";
    const fits = SPACE.test(next) || ".,|:()".includes(next) || this.#source.startsWith(CLOSE, this.#at);
    if (!fits && next !== "=") throw this.#error(start, `bad character ${codePoint(next)}`);
  }

  #badCharacter(open: number, at: number): TemplateError {
    const character = String.fromCodePoint(this.#source.codePointAt(at) ?? 0);
    if (character === '"') return this.#error(open, "unterminated quoted string");
    if (character === "`") return this.#error(open, "unterminated raw quoted string");
    if (character === "'") return this.#error(open, "unterminated character constant");
    if (character === ":") return this.#error(at, "expected :=");
    if (character === "+" || character === "-") return this.#error(at, `illegal number syntax: ${quote(character)}`);
    return this.#error(at, `bad character ${codePoint(character)}`);
  }

  #error(at: number, message: string): TemplateError {
    return TemplateError.parsing({ name: this.#name, source: this.#source }, at, message);
  }
}

/** A regular expression would look at every space of a long text again and again. */
function trimSpacesAtEnd(text: string): string {
  let end = text.length;
  while (SPACE.test(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

/** Go's %#U: `U+007D '}'`. */
function codePoint(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `U+${code} '${character}'`;
}
