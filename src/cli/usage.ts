// Mistakes on the command line, as errors with docker's exit codes. Knows no flag and no verb.

import { BunkerError, EXIT_ENGINE, type ErrorCode } from "../errors.ts";

/** docker's exit code of a flag that does not parse, whatever the verb. */
export const EXIT_BAD_FLAG = EXIT_ENGINE;
/** docker's exit code of everything else that is wrong with a command line. */
const EXIT_USAGE = 1;

/** An error that says itself what the exit code is, because docker's does not follow from the verb. */
export class UsageError extends BunkerError {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; hint?: string; code?: ErrorCode } = {}) {
    super(options.code ?? "usage", message, options.hint === undefined ? {} : { hint: options.hint });
    this.exitCode = options.exitCode ?? EXIT_USAGE;
  }
}

/** A flag that could not be parsed; `unknown` names one that is not in the table, for whoever explains it. */
export class FlagError extends UsageError {
  readonly unknown: string | null;

  constructor(message: string, unknown: string | null = null) {
    super(message, { exitCode: EXIT_BAD_FLAG });
    this.unknown = unknown;
  }
}

/** How many words a verb takes besides its flags. */
export interface ArgumentCount {
  min: number;
  max: number;
}

/** docker's rule and words. @throws UsageError */
export function ensureArgumentCount(
  path: string,
  verb: { usage: string; arguments: ArgumentCount },
  count: number,
): void {
  const { min, max } = verb.arguments;
  if (count >= min && count <= max) return;
  throw new UsageError(`'${path}' ${describeCount(min, max)}`, {
    hint: `Usage: ${path} ${verb.usage}. See '${path} --help'.`,
  });
}

function describeCount(min: number, max: number): string {
  if (max === 0) return "accepts no arguments";
  const noun = (count: number): string => (count === 1 ? "argument" : "arguments");
  if (min === max) return `requires ${min} ${noun(min)}`;
  if (max === Number.POSITIVE_INFINITY) return `requires at least ${min} ${noun(min)}`;
  if (min === 0) return `requires at most ${max} ${noun(max)}`;
  return `requires at least ${min} and at most ${max} arguments`;
}
