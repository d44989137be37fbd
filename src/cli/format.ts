// docker's `--format` for listings: the default table, `table TEMPLATE`, `json`, `raw`, or a template per row.

import { printable } from "./output.ts";
import { alignColumns } from "./table.ts";
import { compileTemplate, goJson, type Method, type Template, TemplateError } from "./template.ts";
import { UsageError } from "./usage.ts";

/** What a listing can show: its fields' headings and its usual columns. */
export interface Listing {
  /** Field → heading; every field there is. */
  headings: Readonly<Record<string, string>>;
  /** Template of the default table, without `table `. */
  columns: string;
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
}

const TABLE = "table";
// Fields of own data are one line in a table, whatever is in them.
const CELL = { escape: printable };

/** The whole listing as text. @throws UsageError in docker's words */
export function formatRows(listing: Listing, rows: readonly Row[], options: FormatOptions): string {
  const format = options.format === null || options.format === "" ? TABLE : options.format;
  if (format === "json") return rows.map((row) => `${goJson(row, { html: true })}\n`).join("");
  if (format.startsWith(TABLE)) {
    const template = format.slice(TABLE.length).trim();
    return formatTable(listing, rows, template === "" ? listing.columns : template);
  }
  const source = format === "raw" ? listing.raw : format;
  const template = compile(source, listing, options.escape ? CELL : {});
  return rows.map((row) => `${execute(() => template.execute(row))}\n`).join("");
}

function formatTable(listing: Listing, rows: readonly Row[], source: string): string {
  const template = compile(source, listing, CELL);
  const header = execute(() => template.executeHeader({ ...listing.headings, Label: labelHeading }));
  const lines = [header, ...rows.map((row) => execute(() => template.execute(row)))];
  return alignColumns(lines.flatMap((line) => line.split("\n")));
}

/** docker: the last part of the label's name, its dashes and underscores as spaces. */
function labelHeading(name: unknown): string {
  return (String(name).split(".").at(-1) ?? "").replace(/[-_]/g, " ");
}

function compile(source: string, listing: Listing, options: { escape?: (text: string) => string }): Template {
  // docker's shells hand over `\t` as two characters.
  const text = source.trim().replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  const missingField = (field: string): string => `can't evaluate field ${field} in type ${listing.type}`;
  try {
    return compileTemplate(text, { ...options, missingField });
  } catch (error) {
    throw explain("failed to parse template", error);
  }
}

function execute(action: () => string): string {
  try {
    return action();
  } catch (error) {
    throw explain("failed to execute template", error);
  }
}

function explain(what: string, error: unknown): unknown {
  if (!(error instanceof TemplateError)) return error;
  return new UsageError(`${what}: ${error.message}`, {
    hint: "The fields are those that --format json shows; --format '{{json .}}' shows a row of them.",
  });
}
