// What a container uses, as `stats` shows it.

import { expect, test } from "bun:test";
import { statsRow } from "../../../src/cli/stats-row.ts";
import { binarySize } from "../../../src/cli/units.ts";
import type { StatsSample } from "../../../src/engine/index.ts";

const MIB = 1024 * 1024;
const ID = "a".repeat(64);
const SAMPLE: StatsSample = {
  id: ID,
  name: "web",
  running: true,
  at: 3000,
  cpu: 2_500_000,
  memory: { used: 5 * MIB, limit: 1024 * MIB },
  network: { received: 1234, sent: 0 },
  block: { read: 0, written: 5_000_000 },
  processes: 3,
};
const BEFORE: StatsSample = { ...SAMPLE, at: 1000, cpu: 1_000_000 };
const ENDED = { running: false, cpu: 0, memory: { used: 0, limit: 0 }, network: null, block: null, processes: 0 };

test.each<[Partial<StatsSample>, StatsSample | null, string[]]>([
  [{}, BEFORE, ["75.00%", "5MiB / 1GiB", "0.49%", "1.23kB / 0B", "0B / 5MB", "3"]],
  [{}, null, ["0.00%", "5MiB / 1GiB", "0.49%", "1.23kB / 0B", "0B / 5MB", "3"]],
  // Two processors for two seconds.
  [{ cpu: 5_000_000 }, BEFORE, ["200.00%", "5MiB / 1GiB", "0.49%", "1.23kB / 0B", "0B / 5MB", "3"]],
  // Started anew meanwhile.
  [{ cpu: 1000 }, BEFORE, ["0.00%", "5MiB / 1GiB", "0.49%", "1.23kB / 0B", "0B / 5MB", "3"]],
  [{ block: null, network: null }, BEFORE, ["75.00%", "5MiB / 1GiB", "0.49%", "0B / 0B", "--", "3"]],
  [ENDED, BEFORE, ["0.00%", "0B / 0B", "0.00%", "0B / 0B", "0B / 0B", "0"]],
])("%j", (changes, before, expected) => {
  const row = statsRow({ ...SAMPLE, ...changes }, before, { asked: "we", truncate: true });
  expect(["CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"].map((field) => row[field])).toEqual(expected);
  expect([row["ID"], row["Name"], row["Container"]]).toEqual(["a".repeat(12), "web", "we"]);
});

test.each([
  [0, "0B"],
  [1023, "1023B"],
  [1536, "1.5KiB"],
  [123_456_789, "117.7MiB"],
  [2 ** 34, "16GiB"],
])("%p bytes of memory", (bytes, expected) => {
  expect(binarySize(bytes)).toBe(expected);
});
