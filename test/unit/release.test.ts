// What a release gives besides the programs: man pages for every verb, licences of everything inside.

import { describe, expect, test } from "bun:test";

import { billOfMaterials, licences } from "../../scripts/release/documents.ts";
import { manPages } from "../../scripts/release/man.ts";
import { VERBS } from "../../src/cli/verbs.ts";

const PARTS = [
  { name: "one", version: "1.0", licence: "MIT", url: "pkg:npm/one@1.0", texts: ["Permission is granted"] },
  {
    name: "two",
    version: "2.0",
    licence: "MIT/Apache-2.0",
    url: "pkg:cargo/two@2.0",
    texts: ["Permission is granted"],
  },
];

describe("man pages", () => {
  test("are there for every verb, and say what help says", async () => {
    const pages = new Map(await manPages("1.2.3"));
    expect(pages.size).toBe(Object.keys(VERBS).length + 1);
    const run = pages.get("bunker-run.1") ?? "";
    expect(run).toStartWith('.TH BUNKER-RUN 1 "" "bunker 1.2.3"\n.SH NAME\nbunker-run \\- Create and run');
    expect(run).toContain("\\fB\\-e, \\-\\-env\\fR \\fIlist\\fR\nSet environment variables");
  });

  test("have no line that roff would take for a request of its own", async () => {
    const requests = /^\.(?!TH |SH |TP$|B |BR |nf$|fi$|PP$)/m;
    for (const [name, text] of await manPages("1.2.3"))
      expect([name, requests.exec(text)?.[0]]).toEqual([name, undefined]);
  });
});

describe("a release's papers", () => {
  test("name every part, and a licence's words once", () => {
    const text = licences(PARTS);
    expect(text).toContain("one 1.0: MIT\ntwo 2.0: MIT/Apache-2.0\n");
    expect(text.split("Permission is granted")).toHaveLength(2);
    expect(text).toContain("\none, two\n");
  });

  test("hold SPDX expressions", () => {
    const { components } = JSON.parse(billOfMaterials("1.2.3", PARTS)) as { components: { licenses: unknown }[] };
    expect(components.map(({ licenses }) => licenses)).toEqual([
      [{ expression: "MIT" }],
      [{ expression: "MIT OR Apache-2.0" }],
    ]);
  });
});
