// Verbs with several targets: each is tried, each failure told, and one failure is enough for exit code 1.

import { BunkerError } from "../errors.ts";
import { print, warn } from "./output.ts";
import { renderError } from "./report.ts";

export interface TargetOptions {
  /** `-f`: a target that is not there is told, but is no failure (docker's rule for rm and rmi). */
  tolerateMissing?: boolean;
  /** A target that is not there is as good as done (podman's `--ignore`). */
  ignoreMissing?: boolean;
  /** What docker says when there is no name between the quotes. */
  emptyName?: string;
  /** One after the other: a target may need those before it. */
  inOrder?: boolean;
}

/**
 * Acts on all targets at once (stopping ten containers takes as long as stopping one) unless they have an order, and prints what
 * each gives, in the order they were named. @returns the exit code
 */
export async function forEachTarget(
  names: readonly string[],
  action: (name: string) => Promise<string>,
  options: TargetOptions = {},
): Promise<number> {
  let exitCode = 0;
  const begin = (name: string): Promise<Outcome> => settle(name, action, options);
  const begun = options.inOrder === true ? null : names.map(begin);
  for (const [at, name] of names.entries()) {
    // One after the other: the order of what is printed is the order of the names.
    const { text, error } = await (begun?.[at] ?? begin(name));
    if (error === null) {
      print(text);
      continue;
    }
    if (!(error instanceof BunkerError)) throw error;
    const missing = error.code === "not-found";
    if (missing && options.ignoreMissing === true) continue;
    warn(renderError(error));
    if (!(missing && options.tolerateMissing === true)) exitCode = 1;
  }
  return exitCode;
}

interface Outcome {
  text: string;
  error: Error | null;
}

async function settle(
  name: string,
  action: (name: string) => Promise<string>,
  options: TargetOptions,
): Promise<Outcome> {
  try {
    if (name === "") throw new BunkerError("usage", options.emptyName ?? "container name cannot be empty");
    return { text: await action(name), error: null };
  } catch (error) {
    return { text: "", error: error instanceof Error ? error : new Error(String(error)) };
  }
}
