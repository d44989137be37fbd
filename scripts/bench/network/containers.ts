// What a network costs besides traffic: time to start on it, memory of all that serves it.

import { medianTimes } from "../measurements.ts";
import { engineMemory, networkKeeperMemory } from "../memory.ts";
import { removeAll, type Rival, startContainer } from "./rival.ts";
import type { Aim, NetworkRow } from "./table.ts";

const FEW = 1;
const MANY = 20;
const FIRST_PORT = 19_000;
/** A network keeper of ours stays for a second. */
const SETTLE_MS = 2000;
const KILOBYTES_PER_MEGABYTE = 1024;

export async function measureRuns(rivals: Rival[], image: string, rounds: number): Promise<NetworkRow[]> {
  const time = () => medianTimes(rivals, rounds, ({ network }) => ["run", "--rm", "--network", network, image, "true"]);
  const alone = await time();
  for (const rival of rivals) await startContainer(rival, image, []);
  const beside = await time();
  return [
    { what: "run --rm true, nothing else there", unit: "ms", values: alone, aim: atMost(25) },
    { what: "run --rm true, beside another", unit: "ms", values: beside, aim: atMost(25) },
  ];
}

/** With a published port each. */
export async function measureMemory(rivals: Rival[], image: string): Promise<NetworkRow[]> {
  const few: NetworkRow = { what: "memory (PSS) of 1 detached with a port", unit: "MB", values: {} };
  const what = `memory (PSS) of each of ${MANY} detached with a port`;
  const many: NetworkRow = { what, unit: "MB", values: {}, aim: atMost(1) };
  for (const rival of rivals) {
    // What those before left may still be on its way out.
    await Bun.sleep(SETTLE_MS);
    const before = engineMemory(rival.env);
    const grown = async () => {
      await Bun.sleep(SETTLE_MS);
      return (engineMemory(rival.env) - before) / KILOBYTES_PER_MEGABYTE;
    };
    await startMany(rival, image, { from: 0, to: FEW });
    few.values[rival.name] = (await grown()) / FEW;
    await startMany(rival, image, { from: FEW, to: MANY });
    many.values[rival.name] = (await grown()) / MANY;
    await removeAll(rival);
  }
  return [few, many];
}

/** Of those who have one, as it is now. */
export function measureNetworkKeeper(rivals: Rival[], what: string): NetworkRow {
  const sizes = rivals.map(({ name, env }) => [name, networkKeeperMemory(env)] as const);
  const values = sizes.flatMap(([name, size]) => (size === null ? [] : [[name, size / KILOBYTES_PER_MEGABYTE]]));
  return { what, unit: "MB", values: Object.fromEntries(values), aim: atMost(3) };
}

async function startMany(rival: Rival, image: string, { from, to }: { from: number; to: number }): Promise<void> {
  for (let index = from; index < to; index += 1) await startContainer(rival, image, [`${FIRST_PORT + index}:80`]);
}

function atMost(value: number): Aim {
  return { sign: "≤", value, ofLimit: false };
}
