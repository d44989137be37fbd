// What is wrong with a template, in the words of Go's text/template.

/** Letters of a piece that an error quotes. */
const MAX_CONTEXT = 200;

export interface TemplateSource {
  name: string;
  source: string;
}

export class TemplateError extends Error {
  /** Whether it came up only when the template met the data. */
  readonly executing: boolean;

  constructor(message: string, executing = false) {
    super(message);
    this.executing = executing;
  }

  static parsing(template: TemplateSource, at: number, message: string): TemplateError {
    const { name, source } = template;
    return new TemplateError(`template: ${name}:${lineOf(source, at)}: ${message}`);
  }

  /** `node` is the piece of the template that was being executed. */
  static executing(
    template: TemplateSource,
    node: { start: number; at: number; end: number },
    message: string,
  ): TemplateError {
    const { name, source } = template;
    const line = lineOf(source, node.at);
    const column = node.at - (source.lastIndexOf("\n", node.at - 1) + 1);
    const text = source.slice(node.start, node.end);
    const context = text.length > MAX_CONTEXT ? `${text.slice(0, MAX_CONTEXT)}...` : text;
    return new TemplateError(
      `template: ${name}:${line}:${column}: executing "${name}" at <${context}>: ${message}`,
      true,
    );
  }
}

function lineOf(source: string, at: number): number {
  let line = 1;
  for (let index = source.indexOf("\n"); index >= 0 && index < at; index = source.indexOf("\n", index + 1)) line++;
  return line;
}
