// docker's `--format` for listings: the default table, `table TEMPLATE`, `json`, `raw`, or a template per row.

import { printable } from "./output.ts";
import { alignColumns } from "./table.ts";
import type { Method, Template } from "./template.ts";
import { UsageError } from "./usage.ts";

/** What a listing can show: its fields' headings and its usual columns. */
export interface Listing {
  /** Field → heading; every field there is. */
  headings: Readonly<Record<string, string>>;
  /** Fields of the default table. */
  columns: readonly string[];
  /** Template of `--format raw`. */
  raw: string;
  /** Go's type name, in the error for a field that is not there. */
  type: string;
}

/** A row's fields: text, or a function for fields that take an argument. */
export type Row = Readonly<Record<string, string | null | Method>>;

export interface FormatOptions {
  /** The user's `--format`; `null`: the default table. */
  format: string | null;
  /** Whether what rows say must be made safe for a terminal. */
  escape: boolean;
  /** podman's --noheading: a table without its first line. */
  noheading?: boolean;
}

export const NOHEADING_FLAG = { kind: "boolean", help: "Do not print column headings" } as const;

/** What `--help` says of it. */
export const FORMAT_HELP = [
  "Format output using a custom template:",
  "'table':            Print output in table format with column headers (default)",
  "'table TEMPLATE':   Print output in table format using the given Go template",
  "'json':             Print in JSON format",
  "'TEMPLATE':         Print output using the given Go template",
].join("\n");

const TABLE = "table";
/** The whole listing as text. The usual table needs no templates, and does not load them. @throws UsageError in docker's words */
export async function formatRows(listing: Listing, rows: readonly Row[], options: FormatOptions): Promise<string> {
  const format = options.format === null || options.format === "" ? TABLE : options.format;
  const template = format.startsWith(TABLE) ? format.slice(TABLE.length).trim() : "";
  if (format.startsWith(TABLE) && template === "") return plainTable(listing, rows, options);
  const { compileTemplate, goJson, TemplateError } = await import("./template.ts");
  if (format === "json") return rows.map((row) => `${goJson(row, { html: true })}\n`).join("");
  const compile: Compile = (source, escape) =>
    compileTemplate(source, {
      escape,
      missingField: (field) => `can't evaluate field ${field} in type ${listing.type}`,
    });
  try {
    if (format.startsWith(TABLE)) return formatTable(compile, listing, { ...options, rows, source: template });
    const source = format === "raw" ? listing.raw : format;
    const compiled = compile(normalize(source), options.escape ? printable : (text) => text);
    return rows.map((row) => `${compiled.execute(row)}\n`).join("");
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const what = error.executing ? "failed to execute template" : "failed to parse template";
    throw new UsageError(`${what}: ${error.message}`, {
      hint: "The fields are those that --format json shows.",
    });
  }
}

function plainTable({ headings, columns }: Listing, rows: readonly Row[], { noheading }: FormatOptions): string {
  const lines = rows.map((row) => columns.map((field) => printable(String(row[field] ?? ""))).join("\t"));
  const header = columns.map((field) => headings[field] ?? "").join("\t");
  return alignColumns(noheading === true ? lines : [header, ...lines]);
}

type Compile = (source: string, escape: (text: string) => string) => Template;

interface Table extends FormatOptions {
  rows: readonly Row[];
  source: string;
}

/** Cells are one line each, whatever is in them. */
function formatTable(compile: Compile, listing: Listing, table: Table): string {
  const template = compile(normalize(table.source), printable);
  const header = template.executeHeader({ ...listing.headings, Label: labelHeading });
  const rows = table.rows.map((row) => template.execute(row));
  const lines = table.noheading === true ? rows : [header, ...rows];
  return alignColumns(lines.flatMap((line) => line.split("\n")));
}

/** docker: the last part of the label's name, its dashes and underscores as spaces. */
function labelHeading(name: unknown): string {
  return (String(name).split(".").at(-1) ?? "").replace(/[-_]/g, " ");
}

/** Shells hand `\t` over as two characters; docker reads it as a tab. */
function normalize(source: string): string {
  return source
    .replace(/^ +| +$/g, "")
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n");
}
