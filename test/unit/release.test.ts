// What a release gives besides the programs: man pages for every verb, licences of everything inside.

import { describe, expect, test } from "bun:test";

import { billOfMaterials, licences } from "../../scripts/release/documents.ts";
import { manPages } from "../../scripts/release/man.ts";
import { materials } from "../../scripts/release/materials.ts";
import { GROUPS, VERBS } from "../../src/cli/verbs.ts";
import { requires } from "../support/guards.ts";

const EDITION = { date: "2026-02-01", version: "1.2.3" };

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
    const pages = new Map(await manPages(EDITION));
    for (const key of Object.keys(VERBS)) expect(pages.has(`bunker-${key.replaceAll(" ", "-")}.1`)).toBe(true);
    for (const [group, { members }] of Object.entries(GROUPS)) {
      for (const member of Object.keys(members)) expect(pages.has(`bunker-${group}-${member}.1`)).toBe(true);
    }
    expect(pages.get("bunker-container-ls.1")).toBe(".so man1/bunker-ps.1\n");
    expect(pages.get("bunker.1")).toContain("\\fB\\-\\-runroot\\fR");
    const run = pages.get("bunker-run.1") ?? "";
    expect(run).toStartWith('.TH BUNKER-RUN 1 "2026-02-01" "bunker 1.2.3"\n.SH NAME\nbunker-run \\- Create and run');
    expect(run).toContain("\\fB\\-e, \\-\\-env\\fR \\fIlist\\fR\nSet environment variables");
  });

  test("have no line that roff would take for a request of its own", async () => {
    const requests = /^\.(?!TH |SH |TP$|B |BR |I |nf$|fi$|PP$|so man1\/bunker-)/m;
    for (const [name, text] of await manPages(EDITION))
      expect([name, requests.exec(text)?.[0]]).toEqual([name, undefined]);
  });
});

describe("man pages, as mandoc sees them", () => {
  requires("mandoc")("have nothing that it would warn of", async () => {
    for (const [name, text] of await manPages(EDITION)) {
      if (text.startsWith(".so ")) continue;
      const { stdout } = Bun.spawnSync(["mandoc", "-T", "lint", "-W", "warning"], { stdin: Buffer.from(text) });
      expect([name, stdout.toString()]).toEqual([name, ""]);
    }
  });
});

describe("a release's papers", () => {
  test("name every part, and a licence's words once", () => {
    const text = licences(PARTS);
    expect(text).toContain("one 1.0: MIT\ntwo 2.0: MIT/Apache-2.0\n");
    expect(text.split("Permission is granted")).toHaveLength(2);
    expect(text).toContain("\none, two\n");
  });

  test("have words for the licence of everything that is inside", () => {
    const parts = materials();
    expect(parts.filter(({ texts, licence }) => texts.length === 0 || licence === "UNKNOWN")).toEqual([]);
    const names = parts.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["bun", "boringssl (in bun)", "musl", "rust-std", "citty", "serde"]));
    // What only the build and the tests need is not inside.
    expect(names.filter((name) => /^(?:proptest|tempfile|typescript|oxlint|fast-check|bunker-.*)$/.test(name))).toEqual(
      [],
    );
    const text = licences(parts);
    expect(text).toContain("GNU LIBRARY GENERAL PUBLIC LICENSE");
    expect(text).toContain("GNU LESSER GENERAL PUBLIC LICENSE");
  });

  test("hold SPDX expressions", () => {
    const { components } = JSON.parse(billOfMaterials("1.2.3", PARTS)) as { components: { licenses: unknown }[] };
    expect(components.map(({ licenses }) => licenses)).toEqual([
      [{ expression: "MIT" }],
      [{ expression: "MIT OR Apache-2.0" }],
    ]);
  });
});
