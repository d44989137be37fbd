// Man pages, one a verb, from the same table as help and completion (man(7), man-pages(7)). A verb that has a name in a group as well
// (`container ls`) has a page by that name, which is the same one.

import type { Flag, Flags } from "../../src/cli/flags.ts";
import { GLOBAL_FLAGS } from "../../src/cli/global-flags.ts";
import type { Verb } from "../../src/cli/verb.ts";
import { GROUPS, PROGRAM, VERBS } from "../../src/cli/verbs.ts";

const SECTION = 1;

/** A day, as on the page, and the program's version. */
export interface Edition {
  date: string;
  version: string;
}

/** File names and their texts. */
export async function manPages(edition: Edition): Promise<[name: string, text: string][]> {
  const pages: [string, string][] = [[`${PROGRAM}.${SECTION}`, overview(edition)]];
  for (const [key, { summary, load }] of Object.entries(VERBS)) {
    const { verb } = await load();
    pages.push([`${pageName(key)}.${SECTION}`, page({ key, summary, ...edition }, verb)]);
  }
  const own = new Set(pages.map(([name]) => name));
  for (const [group, { members }] of Object.entries(GROUPS)) {
    for (const [member, key] of Object.entries(members)) {
      const name = `${pageName(`${group} ${member}`)}.${SECTION}`;
      if (!own.has(name)) pages.push([name, `.so man${SECTION}/${pageName(key)}.${SECTION}\n`]);
    }
  }
  return pages;
}

function pageName(key: string): string {
  return `${PROGRAM}-${key.replaceAll(" ", "-")}`;
}

function overview(edition: Edition): string {
  const verbs = Object.entries(VERBS).map(
    ([key, { summary }]) => `.TP\n.BR ${pageName(key)} (${SECTION})\n${escape(summary)}`,
  );
  return [
    title(PROGRAM, edition),
    `.SH NAME\n${PROGRAM} \\- containers without root and without a daemon`,
    `.SH SYNOPSIS\n.B ${PROGRAM}\n[OPTIONS] COMMAND`,
    `.SH OPTIONS\n${options(GLOBAL_FLAGS)}`,
    ".SH COMMANDS",
    ...verbs,
    `.SH FILES\n${FILES.map(([path, what]) => `.TP\n.I ${escape(path)}\n${escape(what)}`).join("\n")}`,
    "",
  ].join("\n");
}

/** Where things are. */
const FILES: readonly [path: string, what: string][] = [
  ["~/.local/share/bunker", "Images, containers and volumes; of root, /var/lib/bunker."],
  ["~/.config/bunker/config.json", "Registries that may be insecure (insecureRegistries)."],
  ["~/.docker/config.json, ~/.config/containers/auth.json", "Credentials, and docker's settings of formats and keys."],
  ["/etc/subuid, /etc/subgid", "Ids that containers of a user may have; see newuidmap(1)."],
];

function options(flags: Flags): string {
  const shown = Object.entries(flags).filter(([, flag]) => flag.hidden !== true);
  return shown.map(([name, flag]) => option(name, flag)).join("\n");
}

function page({ key, summary, ...edition }: { key: string; summary: string } & Edition, verb: Verb): string {
  const flags = options(verb.flags);
  const sections = [
    title(pageName(key), edition),
    `.SH NAME\n${pageName(key)} \\- ${escape(summary)}`,
    `.SH SYNOPSIS\n.B ${PROGRAM} ${key}\n${escape(verb.usage)}`,
  ];
  if (flags !== "") sections.push(`.SH OPTIONS\n${flags}`);
  sections.push(`.SH EXIT STATUS\n${exitStatus(verb)}`);
  const examples = verb.examples.map((example) => `.nf\n${escape(`${PROGRAM} ${example}`)}\n.fi`);
  sections.push(`.SH EXAMPLES\n${examples.join("\n.PP\n")}`, `.SH SEE ALSO\n.BR ${PROGRAM} (${SECTION})\n`);
  return sections.join("\n");
}

function title(name: string, { date, version }: Edition): string {
  return `.TH ${name.toUpperCase()} ${SECTION} "${date}" "${PROGRAM} ${version}"`;
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
