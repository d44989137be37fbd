// --preserve-fds and --preserve-fd: descriptors of the caller's that the process in the container is to have, under their own numbers.
// Only what was really handed down, and only what leads nowhere else.

import { readlinkSync, statSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import type { FlagValues } from "./flags.ts";
import { parseInteger, ScanError } from "./strconv.ts";

/** Standard input, output and error are not theirs to give. */
const FIRST = 3;
/** A message to the keeper carries 16, of which up to three are streams, and one a lock. */
const MOST = 12;
/** The keeper's own bound. */
const LAST = 1023;

/** @throws ScanError */
function parseNumbers(text: string): number[] {
  return text.split(",").map((word) => {
    const number = parseInteger(word);
    if (number < FIRST || number > LAST)
      throw new ScanError(`a descriptor from ${FIRST} to ${LAST} is wanted: ${word}`);
    return number;
  });
}

export const KEPT_FD_FLAGS = {
  "preserve-fd": { kind: "list", help: "Pass these file descriptors on to the process (3,5)", parse: parseNumbers },
  "preserve-fds": { kind: "integer", help: "Pass so many file descriptors on to the process, from 3 on" },
} as const;

/** `undefined`: none are asked for. @throws BunkerError in podman's words */
export function keptFds(values: FlagValues<typeof KEPT_FD_FLAGS>): number[] | undefined {
  const count = values["preserve-fds"] ?? 0;
  const named = values["preserve-fd"].flat();
  if (count === 0 && named.length === 0) return undefined;
  if (count < 0 || count > MOST || named.length > MOST) throw tooMany();
  const counted = Array.from({ length: count }, (_, at) => FIRST + at);
  for (const fd of counted) ensurePassable(fd, "preserve-fds");
  for (const fd of named) ensurePassable(fd, "preserve-fd");
  const numbers = [...new Set([...counted, ...named])];
  if (numbers.length > MOST) throw tooMany();
  return numbers;
}

function tooMany(): BunkerError {
  return new BunkerError("usage", `at most ${MOST} file descriptors can be passed on, from ${FIRST} on`);
}

/**
 * Files, devices, pipes and sockets. What else has a number here is our own runtime's (which opens no such thing before the engine is
 * asked for), or a way out of every sandbox: a directory, a namespace, a process.
 */
function ensurePassable(fd: number, flag: string): void {
  const place = `/proc/self/fd/${fd}`;
  const kind = kindOf(place);
  if (kind === "directory") {
    throw new BunkerError(
      "usage",
      `file descriptor ${fd} is a directory: through it a process would leave the container`,
      {
        hint: "Mount it instead: -v DIRECTORY:/PLACE.",
      },
    );
  }
  if (kind !== "passable") {
    throw new BunkerError(
      "usage",
      `file descriptor ${fd} is not available - the ${flag} option requires that file descriptors must be passed`,
    );
  }
}

function kindOf(place: string): "passable" | "directory" | "other" {
  try {
    const target = readlinkSync(place);
    if (/^(?:pipe|socket):\[\d+\]$/.test(target)) return "passable";
    if (!target.startsWith("/")) return "other";
    return statSync(place).isDirectory() ? "directory" : "passable";
  } catch {
    return "other";
  }
}
