// bunker completion SHELL: a script made from the command and flag tables.

import { print } from "../output.ts";
import { quote } from "../strconv.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const SHELLS = ["bash", "fish", "zsh"] as const;

export const verb = defineVerb({
  usage: "SHELL",
  flags: {},
  arguments: { min: 1, max: 1 },
  examples: [
    "completion bash > ~/.local/share/bash-completion/completions/bunker",
    "completion zsh > ~/.zfunc/_bunker",
  ],
  async run({ positionals }) {
    const [asked = ""] = positionals;
    const shell = SHELLS.find((known) => known === asked);
    if (shell === undefined) {
      throw new UsageError(`unknown shell: ${quote(asked)}`, { hint: `The shells are ${SHELLS.join(", ")}.` });
    }
    const { completionScript } = await import("../completion.ts");
    print(await completionScript(shell));
    return 0;
  },
});
