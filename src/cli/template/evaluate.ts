// Go's text/template, last step: a tree and data → text. Bounded: a template is an input like any other.

import { TemplateError } from "./error.ts";
import { ARITY, CallError, LAZY_FUNCTIONS, type TemplateFunction } from "./functions.ts";
import type { Command, Node, Operand, Pipe } from "./tree.ts";
import { GoNil, goText, isMap, isStruct, isTrue, type Method, sortedKeys } from "./value.ts";

/** More steps or more text than this is a bomb, not a listing. */
const MAX_STEPS = 1_000_000;
const MAX_OUTPUT = 64 * 1024 * 1024;

export interface EvaluateOptions {
  name: string;
  source: string;
  functions: Readonly<Record<string, TemplateFunction>>;
  /** Go's complaint about a field that a struct does not have. */
  missingField: (field: string) => string;
  /** Applied to what actions print; the template's own text is its writer's business. */
  escape: (text: string) => string;
}

interface Input {
  dot: unknown;
  /** The value that a pipeline hands on: the last argument. */
  piped: readonly unknown[];
}

/** Thrown by {{break}} and {{continue}}, caught by the range around them. */
class LoopSignal extends Error {
  readonly kind: "break" | "continue";

  constructor(kind: "break" | "continue") {
    super(kind);
    this.kind = kind;
  }
}

/** @throws TemplateError in Go's words */
export function evaluateTemplate(nodes: readonly Node[], data: unknown, options: EvaluateOptions): string {
  return new Evaluator(data, options).run(nodes);
}

class Evaluator {
  readonly #options: EvaluateOptions;
  /** Innermost last; `$` is the data. */
  readonly #variables: { name: string; value: unknown }[];
  readonly #data: unknown;
  #output = "";
  #steps = 0;

  constructor(data: unknown, options: EvaluateOptions) {
    this.#data = data;
    this.#options = options;
    this.#variables = [{ name: "$", value: data }];
  }

  run(nodes: readonly Node[]): string {
    this.#walk(nodes, this.#data);
    return this.#output;
  }

  #walk(nodes: readonly Node[], dot: unknown): void {
    for (const node of nodes) {
      this.#step(node.kind === "text" ? node.text : "");
      if (node.kind === "action") this.#action(node.pipe, dot);
      else if ("body" in node) this.#control(node, dot);
      else if (node.kind !== "text") throw new LoopSignal(node.kind);
    }
  }

  #step(text: string): void {
    this.#output += text;
    this.#steps++;
    if (this.#steps > MAX_STEPS || this.#output.length > MAX_OUTPUT) {
      throw new TemplateError(`template: ${this.#options.name}: stopped: it does not come to an end`, true);
    }
  }

  #action(pipe: Pipe, dot: unknown): void {
    const value = this.#pipe(pipe, dot);
    if (pipe.names.length === 0) this.#step(this.#options.escape(value === undefined ? "<no value>" : goText(value)));
  }

  #control(node: Extract<Node, { pipe: Pipe; body: Node[] }>, dot: unknown): void {
    const scope = this.#variables.length;
    // Range gives its variables their values itself, one round after the other.
    const value = this.#pipe(node.kind === "range" ? { ...node.pipe, names: [] } : node.pipe, dot);
    if (node.kind === "range") this.#range(node, value, dot);
    else if (isTrue(value)) this.#walk(node.body, node.kind === "with" ? value : dot);
    else this.#walk(node.otherwise, dot);
    this.#variables.length = scope;
  }

  #range(node: Extract<Node, { pipe: Pipe; body: Node[] }>, value: unknown, dot: unknown): void {
    const rounds = this.#rounds(node.pipe, value);
    if (rounds.length === 0) return this.#walk(node.otherwise, dot);
    const scope = this.#variables.length;
    for (const [key, item] of rounds) {
      this.#step("");
      const { names } = node.pipe;
      const values = names.length === 2 ? [key, item] : [item];
      for (const [index, name] of names.entries()) this.#set(name, values[index], node.pipe);
      try {
        this.#walk(node.body, item);
      } catch (error) {
        if (!(error instanceof LoopSignal)) throw error;
        if (error.kind === "break") return;
      } finally {
        this.#variables.length = scope;
      }
    }
  }

  #rounds(pipe: Pipe, value: unknown): (readonly [unknown, unknown])[] {
    if (value === undefined || value === null || value instanceof GoNil) return [];
    if (Array.isArray(value)) return value.map((item, index) => [index, item] as const);
    if (isMap(value)) return sortedKeys(value).map((key) => [key, value.get(key)] as const);
    if (typeof value === "number" && Number.isInteger(value)) {
      return Array.from({ length: Math.min(Math.max(value, 0), MAX_STEPS + 1) }, (_, index) => [index, index] as const);
    }
    throw this.#error(pipe, `range can't iterate over ${goText(value)}`);
  }

  #pipe(pipe: Pipe, dot: unknown): unknown {
    let value: unknown;
    for (const [index, command] of pipe.commands.entries()) {
      value = this.#command(command, { dot, piped: index === 0 ? [] : [value] });
    }
    for (const name of pipe.names) this.#set(name, value, pipe);
    return value;
  }

  #set(name: string, value: unknown, pipe: Pipe): void {
    if (!pipe.assign) return void this.#variables.push({ name, value });
    const variable = this.#variables.findLast((candidate) => candidate.name === name);
    if (variable === undefined) throw this.#error(pipe, `undefined variable: ${name}`);
    variable.value = value;
  }

  #command(command: Command, input: Input): unknown {
    this.#step("");
    const { dot, piped } = input;
    const [head, ...rest] = command.words as [Operand, ...Operand[]];
    if (head.kind === "function") return this.#function(head.name, command, input);
    if (head.kind === "field" || head.kind === "variable" || head.kind === "chain") {
      return this.#fields(head, dot, (method, field) => {
        const words = [...rest.map((word) => this.#operand(word, dot)), ...piped];
        if (method !== null) return this.#call(field, command, () => method(...words));
        if (words.length > 0) throw this.#error(head, `${field} is not a method but has arguments`);
        return undefined;
      });
    }
    if (rest.length > 0 || piped.length > 0) {
      const shown = this.#options.source.slice(head.start, head.end);
      throw this.#error(head, `can't give argument to non-function ${shown}`);
    }
    if (head.kind === "nil") throw this.#error(head, "nil is not a command");
    return this.#operand(head, dot);
  }

  #operand(operand: Operand, dot: unknown): unknown {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "literal":
        return operand.value;
      case "pipe": {
        const scope = this.#variables.length;
        const value = this.#pipe(operand.pipe, dot);
        this.#variables.length = scope;
        return value;
      }
      case "function":
        return this.#function(operand.name, { ...operand, words: [operand] }, { dot, piped: [] });
      default:
        return this.#fields(operand, dot, (method, field) =>
          method === null ? undefined : this.#call(field, operand, () => method()),
        );
    }
  }

  /** Follows a chain of fields; `last` is asked what to do with the last one, which may be a method. */
  #fields(
    operand: Extract<Operand, { fields: string[] }>,
    dot: unknown,
    last: (method: Method | null, field: string) => unknown,
  ): unknown {
    let value = operand.kind === "field" ? dot : this.#origin(operand, dot);
    const { fields } = operand;
    if (fields.length === 0) last(null, operand.kind === "variable" ? operand.name : "");
    for (const [index, field] of fields.entries()) {
      value = this.#field(operand, value, field);
      const method = typeof value === "function" ? (value as Method) : null;
      if (index === fields.length - 1) {
        const result = last(method, field);
        if (method !== null) value = result;
      } else if (method !== null) {
        value = this.#call(field, operand, () => method());
      }
    }
    return value;
  }

  #origin(operand: Extract<Operand, { kind: "variable" | "chain" }>, dot: unknown): unknown {
    if (operand.kind === "chain") return this.#operand(operand.of, dot);
    return this.#variables.findLast((candidate) => candidate.name === operand.name)?.value;
  }

  /** Own data only: `.constructor` and `.__proto__` are fields that nothing has. */
  #field(operand: Operand, value: unknown, field: string): unknown {
    if (value === undefined) return undefined;
    if (value === null) throw this.#error(operand, `nil data; no entry for key "${field}"`);
    if (isMap(value)) return value.get(field);
    if (value instanceof GoNil && value.kind === "map") return undefined;
    if (!isStruct(value)) throw this.#error(operand, `can't evaluate field ${field} in type interface {}`);
    if (!Object.hasOwn(value, field)) throw this.#error(operand, this.#options.missingField(field));
    return value[field];
  }

  #function(name: string, command: Command, input: Input): unknown {
    const { dot, piped } = input;
    const words = command.words.slice(1);
    const count = words.length + piped.length;
    const [least, most] = Object.hasOwn(ARITY, name)
      ? (ARITY[name] as readonly [number, number])
      : [0, Number.POSITIVE_INFINITY];
    if (count < least || count > most) {
      const want = least === most ? String(least) : `at least ${least}`;
      throw this.#error(command.words[0] ?? command, `wrong number of args for ${name}: want ${want} got ${count}`);
    }
    if (LAZY_FUNCTIONS.has(name)) return this.#lazy(name, words, input);
    const action = this.#options.functions[name] as TemplateFunction;
    return this.#call(name, command, () => action([...words.map((word) => this.#operand(word, dot)), ...piped]));
  }

  /** The first argument that decides, or the last; what follows it is not evaluated. */
  #lazy(name: string, words: readonly Operand[], { dot, piped }: Input): unknown {
    let value: unknown;
    for (const word of words) {
      value = this.#operand(word, dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }

  #call(name: string, at: { at: number; end: number; words?: Operand[] }, action: () => unknown): unknown {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.argument === null) throw this.#error(at, `error calling ${name}: ${error.message}`);
      // The function itself is the first word.
      throw this.#error(at.words?.[error.argument + 1] ?? at, error.message);
    }
  }

  #error(span: { at: number; end: number; start?: number }, message: string): TemplateError {
    const { name, source } = this.#options;
    return TemplateError.executing(
      { name, source },
      { start: span.start ?? span.at, at: span.at, end: span.end },
      message,
    );
  }
}
