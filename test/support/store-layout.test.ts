// The checker's names are those of the store's own schema.

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";

import { MIGRATIONS } from "../../src/store/schema.ts";
import { OWNED, RULES, TIMESTAMP_COLUMN } from "./store-layout.ts";

const database = new Database(":memory:");
for (const step of MIGRATIONS) database.run(step);

const QUERIES = [
  ...OWNED.flatMap(({ what, rows, underWay }) =>
    [rows, underWay].flatMap((sql) => (sql === undefined ? [] : [[what, sql]])),
  ),
  ...RULES.map(({ what, breaches }) => [what, breaches]),
] as [string, string][];

test.each(QUERIES)("%s: the query fits the schema", (_what, sql) => {
  expect(database.query(sql).all()).toEqual([]);
});

test("columns of time are known as such", () => {
  const columns = database
    .query<{ name: string }, []>(
      "SELECT DISTINCT column.name FROM sqlite_schema, pragma_table_info(sqlite_schema.name) AS column",
    )
    .all()
    .map(({ name }) => name);
  expect(columns.filter((name) => name.endsWith("_at") && !TIMESTAMP_COLUMN.test(name))).toEqual([]);
  expect(columns.filter((name) => TIMESTAMP_COLUMN.test(name)).length).toBeGreaterThan(0);
});
