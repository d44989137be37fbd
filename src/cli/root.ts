// The command tree, kept by citty: what `--help` lists and what names that are no verb are looked up in.
// Known verbs do not come by here (index.ts dispatches them: citty's own parser would cost their start 1–2 ms).

import { type CommandDef, defineCommand, runCommand } from "citty";
import { groupHelp, programHelp } from "./help.ts";
import type { ReadyCommand } from "./verb.ts";
import { explainVerb } from "./mistakes.ts";
import { print } from "./output.ts";
import { EXIT_BAD_FLAG, UsageError } from "./usage.ts";
import { GROUPS, lookup, PROGRAM } from "./verbs.ts";

/** `words`: nothing, a group, a group and an unknown member, or a name that is nothing we know. */
export function readTree(words: readonly string[]): ReadyCommand {
  return {
    exitStyle: "plain",
    async run() {
      await runCommand(tree(), { rawArgs: [...words] }).catch((error: unknown) => {
        throw explainTree(words, error);
      });
      return 0;
    },
  };
}

/** Root and groups; each prints its help when nothing follows it. */
function tree(): CommandDef {
  const members: Record<string, CommandDef> = { help: helpCommand(PROGRAM, programHelp) };
  for (const name of Object.keys(GROUPS)) members[name] = groupCommand(name);
  return defineCommand({ meta: { name: PROGRAM }, subCommands: ownOnly(members), default: "help" });
}

function groupCommand(name: string): CommandDef {
  return defineCommand({
    meta: { name, description: lookup(GROUPS, name)?.summary ?? "" },
    subCommands: ownOnly({ help: helpCommand(`${PROGRAM} ${name}`, () => groupHelp(name)) }),
    default: "help",
  });
}

/** citty asks with `in`: without this, `bunker constructor` would be a command. */
function ownOnly(members: Record<string, CommandDef>): Record<string, CommandDef> {
  return Object.assign(Object.create(null) as Record<string, CommandDef>, members);
}

function helpCommand(path: string, render: () => string): CommandDef {
  return defineCommand({
    meta: { hidden: true },
    run({ rawArgs }) {
      const flag = rawArgs.find((word) => word.startsWith("-"));
      if (flag !== undefined && flag !== "--help" && flag !== "-h") {
        throw new UsageError(`unknown flag: ${flag}`, { exitCode: EXIT_BAD_FLAG, hint: `See '${path} --help'.` });
      }
      print(render());
    },
  });
}

/** citty's "unknown command" in docker's words and with docker's exit code. */
function explainTree(words: readonly string[], error: unknown): unknown {
  if (error instanceof UsageError) return error;
  if ((error as { code?: unknown }).code !== "E_UNKNOWN_COMMAND") return error;
  const [name = "", member] = words;
  return lookup(GROUPS, name) === undefined ? explainVerb(null, name) : explainVerb(name, member ?? "");
}
