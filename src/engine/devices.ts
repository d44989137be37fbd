// Which device nodes of the host a container is to see: those named, or with --privileged all that the user can open. Loaded only
// where some are asked for.

import { accessSync, constants, lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import type { CreateRequest } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { DeviceRequest } from "../volume/index.ts";

const DEVICES = "/dev";
/** What a container has of its own at /dev, and the terminals of whoever sits before the machine. */
const OWN = /^(?:null|zero|full|random|urandom|tty|tty\d+|console|ptmx|pts|shm|mqueue|hugepages|fd)$/;

/** As they are at this moment. @throws BunkerError bad-path in docker's words, or when the user may not open one */
export function findDevices({ devices = [], privileged = false }: CreateRequest): DeviceRequest[] {
  const named = devices.flatMap(expand);
  const all = privileged ? listBelow(DEVICES, OWN).filter(mayOpen) : [];
  const targets = new Set(named.map(({ target }) => target));
  return [...named, ...all.filter((path) => !targets.has(path)).map((path) => ({ source: path, target: path }))];
}

/** docker: of a directory all nodes in it. */
function expand({ source, target }: DeviceRequest): DeviceRequest[] {
  const status = lookAt(source);
  if (isDevice(status)) {
    if (mayOpen(source)) return [{ source, target }];
    throw new BunkerError("bad-path", `adding device "${source}": permission denied`, {
      hint: "Without root a container may only use the devices that the user can open.",
    });
  }
  const found = status.isDirectory() ? listBelow(source).filter(mayOpen) : [];
  if (found.length === 0) throw cannotGather(source, "not a device node");
  return found.map((path) => ({ source: path, target: `${target}${path.slice(source.length)}` }));
}

function lookAt(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw cannotGather(path, missing ? "no such file or directory" : (cause as Error).message);
  }
}

function cannotGather(path: string, reason: string): BunkerError {
  return new BunkerError(
    "bad-path",
    `error gathering device information while adding custom device "${path}": ${reason}`,
    { hint: "`ls -l /dev` shows the devices there are." },
  );
}

function isDevice(status: Stats): boolean {
  return status.isCharacterDevice() || status.isBlockDevice();
}

/** Device nodes below a directory, links not followed. `except`: names at its top. */
function listBelow(directory: string, except?: RegExp): string[] {
  return readNames(directory).flatMap((name) => {
    const path = `${directory}/${name}`;
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined || except?.test(name) === true) return [];
    if (status.isDirectory()) return listBelow(path);
    return isDevice(status) ? [path] : [];
  });
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch {
    // Not the user's to look into.
    return [];
  }
}

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
