// The command line's public face: words → a command that is ready to run. On the hot path of every start:
// imports nothing that is not small, dispatches known verbs by hand, leaves the rest (help, mistakes) to lazy files.

import { resolve } from "node:path";
import { parseLogLevel, setLogLevel } from "../log.ts";
import { parseFlags } from "./flags.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { print } from "./output.ts";
import { FlagError } from "./usage.ts";
import type { FlagOwner, GlobalOptions, ReadyCommand, Verb } from "./verb.ts";
import { GROUPS, lookup, PROGRAM, VERBS } from "./verbs.ts";
import { shortVersion } from "./version.ts";

export { flush, OutputError, outputBroken, warn } from "./output.ts";
export { usedEngine } from "./engine.ts";
export { UsageError } from "./usage.ts";
export type { ExitStyle } from "./verb.ts";

/** What renders failures, loaded when there is one. */
export const loadReport = (): Promise<typeof import("./report.ts")> => import("./report.ts");
export { shortVersion } from "./version.ts";

/** Understands a command line, up to the verb's own words. @throws BunkerError for one that makes no sense */
export async function readCommandLine(words: readonly string[]): Promise<ReadyCommand> {
  const { values, positionals, help } = await explained(null, () =>
    parseFlags(GLOBAL_FLAGS, words, { interspersed: false }),
  );
  if (values.version) return done(() => print(`${shortVersion()}\n`));
  // All that reads it looks there.
  if (values.config !== null) process.env["DOCKER_CONFIG"] = resolve(values.config);
  if (values["log-level"] !== null) setLogLevel(parseLogLevel(values["log-level"]));
  if (values.debug) setLogLevel("debug");
  const { root, runroot, runtime, "runtime-flag": runtimeFlags } = values;
  const globals = { root, runroot, runtime, runtimeFlags };
  const [name, ...rest] = positionals;
  if (name === undefined || help) return rootHelp();
  const entry = name.includes(" ") ? undefined : lookup(VERBS, name);
  if (entry !== undefined) return readVerb({ key: name, path: `${PROGRAM} ${name}` }, rest, globals);
  const group = lookup(GROUPS, name);
  const member = group === undefined ? undefined : lookup(group.members, rest[0] ?? "");
  if (member !== undefined) {
    return readVerb({ key: member, path: `${PROGRAM} ${name} ${rest[0]}` }, rest.slice(1), globals);
  }
  const { readTree } = await import("./root.ts");
  // `container --help ls`: what follows a flag does not matter.
  return readTree(rest[0]?.startsWith("-") === true ? positionals.slice(0, 2) : positionals);
}

async function readVerb(
  { key, path }: { key: string; path: string },
  words: readonly string[],
  globals: GlobalOptions,
): Promise<ReadyCommand> {
  const { verb } = await (lookup(VERBS, key) as { load: () => Promise<{ verb: Verb }> }).load();
  const parsed = await explained({ key, path, verb }, () => verb.parse(words));
  if (!parsed.help) return { exitStyle: verb.exitStyle ?? "plain", run: () => verb.run(path, parsed, globals) };
  const { verbHelp } = await import("./help.ts");
  return done(() => print(verbHelp(key, path, verb)));
}

async function rootHelp(): Promise<ReadyCommand> {
  const { readTree } = await import("./root.ts");
  return readTree([]);
}

function done(action: () => void): ReadyCommand {
  return {
    exitStyle: "plain",
    run() {
      action();
      return Promise.resolve(0);
    },
  };
}

/** A flag that is not in the table is looked up among those that will come, and among similar ones. */
async function explained<T>(owner: FlagOwner | null, parse: () => T): Promise<T> {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    const { explainFlag } = await import("./mistakes.ts");
    throw explainFlag(owner, error);
  }
}
