// The group of a bundle's container, where the caller names one (linux.cgroupsPath) and may make it. cgroup v2 only. What is asked for
// and cannot be had is an error by the field's name.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import type { GroupValue } from "../container/index.ts";
import { BunkerError } from "../errors.ts";

const MOUNT = "/sys/fs/cgroup";

/** `null`: the container stays in its caller's group. @throws BunkerError host-refused */
export function makeGroup(path: string | null, limits: readonly GroupValue[], isManaged: boolean): string | null {
  const [first] = limits;
  const refused = (field: string, reason: string): BunkerError =>
    new BunkerError("host-refused", `config.json: ${field} cannot be applied: ${reason}`, {
      hint: "A limit needs linux.cgroupsPath to name a place in a cgroup v2 tree in which the caller may make groups.",
    });
  const without = (reason: string): null => {
    if (first !== undefined) throw refused(first.field, reason);
    return null;
  };
  if (!isManaged) return without("cgroups are disabled");
  if (path === null || path === "") return without("there is no linux.cgroupsPath");
  if (!existsSync(`${MOUNT}/cgroup.controllers`)) return without("this host has no cgroup v2");
  const place = placeOf(path);
  try {
    mkdirSync(place, { recursive: true });
  } catch (error) {
    return without((error as Error).message);
  }
  for (const { file, value, field } of limits) {
    const controller = file.slice(0, file.indexOf("."));
    enableController(place, controller);
    try {
      if (!existsSync(`${place}/${file}`)) throw new Error(`there is no "${controller}" controller in that group`);
      writeFileSync(`${place}/${file}`, value);
    } catch (error) {
      removeGroup(place);
      throw refused(field, (error as Error).message);
    }
  }
  return place;
}

/** Absolute: from the top; else below the group we are in. Never out of the tree. */
function placeOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new BunkerError("usage", "config.json: linux.cgroupsPath has .. in it");
  if (path.startsWith("/")) return [MOUNT, ...parts].join("/");
  const own = /^0::(\/.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
  return `${MOUNT}${own === "/" ? "" : own}/${parts.join("/")}`;
}

/** From the top down, as far as we may: what comes of it is seen when the value is written. */
function enableController(place: string, controller: string): void {
  const parts = place.slice(MOUNT.length + 1).split("/");
  for (let count = 0; count < parts.length; count++) {
    const above = [MOUNT, ...parts.slice(0, count)].join("/");
    try {
      writeFileSync(`${above}/cgroup.subtree_control`, `+${controller}`);
    } catch {
      // Somebody else's, or enabled already.
    }
  }
}

/** Once nobody is in it; those a container made in its own are below. */
export function removeGroup(place: string): void {
  try {
    for (const entry of readdirSync(place, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(`${place}/${entry.name}`);
    }
    rmdirSync(place);
  } catch {
    // Gone, or in use by what outlived the container.
  }
}
