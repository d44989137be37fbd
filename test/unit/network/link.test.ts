import { expect, test } from "bun:test";
import { parseLinkWord } from "../../../src/network/index.ts";

test.each<[string, string, string]>([
  ["db", "db", "db"],
  ["db:sql", "db", "sql"],
  ["/db:/web/sql", "db", "sql"],
])("%s links to %s as %s", (word, name, alias) => expect(parseLinkWord(word)).toEqual({ name, alias }));

test.each(["", ":", "db:", ":sql", "a:b:c"])("%j is no link", (word) => {
  expect(() => parseLinkWord(word)).toThrow(`bad format for links: ${word}`);
});
