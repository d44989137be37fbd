// What a container uses as a row of `stats`, in docker's words: two looks at it, and what lies between. Pure.

import type { StatsSample } from "../engine/index.ts";
import type { Listing, Row } from "./format.ts";
import { binarySize, columnSize, shortId } from "./units.ts";

export const STATS_LISTING: Listing = {
  headings: {
    Container: "CONTAINER",
    Name: "NAME",
    ID: "CONTAINER ID",
    CPUPerc: "CPU %",
    MemUsage: "MEM USAGE / LIMIT",
    MemPerc: "MEM %",
    NetIO: "NET I/O",
    BlockIO: "BLOCK I/O",
    PIDs: "PIDS",
  },
  columns: ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"],
  raw: "raw",
  type: "*container.statsContext",
};

const MICROSECONDS_PER_MILLISECOND = 1000;

export interface StatsOptions {
  /** As it was asked for. */
  asked: string;
  truncate: boolean;
}

/** `before`: an earlier look at the same container; `null`: there is none yet. */
export function statsRow(sample: StatsSample, before: StatsSample | null, { asked, truncate }: StatsOptions): Row {
  const { memory, network, block } = sample;
  const pair = (a: number | undefined, b: number | undefined): string =>
    `${columnSize(a ?? 0)} / ${columnSize(b ?? 0)}`;
  // By name, as docker's JSON has them.
  return {
    // docker has zeros where there is nothing that is counted; what could not be counted is no zero.
    BlockIO: block === null && sample.running ? "--" : pair(block?.read, block?.written),
    CPUPerc: percent(processorShare(sample, before)),
    Container: asked,
    ID: truncate ? shortId(sample.id) : sample.id,
    MemPerc: percent(memory.limit === 0 ? 0 : memory.used / memory.limit),
    MemUsage: `${binarySize(memory.used)} / ${binarySize(memory.limit)}`,
    Name: sample.name,
    NetIO: pair(network?.received, network?.sent),
    PIDs: String(sample.processes),
  };
}

/** 1 is one processor. One that was started anew meanwhile has less behind it than before. */
function processorShare(sample: StatsSample, before: StatsSample | null): number {
  if (before === null || !before.running || !sample.running) return 0;
  const elapsed = (sample.at - before.at) * MICROSECONDS_PER_MILLISECOND;
  return elapsed <= 0 ? 0 : Math.max(0, sample.cpu - before.cpu) / elapsed;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}
