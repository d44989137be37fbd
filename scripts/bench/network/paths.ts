// All gauges on all paths. Every round runs all contestants one after the other, so that a slow minute of the machine hits them alike.

import { median } from "../table.ts";
import type { Contestant, Way } from "./contestants.ts";
import { CONNECT, type Gauge, OTHERS, type Sample, TCP } from "./gauges.ts";
import type { Aim, NetworkRow } from "./table.ts";

interface Course {
  way: Way;
  name: string;
  /** For every TCP gauge, of the veth's. */
  throughput: Aim;
  connect?: Aim;
}

const ROUNDS = 3;
const GIGABYTE = 1e9;

export const COURSES: Course[] = [
  // As fast as the veth; two measurements of the veth itself differ by as much.
  { way: "among", name: "container → container", throughput: atLeast(0.9) },
  { way: "out", name: "container → outside", throughput: atLeast(0.7), connect: atMost(3) },
  { way: "in", name: "outside → published port", throughput: atLeast(0.7), connect: atMost(2.5) },
];

function atLeast(value: number): Aim {
  return { sign: "≥", value, ofLimit: true };
}

function atMost(value: number): Aim {
  return { sign: "≤", value, ofLimit: true };
}

export async function measureCourse(course: Course, contestants: Contestant[]): Promise<NetworkRow[]> {
  const rows: NetworkRow[] = [];
  const work = new Work();
  for (const gauge of TCP) rows.push({ ...(await measure(course, gauge, contestants, work)), aim: course.throughput });
  rows.push({ what: `${course.name}: work per gigabyte of these`, unit: "CPU s", values: work.perGigabyte() });
  for (const gauge of OTHERS) {
    const row = await measure(course, gauge, contestants, new Work());
    rows.push(gauge === CONNECT && course.connect !== undefined ? { ...row, aim: course.connect } : row);
  }
  return rows;
}

async function measure(course: Course, gauge: Gauge, contestants: Contestant[], work: Work): Promise<NetworkRow> {
  const what = `${course.name}: ${gauge.name}`;
  const samples = new Map<string, number[]>();
  const failed = new Set<string>();
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (const contestant of contestants) {
      const { name, paths } = contestant;
      const path = paths[course.way];
      if (path === undefined || failed.has(name)) continue;
      try {
        const before = contestant.work();
        const sample = await gauge.take(path);
        work.add(name, contestant.work() - before, sample);
        samples.set(name, [...(samples.get(name) ?? []), sample.value]);
      } catch (error) {
        console.error(`${what}, ${name}: ${String(error)}`);
        failed.add(name);
      }
    }
  }
  const values = [...samples].map(([name, numbers]) => [name, median(numbers)] as const);
  const ends = [...failed].map((name) => [name, "failed"] as const);
  return { what, unit: gauge.unit, values: Object.fromEntries([...values, ...ends]) };
}

/** What all but the two ends did for the bytes that went by. */
class Work {
  readonly #totals = new Map<string, { seconds: number; bytes: number }>();

  add(name: string, seconds: number, { bytes = 0 }: Sample): void {
    const total = this.#totals.get(name) ?? { seconds: 0, bytes: 0 };
    this.#totals.set(name, { seconds: total.seconds + seconds, bytes: total.bytes + bytes });
  }

  perGigabyte(): Record<string, number> {
    return Object.fromEntries(
      [...this.#totals].map(([name, { seconds, bytes }]) => [name, (seconds / bytes) * GIGABYTE]),
    );
  }
}
