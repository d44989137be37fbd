// bunker help [VERB]: the same texts as --help.

import { groupHelp, programHelp, verbHelp } from "../help.ts";
import { print } from "../output.ts";
import { UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";
import { GROUPS, lookup, PROGRAM, VERBS } from "../verbs.ts";

export const verb = defineVerb({
  usage: "[COMMAND]",
  flags: {},
  arguments: { min: 0, max: ANY_NUMBER },
  examples: ["help run", "help container ls"],
  async run({ positionals }) {
    print(await renderTopic(positionals));
    return 0;
  },
});

async function renderTopic(words: readonly string[]): Promise<string> {
  const [first, second, ...rest] = words;
  if (first === undefined) return programHelp();
  const members = lookup(GROUPS, first)?.members;
  if (members !== undefined && second === undefined) return groupHelp(first);
  const key = members === undefined ? first : lookup(members, second ?? "");
  const path = [PROGRAM, first, ...(members === undefined ? [] : [second])].join(" ");
  const entry = key === undefined || (members === undefined && key.includes(" ")) ? undefined : lookup(VERBS, key);
  if (key === undefined || entry === undefined || rest.length > 0 || (members === undefined && second !== undefined)) {
    throw new UsageError(`unknown help topic: ${words.join(" ")}`, { hint: `See '${PROGRAM} --help'.` });
  }
  return verbHelp(key, path, (await entry.load()).verb);
}
