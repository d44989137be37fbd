// Help texts in docker's layout, made from the command table and the flag tables.

import { type Flag, type Flags } from "./flags.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import type { Verb } from "./verb.ts";
import { GROUPS, lookup, PROGRAM, VERBS } from "./verbs.ts";

/** docker's width where the terminal's is unknown, less one; help is read in pagers and web pages too. */
const WIDTH = 79;
/** Narrower than this, wrapping makes it worse (pflag). */
const MIN_WRAP = 24;
/** Letters a last line may go over the edge to avoid an orphan word (pflag). */
const SLOP = 5;
/** Between the columns of the command list. */
const COLUMN_GAP = 3;

/** `bunker run --help`. */
export function verbHelp(key: string, path: string, verb: Verb): string {
  const sections = [`Usage:  ${path} ${verb.usage}`.trimEnd(), lookup(VERBS, key)?.summary ?? ""];
  const aliases = aliasesOf(key);
  if (aliases.length > 1) sections.push(`Aliases:\n  ${aliases.join(", ")}`);
  const options = describeFlags(verb.flags);
  if (options !== "") sections.push(`Options:\n${options}`);
  if (verb.examples.length > 0) {
    sections.push(`Examples:\n${verb.examples.map((example) => `  ${PROGRAM} ${example}`).join("\n")}`);
  }
  return `${sections.join("\n\n")}\n`;
}

/** All the ways to write a verb, as docker lists them: those in groups first. */
function aliasesOf(key: string): string[] {
  const aliases: string[] = [];
  for (const [group, { members }] of Object.entries(GROUPS)) {
    for (const [name, member] of Object.entries(members)) {
      if (member === key) aliases.push(`${PROGRAM} ${group} ${name}`);
    }
  }
  return key.includes(" ") ? aliases : [...aliases, `${PROGRAM} ${key}`];
}

/** `bunker container --help`. */
export function groupHelp(name: string): string {
  const group = lookup(GROUPS, name);
  const shown = new Map<string, string>();
  for (const [member, key] of Object.entries(group?.members ?? {})) if (!shown.has(key)) shown.set(key, member);
  const rows = [...shown].map(([key, member]) => [member, lookup(VERBS, key)?.summary ?? ""] as const);
  return [
    `Usage:  ${PROGRAM} ${name} COMMAND\n`,
    `${group?.summary}\n`,
    `Commands:\n${commandList(rows)}\n`,
    `Run '${PROGRAM} ${name} COMMAND --help' for more information on a command.\n`,
  ].join("\n");
}

/** `bunker --help`. */
export function programHelp(): string {
  const verbs = Object.entries(VERBS).filter(([name]) => !name.includes(" "));
  const rows = (common: boolean): (readonly [string, string])[] =>
    verbs.filter(([, entry]) => (entry.common ?? false) === common).map(([name, entry]) => [name, entry.summary]);
  return [
    `Usage:  ${PROGRAM} [OPTIONS] COMMAND\n`,
    "Containers without root and without a daemon\n",
    `Common Commands:\n${commandList(rows(true), false)}\n`,
    `Management Commands:\n${commandList(Object.entries(GROUPS).map(([name, { summary }]) => [name, summary]))}\n`,
    `Commands:\n${commandList(rows(false))}\n`,
    `Global Options:\n${describeFlags(GLOBAL_FLAGS)}\n`,
    `Run '${PROGRAM} COMMAND --help' for more information on a command.\n`,
  ].join("\n");
}

function commandList(rows: (readonly [string, string])[], sorted = true): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + COLUMN_GAP;
  const listed = sorted ? rows.toSorted(([a], [b]) => (a < b ? -1 : 1)) : rows;
  return listed.map(([name, summary]) => `  ${name.padEnd(width)}${summary}`).join("\n");
}

/** One line or more per flag, by name, aligned and wrapped as pflag does it. */
function describeFlags(flags: Flags): string {
  const names = Object.keys(flags).filter((name) => flags[name]?.hidden !== true);
  const rows = names
    .toSorted()
    .map((name) => ({ left: leftColumn(name, flags[name] as Flag), flag: flags[name] as Flag }));
  const indent = Math.max(0, ...rows.map(({ left }) => left.length)) + COLUMN_GAP;
  return rows.map(({ left, flag }) => left.padEnd(indent) + wrap(indent, rightColumn(flag))).join("\n");
}

function leftColumn(name: string, flag: Flag): string {
  const names = flag.short === undefined ? `      --${name}` : `  -${flag.short}, --${name}`;
  const placeholder = placeholderOf(flag);
  return placeholder === "" ? names : `${names} ${placeholder}`;
}

/** docker's word for a flag's value; none for a boolean. */
export function placeholderOf(flag: Flag): string {
  if (flag.placeholder !== undefined) return flag.placeholder;
  const words = { boolean: "", integer: "int", list: "list", string: "string" } as const;
  return words[flag.kind];
}

function rightColumn(flag: Flag): string {
  if (flag.shownDefault !== undefined) return `${flag.help} (default ${flag.shownDefault})`;
  return flag.kind === "boolean" && flag.default === true ? `${flag.help} (default true)` : flag.help;
}

/** pflag's wrapping: lines from column `indent` to the edge, the last one a little over it rather than an orphan word. */
function wrap(indent: number, text: string): string {
  let column = indent;
  let start = "";
  if (WIDTH - column < MIN_WRAP) {
    column = 16;
    start = `\n${" ".repeat(column)}`;
  }
  const lines: string[] = [];
  for (let rest = text; rest !== "";) {
    const [line, after] = splitLine(rest, WIDTH - column - SLOP);
    lines.push(line);
    rest = after;
  }
  return start + lines.join("\n").replaceAll("\n", `\n${" ".repeat(column)}`);
}

function splitLine(text: string, width: number): [line: string, rest: string] {
  if (width + SLOP > text.length) return [text, ""];
  const head = text.slice(0, width);
  const space = Math.max(head.lastIndexOf(" "), head.lastIndexOf("\n"));
  if (space <= 0) return [text, ""];
  const newline = head.lastIndexOf("\n");
  const at = newline > 0 && newline < space ? newline : space;
  return [text.slice(0, at), text.slice(at + 1)];
}
