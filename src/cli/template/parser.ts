// Go's text/template, second step: words → a tree. What docker's users write; define, template and block are not there.

import { quote } from "../strconv.ts";
import { TemplateError } from "./error.ts";
import { type Token, type TokenKind, tokenize } from "./lexer.ts";
import { literalValue } from "./literal.ts";
import type { Command, Node, Operand, Pipe, Span } from "./tree.ts";

/** Deeper is a bomb, not a template. */
const MAX_DEPTH = 100;

type Ending = "end" | "else" | "eof";
interface Block {
  nodes: Node[];
  ending: Ending;
}

/** @throws TemplateError in Go's words */
export function parseTemplate(source: string, name: string, functions: ReadonlySet<string>): Node[] {
  return new Parser(source, name, functions).run();
}

class Parser {
  readonly #source: string;
  readonly #name: string;
  readonly #functions: ReadonlySet<string>;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;
  #loops = 0;
  /** Variables in scope, innermost last. */
  #variables: string[] = ["$"];

  constructor(source: string, name: string, functions: ReadonlySet<string>) {
    this.#source = source;
    this.#name = name;
    this.#functions = functions;
    this.#tokens = tokenize(source, name);
  }

  run(): Node[] {
    const { nodes, ending } = this.#block();
    if (ending !== "eof") throw this.#error(`unexpected {{${ending}}}`);
    return nodes;
  }

  /** Nodes up to `{{end}}`, `{{else` (whose rest is still to be read) or the end of the text. */
  #block(): Block {
    const nodes: Node[] = [];
    for (let token = this.#take(); token !== undefined; token = this.#take()) {
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      const word = this.#peek()?.kind === "identifier" ? (this.#peek() as Token).text : "";
      if (word === "end" || word === "else") {
        this.#next++;
        if (word === "end") this.#expect("close", "end");
        return { nodes, ending: word };
      }
      nodes.push(this.#action(word));
    }
    return { nodes, ending: "eof" };
  }

  #action(word: string): Node {
    if (word === "if" || word === "with" || word === "range") {
      this.#next++;
      return this.#control(word);
    }
    if (word === "break" || word === "continue") {
      const { at } = this.#take() as Token;
      if (this.#loops === 0) throw this.#error(`{{${word}}} outside {{range}}`, at);
      this.#expect("close", word);
      return { kind: word };
    }
    if (word === "define" || word === "template" || word === "block") {
      throw this.#error(`{{${word}}} is not supported`);
    }
    const pipe = this.#pipeline("command", "close");
    return { kind: "action", pipe };
  }

  #control(kind: "if" | "with" | "range"): Node {
    const scope = this.#variables.length;
    this.#enter();
    const pipe = this.#pipeline(kind, "close");
    if (kind === "range") this.#loops++;
    const body = this.#block();
    if (kind === "range") this.#loops--;
    const otherwise = body.ending === "else" ? this.#otherwise(kind) : [];
    if (body.ending === "eof") throw this.#error("unexpected EOF");
    this.#variables.length = scope;
    this.#depth--;
    return { kind, pipe, body: body.nodes, otherwise };
  }

  /** After `{{else`: its end, or `if` and `with` which share one `{{end}}`. */
  #otherwise(kind: "if" | "with" | "range"): Node[] {
    const word = this.#peek();
    if (word?.kind === "identifier" && word.text === kind && kind !== "range") {
      this.#next++;
      return [this.#control(kind)];
    }
    this.#expect("close", "else");
    const { nodes, ending } = this.#block();
    if (ending === "else") throw this.#error("expected end; found {{else}}");
    if (ending === "eof") throw this.#error("unexpected EOF");
    return nodes;
  }

  #pipeline(context: string, end: "close" | ")"): Pipe {
    const start = this.#peek()?.at ?? this.#source.length;
    const declared = this.#declaration(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined || token.kind === end) break;
      if (token.kind === ")") throw this.#error("unexpected right paren", token.at);
      if (token.kind === "close") throw this.#error("unclosed left paren", token.at);
      commands.push(this.#command());
    }
    const last = this.#take();
    if (last === undefined) throw this.#error("unexpected EOF");
    if (commands.length === 0) throw this.#error(`missing value for ${context}`, last.at);
    this.#ensureExecutable(commands);
    if (declared !== null && !declared.assign) this.#variables.push(...declared.names);
    return { at: start, end: last.at, ...(declared ?? { names: [], assign: false }), commands };
  }

  /** `$x :=`, `$x =`, and for range `$k, $v :=`. */
  #declaration(context: string): { names: string[]; assign: boolean } | null {
    const start = this.#next;
    const names: string[] = [];
    while (this.#peek()?.kind === "variable" && names.length < 2) {
      names.push((this.#take() as Token).text);
      const separator = this.#peek()?.kind;
      if (separator === ":=" || separator === "=") {
        this.#next++;
        return { names, assign: separator === "=" };
      }
      if (separator !== "comma" || context !== "range") break;
      this.#next++;
      if (this.#peek()?.kind !== "variable") throw this.#error("range can only initialize variables");
    }
    if (names.length === 2) throw this.#error("too many declarations in range");
    this.#next = start;
    return null;
  }

  /** Every command but the first gets the value before it, so it must be something that takes one. */
  #ensureExecutable(commands: Command[]): void {
    for (const [index, { words }] of commands.entries()) {
      const kind = words[0]?.kind;
      if (index > 0 && (kind === "literal" || kind === "nil" || kind === "dot")) {
        throw this.#error(`non executable command in pipeline stage ${index + 1}`);
      }
    }
  }

  #command(): Command {
    const words: Operand[] = [];
    const start = this.#peek() as Token;
    for (;;) {
      const operand = this.#operand();
      if (operand === null) break;
      words.push(operand);
      const next = this.#peek();
      if (next !== undefined && !next.spaced && !isEnd(next)) {
        throw this.#error(`unexpected ${describe(next)} in operand`, next.at);
      }
    }
    const next = this.#peek();
    if (next?.kind === "pipe") this.#next++;
    else if (next !== undefined && !isEnd(next)) {
      const where = next.kind === "other" && words.length > 0 ? "operand" : "command";
      throw this.#error(`unexpected ${describe(next)} in ${where}`, next.at);
    }
    if (words.length === 0) throw this.#error(`unexpected ${quote("|")} in command`, start.at);
    return { at: start.at, end: words.at(-1)?.end ?? start.at, words };
  }

  /** A term and the fields that follow it without a space. */
  #operand(): Operand | null {
    const term = this.#term();
    if (term === null) return null;
    const fields: string[] = [];
    let at = term.at;
    for (let next = this.#peek(); next?.kind === "field" && !next.spaced; next = this.#peek()) {
      // Go names the second field's place in its errors.
      if (fields.length === 0) at = next.at;
      fields.push((this.#take() as Token).text.slice(1));
    }
    if (fields.length === 0) return term;
    const end = this.#previousEnd();
    if (term.kind === "field" || term.kind === "variable")
      return { ...term, fields: [...term.fields, ...fields], at, end };
    if (term.kind === "pipe") return { kind: "chain", of: term, fields, at, end, start: term.start };
    throw this.#error(`unexpected . after term ${quote(this.#source.slice(term.start, term.end))}`);
  }

  #term(): Operand | null {
    const token = this.#peek();
    if (token === undefined) return null;
    const span = { at: token.at, start: token.at, end: token.at + token.text.length };
    switch (token.kind) {
      case "identifier":
        this.#next++;
        return this.#identifier(token, span);
      case "dot":
        this.#next++;
        return { kind: "dot", ...span };
      case "field":
        this.#next++;
        return { kind: "field", fields: [token.text.slice(1)], ...span };
      case "variable":
        this.#next++;
        if (!this.#variables.includes(token.text))
          throw this.#error(`undefined variable ${quote(token.text)}`, token.at);
        return { kind: "variable", name: token.text, fields: [], ...span };
      case "(":
        return this.#parenthesis(token);
      case "string":
      case "character":
      case "number":
        this.#next++;
        return { kind: "literal", value: this.#literal(token), ...span };
      default:
        return null;
    }
  }

  #identifier(token: Token, span: Span): Operand {
    if (token.text === "true" || token.text === "false")
      return { kind: "literal", value: token.text === "true", ...span };
    if (token.text === "nil") return { kind: "nil", ...span };
    if (!this.#functions.has(token.text)) throw this.#error(`function ${quote(token.text)} not defined`, token.at);
    return { kind: "function", name: token.text, ...span };
  }

  #parenthesis(token: Token): Operand {
    this.#next++;
    this.#enter();
    const pipe = this.#pipeline("parenthesized pipeline", ")");
    this.#depth--;
    return { kind: "pipe", pipe, at: token.at, start: token.at, end: this.#previousEnd() };
  }

  #literal(token: Token): string | number {
    const value = literalValue(token.kind, token.text);
    if (value === null) throw this.#error("invalid syntax", token.at);
    if (Number.isNaN(value)) throw this.#error(`illegal number syntax: ${quote(token.text)}`, token.at);
    return value;
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) throw this.#error("exceeded maximum nesting depth");
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take(): Token | undefined {
    return this.#tokens[this.#next++];
  }

  #expect(kind: TokenKind, context: string): void {
    const token = this.#take();
    if (token?.kind === kind) return;
    throw this.#error(
      token === undefined ? "unexpected EOF" : `unexpected ${describe(token)} in ${context}`,
      token?.at,
    );
  }

  #previousEnd(): number {
    const token = this.#tokens[this.#next - 1];
    return token === undefined ? 0 : token.at + token.text.length;
  }

  #error(message: string, at?: number): TemplateError {
    const place = at ?? this.#tokens[this.#next - 1]?.at ?? this.#source.length;
    return TemplateError.parsing({ name: this.#name, source: this.#source }, place, message);
  }
}

function isEnd(token: Token): boolean {
  return token.kind === "close" || token.kind === ")" || token.kind === "pipe";
}

function describe(token: Token): string {
  return token.kind === "identifier" || token.kind === "field" ? `<${token.text}>` : quote(token.text);
}
