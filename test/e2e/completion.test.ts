// What a shell offers when Tab is pressed: the scripts of `bunker completion`, in the shells themselves, as the user; names of
// containers, images and volumes are those that are there at that moment.

import { describe, expect } from "bun:test";
import { dirname } from "node:path";

import { useStage } from "../support/stage.ts";

const stage = useStage({ needs: ["fish", "zsh"] });
const { it } = stage;

/** Words typed so far, the last one perhaps half → what is offered. */
const OFFERED: Readonly<Record<string, readonly string[]>> = {
  "bunker volume cr": ["create"],
  "bunker --log-level error pul": ["pull"],
  "bunker rm ": ["idle", "web"],
  "bunker rm i": ["idle"],
  "bunker container rm i": ["idle"],
  "bunker stop ": ["web"],
  "bunker --root ROOT exec ": ["web"],
  "bunker rmi bus": ["busybox:latest"],
  "bunker volume rm ": ["data"],
  "bunker container ls --no-t": ["--no-trunc"],
};

type Shell = "bash" | "zsh" | "fish";

/** How each is asked; what it offers comes line by line. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `source <(bunker completion bash)
    COMP_LINE=$1; COMP_POINT=\${#COMP_LINE}; read -ra COMP_WORDS <<< "$1"
    [[ $1 == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _bunker_complete; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // As its completion system calls it, but for the last step, which only a line editor could take: to show what begins as the word does.
  zsh: `autoload -U compinit; compinit -u -D; source <(bunker completion zsh)
    compadd() { while [ $# -gt 0 ] && [ "$1" != - ]; do shift; done; shift; print -l -- "\${(@M)@:#\${words[CURRENT]}*}"; }
    words=("\${(@s: :)1}"); CURRENT=\${#words}; _bash_complete -o default -F _bunker_complete`,
  fish: `bunker completion fish | source; complete -C "$argv[1]" | string replace -r '\\t.*' ''`,
};

const ARGUMENTS: Readonly<Record<Shell, string[]>> = {
  bash: ["bash", "--norc", "-c", SCRIPTS.bash, "bash"],
  zsh: ["zsh", "-f", "-c", SCRIPTS.zsh, "zsh"],
  fish: ["fish", "--no-config", "-c", SCRIPTS.fish],
};

describe("completion", () => {
  it("offers verbs, flags and what there is, in bash, zsh and fish", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=web", "--network=none", "busybox", "sleep", "60"]);
    await env.ok(["create", "--name=idle", "--network=none", "busybox"]);
    await env.ok(["volume", "create", "data"]);
    const environment = { PATH: `${dirname(env.program)}:/usr/bin:/bin`, TERM: "dumb" };
    const ask = async (shell: Shell, line: string): Promise<string[]> => {
      const { stdout, stderr } = await env.startOther([...ARGUMENTS[shell], line], { environment }).result();
      expect([shell, line, stderr]).toEqual([shell, line, ""]);
      return [...new Set(stdout.split("\n").map((word) => word.trim()))].filter((word) => word !== "").toSorted();
    };
    for (const [typed, offered] of Object.entries(OFFERED)) {
      const line = typed.replace("ROOT", env.dataHome);
      const said = await Promise.all((["bash", "zsh", "fish"] as const).map((shell) => ask(shell, line)));
      expect([typed, ...said]).toEqual([typed, ...Array.from({ length: 3 }, () => [...offered])]);
    }
    await env.ok(["volume", "rm", "data"]);
  });

  it("goes on behind the colon of an image's name, which bash takes for two words", async () => {
    const { env } = stage;
    const environment = { PATH: `${dirname(env.program)}:/usr/bin:/bin` };
    const said = await env.startOther([...ARGUMENTS.bash, "bunker run busybox:la"], { environment }).result();
    expect(said.stdout.trim()).toBe("latest");
  });
});
