// Which of two containers is held more tightly, property by property: the figure is how often ours is weaker (target: never).
// Only properties with a clear "less is safer" count; what merely differs does not.

import type { Posture } from "./posture.ts";
import { syscallName } from "./syscalls.ts";

export interface Strength {
  /** Properties where ours allows more. */
  weaker: string[];
  stricter: string[];
}

const CAPABILITY_SETS = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
const CAPABILITIES = 41;
/** How a filter or the kernel says no. */
const REFUSED = /^(EPERM|EACCES|ENOSYS|EAFNOSUPPORT|signal 31)$/;
const SAFER_MOUNT_OPTIONS = ["nodev", "nosuid", "noexec", "ro"];
/** Everything that can be seen of a path, the least first. */
const OPENNESS = [/^absent/, /read:(E[A-Z]+)/, /read:empty/, /read:(entries|readable|opens)/];

type Score = (posture: Posture) => number;

export function compareStrength(ours: Posture, theirs: Posture): Strength {
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
    .filter((name) => isComparable(name, ours, theirs))
    .sort();
  const strength: Strength = { weaker: [], stricter: [] };
  for (const [property, score] of [...names.flatMap(scoresOf), ...capabilityScores()]) {
    const difference = score(ours) - score(theirs);
    if (difference > 0) strength.weaker.push(property);
    if (difference < 0) strength.stricter.push(property);
  }
  return strength;
}

/** A mount that only one of them has is no weakness in itself; a mask that is a device cannot be nodev. */
function isComparable(name: string, ours: Posture, theirs: Posture): boolean {
  return !name.startsWith("mounts/") || (ours[name] !== undefined && theirs[name] !== undefined);
}

/** A score is how much is allowed. */
function scoresOf(name: string): [string, Score][] {
  const part = name.slice(0, name.indexOf("/"));
  switch (part) {
    case "syscalls":
      return [[`syscall ${syscallName(Number(name.slice(part.length + 1)))}`, allowed(name)]];
    case "cases":
    case "keyring":
      return [[name, allowed(name)]];
    case "sockets":
      return [
        [name, (posture) => (REFUSED.test(posture[name] ?? "EPERM") ? 0 : (posture[name] ?? "").split(" ").length)],
      ];
    case "namespaces":
      return [[name, (posture) => (posture[name] === "host" ? 1 : 0)]];
    case "paths":
      return [
        [`${name} read`, (posture) => OPENNESS.findLastIndex((pattern) => pattern.test(posture[name] ?? "absent"))],
        // Writing to the null device that lies over it changes nothing.
        [`${name} write`, (posture) => (/^(?!character 1:3).*write:opens/.test(posture[name] ?? "") ? 1 : 0)],
      ];
    case "mounts":
      return SAFER_MOUNT_OPTIONS.map((option) => [`${name} ${option}`, lacksOption(name, option)]);
    case "fds":
      return [[name, (posture) => (Number(name.slice(part.length + 1)) > 2 && posture[name] !== undefined ? 1 : 0)]];
    case "status":
      return name === "status/NoNewPrivs" || name === "status/Seccomp"
        ? [[name, (posture) => (posture[name] === undefined || posture[name] === "0" ? 1 : 0)]]
        : [];
    default:
      return [];
  }
}

function allowed(name: string): Score {
  return (posture) => (REFUSED.test(posture[name] ?? "EPERM") ? 0 : 1);
}

function lacksOption(name: string, option: string): Score {
  return (posture) => {
    const options = posture[name]?.split(" ")[1]?.split(",");
    return options === undefined || options.includes(option) ? 0 : 1;
  };
}

function capabilityScores(): [string, Score][] {
  return CAPABILITY_SETS.flatMap((set) =>
    Array.from({ length: CAPABILITIES }, (_, bit): [string, Score] => [
      `${set} bit ${bit}`,
      (posture) => Number((BigInt(`0x${posture[`status/${set}`] ?? "0"}`) >> BigInt(bit)) & 1n),
    ]),
  );
}
