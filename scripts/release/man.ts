// Man pages, one a verb, from the same table as help and completion (man(7), man-pages(7)).

import type { Flag } from "../../src/cli/flags.ts";
import type { Verb } from "../../src/cli/verb.ts";
import { PROGRAM, VERBS } from "../../src/cli/verbs.ts";

const SECTION = 1;

/** File names and their texts. */
export async function manPages(version: string): Promise<[name: string, text: string][]> {
  const pages: [string, string][] = [[`${PROGRAM}.${SECTION}`, overview(version)]];
  for (const [key, { summary, load }] of Object.entries(VERBS)) {
    const { verb } = await load();
    pages.push([`${pageName(key)}.${SECTION}`, page({ key, summary, version }, verb)]);
  }
  return pages;
}

function pageName(key: string): string {
  return `${PROGRAM}-${key.replaceAll(" ", "-")}`;
}

function overview(version: string): string {
  const verbs = Object.entries(VERBS).map(
    ([key, { summary }]) => `.TP\n.BR ${pageName(key)} (${SECTION})\n${escape(summary)}`,
  );
  return [
    title(PROGRAM, version),
    `.SH NAME\n${PROGRAM} \\- containers without root and without a daemon`,
    `.SH SYNOPSIS\n.B ${PROGRAM}\n[OPTIONS] COMMAND`,
    ".SH COMMANDS",
    ...verbs,
    "",
  ].join("\n");
}

function page({ key, summary, version }: { key: string; summary: string; version: string }, verb: Verb): string {
  const options = Object.entries(verb.flags).filter(([, flag]) => flag.hidden !== true);
  const sections = [
    title(pageName(key), version),
    `.SH NAME\n${pageName(key)} \\- ${escape(summary)}`,
    `.SH SYNOPSIS\n.B ${PROGRAM} ${key}\n${escape(verb.usage)}`,
  ];
  if (options.length > 0) sections.push(`.SH OPTIONS\n${options.map(([name, flag]) => option(name, flag)).join("\n")}`);
  sections.push(`.SH EXIT STATUS\n${exitStatus(verb)}`);
  const examples = verb.examples.map((example) => `.nf\n${escape(`${PROGRAM} ${example}`)}\n.fi`);
  sections.push(`.SH EXAMPLES\n${examples.join("\n.PP\n")}`, `.SH SEE ALSO\n.BR ${PROGRAM} (${SECTION})\n`);
  return sections.join("\n");
}

function title(name: string, version: string): string {
  return `.TH ${name.toUpperCase()} ${SECTION} "" "${PROGRAM} ${version}"`;
}

function option(name: string, flag: Flag): string {
  const short = flag.short === undefined ? "" : `\\-${flag.short}, `;
  const value = flag.kind === "boolean" ? "" : ` \\fI${flag.placeholder ?? flag.kind}\\fR`;
  return `.TP\n\\fB${short}\\-\\-${escape(name)}\\fR${value}\n${escape(flag.help)}`;
}

function exitStatus({ exitStyle = "plain" }: Verb): string {
  if (exitStyle === "plain") return "0 on success, 1 on failure, 125 for a flag that is not understood.";
  const engine = exitStyle === "run" ? "125" : "1";
  return `The command's own; ${engine} when the engine failed, 126 when the command cannot be executed, 127 when it is not there.`;
}

/** roff's own characters; a line that begins with a dot or quote would be a request. */
function escape(text: string): string {
  const plain = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return plain
    .split("\n")
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join("\n");
}
