// The network's part: how fast, how heavy, beside other rootless networks and beside the bare veth. Of the two ends of a path one
// is a container, or both are, and the other is outside (network/link.ts).

import type { Engine } from "./engine.ts";
import { BareBridge, bareVeth, VETH } from "./network/bare.ts";
import { measureMemory, measureNetworkKeeper, measureRuns } from "./network/containers.ts";
import { contestantOf } from "./network/contestants.ts";
import { Link } from "./network/link.ts";
import { COURSES, measureCourse } from "./network/paths.ts";
import { congestionControlOf } from "./network/place.ts";
import { closeRivals, removeAll, type Rival, rivalsOf } from "./network/rival.ts";
import { type NetworkRow, renderNetworkTable } from "./network/table.ts";

interface NetworkBench {
  /** Ours first. They have the image. */
  engines: Engine[];
  image: string;
  /** Of short commands. */
  rounds: number;
}

/** The table, with what one has to know to read it. */
export async function measureNetworks({ engines, image, rounds }: NetworkBench): Promise<string> {
  await using link = await Link.create();
  await using bridge = await BareBridge.create();
  const rivals = rivalsOf(engines, link);
  const bare = [bareVeth(link), bridge.contestant];
  try {
    const rows: NetworkRow[] = [];
    for (const course of COURSES) {
      const traffic = async () => {
        const contestants = [...bare];
        for (const rival of rivals) contestants.push(await contestantOf(rival, contestants.length, { link, image }));
        return [
          ...(await measureCourse(course, contestants)),
          measureNetworkKeeper(rivals, `${course.name}: network keeper`),
        ];
      };
      rows.push(...(await attempt(course.name, rivals, traffic)));
    }
    rows.push(...(await attempt("run --rm on networks", rivals, () => measureRuns(rivals, image, rounds))));
    rows.push(...(await attempt("memory of networks", rivals, () => measureMemory(rivals, image))));
    return describe(rows, { rivals, bare: bridge.contestant.name, congestionControl: congestionControlOf(link.host) });
  } finally {
    await closeRivals(rivals);
  }
}

/** One that fails says so in the table; the others go on, each without containers of those before. */
async function attempt(what: string, rivals: Rival[], measure: () => Promise<NetworkRow[]>): Promise<NetworkRow[]> {
  console.log(`bench: ${what}`);
  try {
    return await measure();
  } catch (error) {
    console.error(String(error));
    return [{ what, unit: "", values: Object.fromEntries(rivals.slice(0, 1).map(({ name }) => [name, "failed"])) }];
  } finally {
    for (const rival of rivals) await removeAll(rival);
  }
}

interface Circumstances {
  rivals: Rival[];
  /** Those without an engine, besides the limit. */
  bare: string;
  congestionControl: string;
}

function describe(rows: NetworkRow[], { rivals, bare, congestionControl }: Circumstances): string {
  const [ours = "", ...others] = rivals.map(({ name }) => name);
  const text = [
    "Networks: medians; in parentheses, how many times the bare veth's. Host and outside are network namespaces with a veth between",
    `them; ${congestionControl} and Linux's own buffer sizes everywhere; iperf3 and blocking sockets at both ends.`,
  ];
  return `${text.join("\n")}\n\n${renderNetworkTable(rows, { limit: VETH, ours, others: [bare, ...others] })}`;
}
