// The user's own network as it is at this moment, read by root from outside: what is in its network namespace, who keeps it, and what
// the store says. Two of them are equal when nothing was left behind in between.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "./environment.ts";
import { commandLine, processesOf } from "./host-state.ts";
import { withDatabase } from "./store-dump.ts";

export interface NetworkState {
  /** Names in the namespace, sorted. */
  links: string[];
  /** All rules, and all elements of sets. */
  rules: string[];
  /** Less those of link-local addresses, which the kernel adds some time after a link has come up. */
  routes: string[];
  /** Different ones that any process of the environment is in or holds. */
  namespaces: number;
  /** Containers' addresses, and their ports. */
  leases: string[];
  ports: string[];
  /** Files in the runtime directory. */
  files: string[];
  /** Descriptors of the network keeper, by kind. */
  descriptors: Record<string, number>;
}

/** Its processes: one, or none. */
export function networkKeepersOf(env: TestEnv): number[] {
  return processesOf(env).filter((pid) => commandLine(pid).join(" ").startsWith("keeper network "));
}

/** The only one. @throws when there is none, or more than one */
export function networkKeeperOf(env: TestEnv): number {
  const [pid, ...more] = networkKeepersOf(env);
  if (pid === undefined || more.length > 0) throw new Error(`network keepers: ${[pid, ...more].join(" ")}`);
  return pid;
}

/** @throws when there is no network keeper */
export function readNetwork(env: TestEnv): NetworkState {
  const [keeper] = networkKeepersOf(env);
  if (keeper === undefined) throw new Error("there is no network keeper");
  const inside = insideOf(keeper);
  const show = (...command: string[]) => lines(output(["nsenter", `--net=${inside}`, ...command]));
  return {
    links: show("ip", "-o", "link")
      .map((line) => line.split(/[ :@]+/)[1] ?? "")
      .sort(),
    // Less those that pass by themselves: what each port has sent of late.
    rules: show("nft", "list", "ruleset")
      .map((line) => line.trim())
      .filter((line) => !line.includes(" expires ")),
    routes: [...show("ip", "route", "show", "table", "all"), ...show("ip", "rule"), ...show("ip", "-6", "rule")]
      .filter((line) => !line.includes("fe80:"))
      .sort(),
    namespaces: namespacesOf(env).size,
    ...leasesOf(env),
    files: readdirSync(join(env.dataHome, "run"), { recursive: true, encoding: "utf8" })
      .filter((name) => !name.startsWith("u/"))
      .sort(),
    descriptors: descriptorsOf(keeper),
  };
}

/** Memory of the network keeper's own, in KiB. */
export function memoryOf(env: TestEnv): number {
  const [keeper] = networkKeepersOf(env);
  const rollup = readFileSync(`/proc/${keeper}/smaps_rollup`, "utf8");
  return Number(/^Pss_Anon:\s+(\d+) kB$/m.exec(rollup)?.[1]);
}

/** A path to the network namespace that it holds and is not in itself. */
function insideOf(keeper: number): string {
  const own = readlinkSync(`/proc/${keeper}/ns/net`);
  const isInside = (path: string) => targetOf(path).startsWith("net:") && targetOf(path) !== own;
  // Those that containers are in have no tun.
  const found = descriptorPaths(keeper)
    .filter(isInside)
    .find((path) => Bun.spawnSync(["nsenter", `--net=${path}`, "ip", "link", "show", "tun0"]).success);
  if (found === undefined) throw new Error("the network keeper holds no network");
  return found;
}

function namespacesOf(env: TestEnv): Set<string> {
  const paths = processesOf(env).flatMap((pid) => [`/proc/${pid}/ns/net`, ...descriptorPaths(pid)]);
  return new Set(paths.map(targetOf).filter((target) => target.startsWith("net:")));
}

function leasesOf(env: TestEnv): Pick<NetworkState, "leases" | "ports"> {
  const rows = withDatabase(env.dataHome, (database) => {
    const texts = (sql: string) =>
      database
        .query(sql)
        .values()
        .map((row) => row.join(" "));
    return {
      leases: texts("SELECT container_id, network_id, address4, address6 FROM endpoints ORDER BY 1, 2"),
      ports: texts("SELECT container_id, protocol, host_address, host_port FROM ports ORDER BY 1, 2, 3, 4"),
    };
  });
  return rows ?? { leases: [], ports: [] };
}

function descriptorsOf(pid: number): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const path of descriptorPaths(pid)) {
    const kind = targetOf(path).replace(/:?\[\d+\]$/, "");
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

function descriptorPaths(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return []; // it ended
  }
}

function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed
  }
}

function output(command: string[]): string {
  const { success, stdout, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
