// Completion scripts for bash, zsh and fish, made from the command and flag tables. Names of containers and images are
// asked of bunker itself when Tab is pressed.

import { placeholderOf } from "./help.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import type { Flags } from "./flags.ts";
import type { Completion } from "./verb.ts";
import { GROUPS, PROGRAM, VERBS } from "./verbs.ts";

interface Entry {
  /** `run`, `container run`. */
  words: string;
  summary: string;
  flags: Flags;
  completes: Completion;
}

export type Shell = "bash" | "zsh" | "fish";

export async function completionScript(shell: Shell): Promise<string> {
  const entries = await readEntries();
  return shell === "fish" ? fishScript(entries) : shellScript(entries, shell);
}

async function readEntries(): Promise<Entry[]> {
  const places = Object.keys(VERBS)
    .filter((key) => !key.includes(" "))
    .map((key) => ({ words: key, key }));
  for (const [group, { members }] of Object.entries(GROUPS)) {
    for (const [member, key] of Object.entries(members)) places.push({ words: `${group} ${member}`, key });
  }
  return Promise.all(
    places.map(async ({ words, key }) => {
      const entry = VERBS[key] as (typeof VERBS)[string];
      const { verb } = await entry.load();
      return { words, summary: entry.summary, flags: verb.flags, completes: verb.completes ?? "none" };
    }),
  );
}

/** How a shell asks for the names of what there is. */
const LISTINGS: Readonly<Record<Exclude<Completion, "none">, string>> = {
  container: `${PROGRAM} ps -a --format '{{.Names}}' 2>/dev/null`,
  running: `${PROGRAM} ps --format '{{.Names}}' 2>/dev/null`,
  image: `${PROGRAM} images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -v '<none>'`,
};

function visibleFlags(flags: Flags): string[] {
  return Object.keys(flags).filter((name) => flags[name]?.hidden !== true);
}

/** bash, and zsh through its bashcompinit: the words before the cursor name the verb, its case lists the rest. */
function shellScript(entries: readonly Entry[], shell: "bash" | "zsh"): string {
  const cases = entries.map(({ words, flags, completes }) => {
    const names = [...visibleFlags(flags).map((name) => `--${name}`), "--help"].join(" ");
    return `    ${JSON.stringify(words)}) flags=${JSON.stringify(names)}; names=${completes} ;;`;
  });
  const groups = Object.entries(GROUPS).map(
    ([group, { members }]) => `    ${group}) words=${JSON.stringify(Object.keys(members).join(" "))} ;;`,
  );
  const top = [...Object.keys(VERBS).filter((name) => !name.includes(" ")), ...Object.keys(GROUPS)].join(" ");
  const globals = visibleFlags(GLOBAL_FLAGS)
    .map((name) => `--${name}`)
    .join(" ");
  const opening = shell === "zsh" ? `#compdef ${PROGRAM}\nautoload -U +X bashcompinit && bashcompinit\n` : "";
  return `${opening}# ${shell} completion for ${PROGRAM}
_${PROGRAM}_complete() {
  local current="\${COMP_WORDS[COMP_CWORD]}" verb="\${COMP_WORDS[1]}" words="" flags="" names="none"
  if [ "$COMP_CWORD" -le 1 ]; then
    COMPREPLY=($(compgen -W "${top} ${globals}" -- "$current"))
    return
  fi
  case "$verb" in
${groups.join("\n")}
  esac
  if [ -n "$words" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "$words" -- "$current"))
      return
    fi
    verb="$verb \${COMP_WORDS[2]}"
  fi
  case "$verb" in
${cases.join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")); return ;;
  esac
  case "$names" in
    container) words="$(${LISTINGS.container})" ;;
    running) words="$(${LISTINGS.running})" ;;
    image) words="$(${LISTINGS.image})" ;;
    *) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${PROGRAM}_complete ${PROGRAM}
`;
}

function fishScript(entries: readonly Entry[]): string {
  const lines = [`# fish completion for ${PROGRAM}`, `complete -c ${PROGRAM} -f`];
  for (const { words, summary } of entries) {
    const [first = "", second] = words.split(" ");
    const condition = second === undefined ? "__fish_use_subcommand" : `__fish_seen_subcommand_from ${first}`;
    lines.push(`complete -c ${PROGRAM} -n '${condition}' -a ${second ?? first} -d ${fishText(summary)}`);
  }
  for (const [group, { summary }] of Object.entries(GROUPS)) {
    lines.push(`complete -c ${PROGRAM} -n __fish_use_subcommand -a ${group} -d ${fishText(summary)}`);
  }
  for (const entry of entries) {
    const seen = entry.words.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
    lines.push(...fishEntry(entry, seen.join("; and ")));
  }
  return `${lines.join("\n")}\n`;
}

function fishEntry(entry: Entry, condition: string): string[] {
  const lines = visibleFlags(entry.flags).map((name) => {
    const flag = entry.flags[name] as Flags[string];
    const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
    const value = placeholderOf(flag) === "" ? "" : " -r";
    return `complete -c ${PROGRAM} -n '${condition}' -l ${name}${short}${value} -d ${fishText(flag.help)}`;
  });
  if (entry.completes === "none") return lines;
  return [...lines, `complete -c ${PROGRAM} -n '${condition}' -a "(${LISTINGS[entry.completes]})"`];
}

/** One line in single quotes. */
function fishText(text: string): string {
  return `'${text.split("\n", 1)[0]?.replace(/[\\']/g, "\\$&")}'`;
}
