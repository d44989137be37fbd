// A step of an image's history, as docker shows it.

import { expect, test } from "bun:test";
import { historyRow } from "../../../src/cli/history-row.ts";
import type { HistoryStep } from "../../../src/engine/index.ts";

const NOW = new Date("2026-11-25T12:00:00Z");
const ID = `sha256:${"1".repeat(64)}`;
const STEP: HistoryStep = {
  id: null,
  createdAt: "2026-11-20T12:00:00Z",
  createdBy: "RUN x",
  comment: "",
  size: 1_234_567,
};

test.each<[Partial<HistoryStep>, Partial<Parameters<typeof historyRow>[1]>, string, string]>([
  [{}, {}, "ID", "<missing>"],
  [{ id: ID }, {}, "ID", "111111111111"],
  [{ id: ID }, { truncate: false }, "ID", ID],
  [{}, {}, "Size", "1.23MB"],
  [{}, { human: false }, "Size", "1234567"],
  [{}, {}, "CreatedSince", "5 days ago"],
  [{ createdAt: "1999-01-01T00:00:00Z" }, {}, "CreatedSince", ""],
  [{ createdAt: null }, {}, "CreatedSince", ""],
  [{ createdAt: null }, { human: false }, "CreatedSince", "0001-01-01T00:00:00Z"],
  [{ createdBy: `a\t${"b".repeat(50)}` }, {}, "CreatedBy", `a ${"b".repeat(42)}…`],
  [{ createdBy: `a\t${"b".repeat(50)}` }, { truncate: false }, "CreatedBy", `a ${"b".repeat(50)}`],
])("%j with %j: %s", (step, options, field, expected) => {
  const row = historyRow({ ...STEP, ...step }, { now: NOW, truncate: true, human: true, ...options });
  expect(row[field]).toBe(expected);
});
