// The health check an image may carry (docker's field, not OCI's). Kept for later use; nothing here runs it.

import { BunkerError } from "../errors.ts";
import type { JsonObject } from "./json.ts";

/** Durations in nanoseconds, 0 meaning "not said", as in docker's config. */
export interface Healthcheck {
  /** `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", command]`; empty: inherited. */
  test: string[];
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

/** Reads the `Healthcheck` object. Wrong types throw `invalid-image`; a number out of range drops the check with a warning. */
export function parseHealthcheck(object: JsonObject | null, what: string, warnings: string[]): Healthcheck | null {
  if (object === null) return null;
  const number = (name: string): number => {
    const value = object[name] ?? 0;
    if (typeof value !== "number") throw new BunkerError("invalid-image", `${what}: "${name}" is not a number`);
    return value;
  };
  const test = object["Test"] ?? [];
  if (!Array.isArray(test) || !test.every((word) => typeof word === "string")) {
    throw new BunkerError("invalid-image", `${what}: "Test" is not a list of strings`);
  }
  const durations = [number("Interval"), number("Timeout"), number("StartPeriod"), number("StartInterval")] as const;
  const retries = number("Retries");
  // Durations beyond 2^53 nanoseconds (104 days) lose digits when parsed, which matters to nobody.
  if ([...durations, retries].some((value) => !Number.isInteger(value) || value < 0)) {
    warnings.push("the image's health check was ignored: its times are not valid");
    return null;
  }
  const [interval, timeout, startPeriod, startInterval] = durations;
  return { test, interval, timeout, startPeriod, startInterval, retries };
}
