// config.json's linux.resources → values in a cgroup v2 directory (cgroups(7), Documentation/admin-guide/cgroup-v2.rst).

import type { Field } from "./field.ts";

/** Files of the container's group and what is to be written there, with the field that asked for it. */
export interface GroupValue {
  file: string;
  value: string;
  field: string;
}

const DEFAULT_PERIOD = 100_000;
const NAME = /^[a-z]+(\.[a-z_0-9]+)+$/;

/** @throws BunkerError by the field's name */
export function planResources(resources: Field): GroupValue[] {
  ensureDefaultDevices(resources.at("devices"));
  resources.ensureNone("blockIO", "hugepageLimits", "network", "rdma", "intelRdt");
  return [
    ...planMemory(resources.at("memory")),
    ...planCpu(resources.at("cpu")),
    ...planPids(resources.at("pids")),
    ...resources
      .at("unified")
      .entries()
      .map(([file, field]) => {
        if (!NAME.test(file)) throw field.wrong("is no file of a group");
        return { file, value: field.needed(field.text()), field: field.path };
      }),
  ];
}

/** All denied and then some allowed: a container has no devices but the harmless ones and those it is given, and can make none. */
function ensureDefaultDevices(devices: Field): void {
  devices.list().forEach((rule, index) => {
    const isEverything =
      !["major", "minor"].some((name) => rule.at(name).isThere) && !["b", "c"].includes(rule.at("type").text() ?? "");
    if (!rule.at("allow").flag() && !(index === 0 && isEverything))
      throw rule.refused("denies a single device, which cannot be done");
  });
}

function planMemory(memory: Field): GroupValue[] {
  memory.ensureNone("kernel", "kernelTCP", "swappiness", "disableOOMKiller", "useHierarchy", "checkBeforeUpdate");
  const values: GroupValue[] = [];
  const [limit, swap, low] = [memory.at("limit"), memory.at("swap"), memory.at("reservation")];
  const bytes = (value: number): string => (value < 0 ? "max" : String(value));
  const limitBytes = limit.integer(-1);
  if (limitBytes !== undefined && limitBytes !== 0) {
    values.push({ file: "memory.max", value: bytes(limitBytes), field: limit.path });
  }
  const swapBytes = swap.integer(-1);
  if (swapBytes !== undefined && swapBytes !== 0) {
    // There it is memory and swap together; v2 counts them apart.
    const alone = swapBytes < 0 ? -1 : swapBytes - (limitBytes ?? 0);
    if (swapBytes > 0 && (limitBytes === undefined || alone < 0))
      throw swap.wrong("is less than linux.resources.memory.limit");
    values.push({ file: "memory.swap.max", value: bytes(alone), field: swap.path });
  }
  const lowBytes = low.integer(-1);
  if (lowBytes !== undefined && lowBytes !== 0)
    values.push({ file: "memory.low", value: bytes(lowBytes), field: low.path });
  return values;
}

function planCpu(cpu: Field): GroupValue[] {
  cpu.ensureNone("realtimeRuntime", "realtimePeriod", "burst", "idle");
  const values: GroupValue[] = [];
  const [shares, quota, period] = [cpu.at("shares"), cpu.at("quota"), cpu.at("period")];
  const weight = shares.integer();
  if (weight !== undefined && weight > 0) {
    values.push({ file: "cpu.weight", value: String(weightOf(weight)), field: shares.path });
  }
  const time = quota.integer(-1);
  const length = period.integer();
  if ((time ?? 0) !== 0 || (length ?? 0) !== 0) {
    const text = time === undefined || time <= 0 ? "max" : String(time);
    const field = quota.isThere ? quota.path : period.path;
    values.push({
      file: "cpu.max",
      value: `${text} ${length === undefined || length === 0 ? DEFAULT_PERIOD : length}`,
      field,
    });
  }
  for (const name of ["cpus", "mems"]) {
    const list = cpu.at(name);
    if (list.asks) values.push({ file: `cpuset.${name}`, value: list.needed(list.text()), field: list.path });
  }
  return values;
}

/** The usual conversion of v1's 2…262144 into v2's 1…10000. */
function weightOf(shares: number): number {
  const [LEAST, MOST] = [2, 262_144];
  const clamped = Math.min(Math.max(shares, LEAST), MOST);
  return 1 + Math.trunc(((clamped - LEAST) * 9999) / (MOST - LEAST));
}

function planPids(pids: Field): GroupValue[] {
  const limit = pids.at("limit");
  const count = limit.integer(-1);
  if (count === undefined || count === 0) return [];
  return [{ file: "pids.max", value: count < 0 ? "max" : String(count), field: limit.path }];
}
