// The subset of Go's text/template that docker's users write in --format. Compile once, run per object.

import { TemplateError } from "./template/error.ts";
import { evaluateTemplate } from "./template/evaluate.ts";
import { FUNCTIONS, HEADER_FUNCTIONS, LAZY_FUNCTIONS } from "./template/functions.ts";
import { parseTemplate } from "./template/parser.ts";
import type { Node } from "./template/tree.ts";

export { TemplateError } from "./template/error.ts";
export { GoNil, goJson, type Method } from "./template/value.ts";

/** Longer than any template; the parser is linear, but a person did not write it. */
const MAX_SOURCE = 1024 * 1024;
const NAMES: ReadonlySet<string> = new Set([...Object.keys(FUNCTIONS), ...LAZY_FUNCTIONS]);

export interface TemplateOptions {
  /** Go's name of the template in errors; docker leaves it empty mostly. */
  name?: string;
  missingField?: (field: string) => string;
  /** Makes what actions print safe for where it goes. */
  escape?: (text: string) => string;
}

export interface Template {
  /** @throws TemplateError */
  execute(data: unknown): string;
  /** The header row: functions hand their argument through. @throws TemplateError */
  executeHeader(data: unknown): string;
}

/** @throws TemplateError in Go's words, without docker's prefix */
export function compileTemplate(source: string, options: TemplateOptions = {}): Template {
  const name = options.name ?? "";
  if (source.length > MAX_SOURCE) throw new TemplateError(`template: ${name}: longer than ${MAX_SOURCE} characters`);
  const nodes: Node[] = parseTemplate(source, name, NAMES);
  const shared = {
    name,
    source,
    missingField: options.missingField ?? ((field: string) => `map has no entry for key "${field}"`),
  };
  const escape = options.escape ?? ((text: string) => text);
  return {
    execute: (data) => evaluateTemplate(nodes, data, { ...shared, escape, functions: FUNCTIONS }),
    executeHeader: (data) =>
      evaluateTemplate(nodes, data, { ...shared, escape: (text) => text, functions: HEADER_FUNCTIONS }),
  };
}
