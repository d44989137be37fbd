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
  volume: `${PROGRAM} volume ls --quiet 2>/dev/null`,
};

/** Global flags whose value is a word of its own. */
function valueFlags(): string[] {
  const flags: Flags = GLOBAL_FLAGS;
  return visibleFlags(flags).filter((name) => placeholderOf(flags[name] as Flags[string]) !== "");
}

function visibleFlags(flags: Flags): string[] {
  return Object.keys(flags).filter((name) => flags[name]?.hidden !== true);
}

/** Verbs, groups and global flags. */
function firstWords(): string {
  const globals = visibleFlags(GLOBAL_FLAGS).map((name) => `--${name}`);
  return [...Object.keys(VERBS).filter((name) => !name.includes(" ")), ...Object.keys(GROUPS), ...globals].join(" ");
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
  const listings = Object.entries(LISTINGS).map(([kind, listing]) => `    ${kind}) words="$(${listing})" ;;`);
  const skipped = valueFlags().map((name) => `--${name}`);
  const opening = shell === "zsh" ? `#compdef ${PROGRAM}\nautoload -U +X bashcompinit && bashcompinit\n` : "";
  return `${opening}# ${shell} completion for ${PROGRAM}
_${PROGRAM}_complete() {
  local current="\${COMP_WORDS[COMP_CWORD]}" at=1 verb="" words="" flags="" names="none" before=""
  # bash cuts words at colons: the whole one is in the line, and what is there already must not be offered again.
  if [ -n "\${BASH_VERSION-}" ] && [ -n "\${COMP_LINE-}" ]; then
    current="\${COMP_LINE:0:COMP_POINT}"
    current="\${current##* }"
    case "$current" in *:*) before="\${current%:*}:" ;; esac
  fi
  while [ "$at" -lt "$COMP_CWORD" ]; do
    case "\${COMP_WORDS[at]}" in
      ${skipped.join("|")}) at=$((at + 2)) ;;
      -*) at=$((at + 1)) ;;
      *) break ;;
    esac
  done
  if [ "$COMP_CWORD" -le "$at" ]; then
    COMPREPLY=($(compgen -W "${firstWords()}" -- "$current"))
    return
  fi
  verb="\${COMP_WORDS[at]}"
  case "$verb" in
${groups.join("\n")}
  esac
  if [ -n "$words" ]; then
    if [ "$COMP_CWORD" -eq "$((at + 1))" ]; then
      COMPREPLY=($(compgen -W "$words" -- "$current"))
      return
    fi
    verb="$verb \${COMP_WORDS[at + 1]}"
  fi
  case "$verb" in
${cases.join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")); return ;;
  esac
  case "$names" in
${listings.join("\n")}
    *) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ -n "$before" ]; then COMPREPLY=("\${COMPREPLY[@]#"$before"}"); fi
}
complete -o default -F _${PROGRAM}_complete ${PROGRAM}
`;
}

/** Whether the words so far, less global flags, are just these, or begin with them. */
const FISH_FUNCTIONS = (): string => `function __${PROGRAM}_words
  set -l words (commandline -opc)
  set -e words[1]
  while set -q words[1]; and string match -q -- '-*' $words[1]
    if contains -- $words[1] ${valueFlags()
      .map((name) => `--${name}`)
      .join(" ")}
      set -e words[1]
    end
    set -e words[1]
  end
  string join \\n -- $words
end
function __${PROGRAM}_is
  set -l words (__${PROGRAM}_words)
  test "$words" = "$argv"
end
function __${PROGRAM}_begins
  set -l words (__${PROGRAM}_words)
  set -l wanted (count $argv)
  test (count $words) -ge $wanted; and test "$words[1..$wanted]" = "$argv"
end`;

function fishScript(entries: readonly Entry[]): string {
  const lines = [`# fish completion for ${PROGRAM}`, FISH_FUNCTIONS(), `complete -c ${PROGRAM} -f`];
  for (const { words, summary } of entries) {
    const [first = "", second] = words.split(" ");
    const condition = `__${PROGRAM}_is${second === undefined ? "" : ` ${first}`}`;
    lines.push(`complete -c ${PROGRAM} -n '${condition}' -a ${second ?? first} -d ${fishText(summary)}`);
  }
  for (const [group, { summary }] of Object.entries(GROUPS)) {
    lines.push(`complete -c ${PROGRAM} -n __${PROGRAM}_is -a ${group} -d ${fishText(summary)}`);
  }
  for (const entry of entries) {
    lines.push(...fishEntry(entry, `__${PROGRAM}_begins ${entry.words}`));
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
