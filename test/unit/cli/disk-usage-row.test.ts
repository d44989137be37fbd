// What lies on the disk, as `system df` shows it.

import { expect, test } from "bun:test";
import { usageRows } from "../../../src/cli/disk-usage-row.ts";
import type { DiskUsage } from "../../../src/engine/index.ts";

const NOTHING: DiskUsage = {
  images: [],
  imageBytes: 0,
  unusedImageBytes: 0,
  containers: [],
  volumes: [],
  unreferenced: { count: 0, bytes: 0 },
};

/** Only what the rows look at. */
const container = (status: string, bytes: number) => ({ view: { status }, bytes });
const volume = (users: string[], bytes: number) => ({ volume: { users }, bytes });

test.each<[string, Record<string, unknown>, string[]]>([
  ["nothing", {}, ["Images 0 0 0B 0B", "Containers 0 0 0B 0B", "Local Volumes 0 0 0B 0B", "Build Cache 0 0 0B 0B"]],
  [
    "used and unused",
    {
      images: [{ used: true }, { used: false }],
      imageBytes: 3_000_000,
      unusedImageBytes: 1_000_000,
      containers: [container("running", 2000), container("exited", 1000), container("created", 1000)],
      volumes: [volume(["c"], 500), volume([], 0)],
    },
    [
      "Images 2 1 3MB 1MB (33%)",
      "Containers 3 1 4kB 2kB (50%)",
      "Local Volumes 2 1 500B 0B (0%)",
      "Build Cache 0 0 0B 0B",
    ],
  ],
  [
    "what belongs to nothing",
    { unreferenced: { count: 2, bytes: 4096 } },
    [
      "Images 0 0 0B 0B",
      "Containers 0 0 0B 0B",
      "Local Volumes 0 0 0B 0B",
      "Build Cache 0 0 0B 0B",
      "Unreferenced 2 0 4.096kB 4.096kB (100%)",
    ],
  ],
])("%s", (_, usage, expected) => {
  const rows = usageRows({ ...NOTHING, ...usage });
  expect(
    rows.map((row) => ["Type", "TotalCount", "Active", "Size", "Reclaimable"].map((field) => row[field]).join(" ")),
  ).toEqual(expected);
});
