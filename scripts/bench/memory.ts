// What containers keep in memory besides their own processes: the proportional set size (proc_pid_smaps(5)) of all that the
// engine left running.

import { readFileSync } from "node:fs";

import type { TestEnv } from "../../test/support/environment.ts";
import { commandLine, processesOf } from "../../test/support/host-state.ts";

/** Kilobytes. Leaves out the containers' own `sleep` and the stopwatch. */
export function engineMemory(env: TestEnv): number {
  return processesOf(env)
    .filter((pid) => !isOther(commandLine(pid)))
    .reduce((sum, pid) => sum + memoryOf(pid), 0);
}

function isOther([program = "", ...rest]: string[]): boolean {
  return program.endsWith("/stopwatch") || (/(^|\/)sleep$/.test(program) && rest.length === 1);
}

/** Kilobytes of our one process that serves all containers' networks; null where there is none, as with other engines. */
export function networkKeeperMemory(env: TestEnv): number | null {
  const pid = processesOf(env).find((candidate) => commandLine(candidate).join(" ").startsWith("keeper network "));
  return pid === undefined ? null : memoryOf(pid);
}

function memoryOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0; // it has ended
  }
}
