// Columns, and docker's --format for listings.

import { describe, expect, test } from "bun:test";
import { formatRows, type Listing } from "../../../src/cli/format.ts";
import { alignColumns } from "../../../src/cli/table.ts";

describe("columns are aligned as by Go's tabwriter", () => {
  test.each([
    [[], ""],
    [["one"], "one\n"],
    [["a\tb", "long cell here\tc"], "a                b\nlong cell here   c\n"],
    [["a\tb"], "a         b\n"],
    [["ID\tNAME\t", "1\t\t"], "ID        NAME      \n1                   \n"],
    // A line without the column ends its run.
    [["aaaaaaaaaaaa\tx", "b", "c\ty"], "aaaaaaaaaaaa   x\nb\nc         y\n"],
    [["é\tx", "漢字\ty"], "é         x\n漢字        y\n"],
  ] as [string[], string][])("%j", (lines, expected) => {
    expect(alignColumns(lines)).toBe(expected);
  });
});

const LISTING: Listing = {
  headings: { ID: "CONTAINER ID", Names: "NAMES", Labels: "LABELS" },
  columns: ["ID", "Names"],
  raw: "id: {{.ID}}\nname: {{.Names}}\n",
  type: "*formatter.ContainerContext",
};
const ROWS = [
  { ID: "aaa", Labels: "a=<1>", Names: "web", Label: (name: unknown) => (name === "a" ? "<1>" : "") },
  { ID: "bbb", Labels: "", Names: "\u001b[31mdb\nx", Label: () => "" },
];

describe("--format", () => {
  test.each([
    [null, "CONTAINER ID   NAMES\naaa            web\nbbb            \\x1b[31mdb\\nx\n"],
    ["", "CONTAINER ID   NAMES\naaa            web\nbbb            \\x1b[31mdb\\nx\n"],
    ["table", "CONTAINER ID   NAMES\naaa            web\nbbb            \\x1b[31mdb\\nx\n"],
    ["table {{.Names}}\\t{{.ID}}", "NAMES           CONTAINER ID\nweb             aaa\n\\x1b[31mdb\\nx   bbb\n"],
    [
      'table {{upper .ID}}\t{{join (split .Labels ",") "+"}}',
      "CONTAINER ID   LABELS\nAAA            a=<1>\nBBB            \n",
    ],
    ['table {{.Label "com.example.my-name"}}|{{.Label "a"}}', "my name|a\n|<1>\n|\n"],
    [
      "json",
      '{"ID":"aaa","Labels":"a=\\u003c1\\u003e","Names":"web"}\n{"ID":"bbb","Labels":"","Names":"\\u001b[31mdb\\nx"}\n',
    ],
    ['{{.ID}}\\t{{.Label "a"}}', "aaa\t<1>\nbbb\t\n"],
    ["  {{.ID}} ", "aaa\nbbb\n"],
    ["raw", "id: aaa\nname: web\n\nid: bbb\nname: \u001b[31mdb\nx\n\n"],
    ['{{if eq .ID "aaa"}}{{.Names}}{{end}}', "web\n\n"],
  ])("%j", async (format, expected) => {
    expect(await formatRows(LISTING, ROWS, { format, escape: false })).toBe(expected);
  });

  test("on a terminal nothing of a row can steer it", async () => {
    const text = await formatRows(LISTING, ROWS, { format: "\u001b[1m{{.Names}}", escape: true });
    expect(text).toBe("\u001b[1mweb\n\u001b[1m\\x1b[31mdb\\nx\n");
  });

  test.each([
    [
      "{{.Foo}}",
      'failed to execute template: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.ContainerContext',
    ],
    ["table {{.Foo}}", "can't evaluate field Foo"],
    ["{{", "failed to parse template: template: :1: unclosed action"],
    ["{{.ID}", "failed to parse template: template: :1: bad character U+007D '}'"],
    ["{{.constructor}}", "can't evaluate field constructor"],
  ])("%j is refused in docker's words", (format, expected) => {
    expect(formatRows(LISTING, ROWS, { format, escape: false })).rejects.toThrow(expected);
  });

  test("a table of nothing has its heading", async () => {
    expect(await formatRows(LISTING, [], { format: null, escape: false })).toBe("CONTAINER ID   NAMES\n");
  });
});
