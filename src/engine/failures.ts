// Of several things that were done at once and failed: which failure is the one to tell.

import { BunkerError } from "../errors.ts";

/** Throws the first failure that is not only the others' doing. */
export function throwFirst(outcomes: readonly PromiseSettledResult<unknown>[]): void {
  const failures = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason as unknown);
  if (failures.length > 0) throw failures.find((reason) => !isCancelled(reason)) ?? failures[0];
}

function isCancelled(reason: unknown): boolean {
  return (
    (reason instanceof BunkerError && reason.code === "cancelled") ||
    (reason instanceof Error && reason.name === "AbortError")
  );
}
