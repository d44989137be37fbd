// argv → exit code. Renders every error; the only process.exit. Nothing else is decided here.

import {
  type ExitStyle,
  flush,
  loadReport,
  OutputError,
  outputBroken,
  readCommandLine,
  shortVersion,
  UsageError,
  usedEngine,
  warn,
} from "./cli/index.ts";
import { BunkerError, EXIT_ENGINE, EXIT_NOT_EXECUTABLE, exitCodeOf, expectHostFailure } from "./errors.ts";
import { flushLog } from "./log.ts";

/** A process that a signal ended looks so to a shell; ours notices the broken pipe itself. */
const EXIT_BROKEN_PIPE = 141;

/** A umask that takes the owner's own rights away would make everything we write useless: it then counts for others only. */
function keepOwnRights(): void {
  const OWNER = 0o700;
  const mask = process.umask();
  if ((mask & OWNER) !== 0) process.umask(mask & ~OWNER);
}

/** Other engines call their runtime by a path, and have no room for a verb: the name says it. */
const RUNTIME_NAME = /(?:^|\/)bunker-runtime[^/]*$/;

/** What was asked for. */
function readWords(): string[] {
  const words = process.argv.slice(2);
  return RUNTIME_NAME.test(process.argv0) ? ["runtime", ...words] : words;
}

/** @returns the exit code */
async function main(words: readonly string[]): Promise<number> {
  let exitStyle: ExitStyle = "plain";
  try {
    const command = await readCommandLine(words);
    ({ exitStyle } = command);
    const broken = outputBroken().then((error) => Promise.reject(error));
    const exitCode = await Promise.race([command.run(), broken]);
    await Promise.all([flush(), flushLog()]);
    return exitCode;
  } catch (error) {
    return report(error, exitStyle);
  }
}

/** Tells what went wrong. @returns the exit code */
async function report(thrown: unknown, exitStyle: ExitStyle): Promise<number> {
  const error = expectHostFailure(thrown);
  if (error instanceof OutputError && error.broken) return EXIT_BROKEN_PIPE;
  const { renderBug, renderError } = await loadReport();
  if (error instanceof BunkerError) warn(renderError(error));
  else if (error instanceof OutputError) warn(renderError(new BunkerError("no-space", error.message)));
  else warn(renderBug(error, shortVersion()));
  // What was printed before it went wrong is still wanted; that it cannot be written has been told.
  await Promise.allSettled([flush(), flushLog()]);
  return exitCodeFor(error, exitStyle);
}

function exitCodeFor(error: unknown, exitStyle: ExitStyle): number {
  if (error instanceof UsageError) return error.exitCode;
  const exitCode = exitCodeOf(error, exitStyle !== "plain");
  if (exitStyle !== "exec" || exitCode !== EXIT_ENGINE) return exitCode;
  // docker's exec: 126 and 127 are the command's, and 126 is its user's; the engine's own failures are 1.
  return error instanceof BunkerError && error.code === "user-not-found" ? EXIT_NOT_EXECUTABLE : 1;
}

/** Ends the process, once everything is written. */
async function leave(exitCode: number): Promise<never> {
  try {
    if (usedEngine()) {
      const { exitNow } = await import("./native/index.ts");
      exitNow(exitCode);
    }
  } catch {
    // The addon cannot be loaded: that was the error, and has been told.
  }
  process.exit(exitCode);
}

keepOwnRights();
process.on("uncaughtException", (error) => void report(error, "run").then(leave));
process.on("unhandledRejection", (error) => void report(error, "run").then(leave));
await leave(await main(readWords()));
