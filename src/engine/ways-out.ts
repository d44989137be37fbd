// What may lead out of the user's networks, and why which one does.

import { type HelperSpec, planSharedHelper, type WayOutSpec } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { HostReport } from "../host/index.ts";
import { findProgram, lackOfNetworks } from "./host.ts";

const OVERRIDE = "BUNKER_WAY_OUT";
const ORDINARY = "it needs no program, is the fastest, and the kernel has all it needs";
const HELPERS = ["slirp4netns", "pasta"] as const;

/** The best first. @throws BunkerError usage, host-refused: $BUNKER_WAY_OUT names what there is not */
export function waysOut(): WayOutSpec[] {
  const found: WayOutSpec[] = [{ kind: "relay" }, ...HELPERS.flatMap(findHelper)];
  const wanted = process.env[OVERRIDE] ?? "";
  if (wanted === "") return found;
  const chosen = found.filter(({ kind }) => kind === wanted);
  if (chosen.length > 0) return chosen;
  const isKnown = HELPERS.some((kind) => kind === wanted);
  throw new BunkerError(
    isKnown ? "host-refused" : "usage",
    `${OVERRIDE}=${wanted}: ${isKnown ? "the program is not installed" : "there is no such way out"}`,
    { hint: "It is relay, slirp4netns or pasta; unset, the first that works here is taken." },
  );
}

/** Which of them it is, as far as can be told without a container. `relayFailure` tries the relay: `null`, it works here. */
export function chooseWayOut(relayFailure: () => string | null): HostReport["wayOut"] {
  const isForced = (process.env[OVERRIDE] ?? "") !== "";
  const lack = lackOfNetworks();
  const failure = lack ?? relayFailure();
  // What the relay lacks then, a program lacks too.
  const ways = lack === null ? waysOut() : [];
  const usable = ways.find(({ kind }) => kind !== "relay" || failure === null);
  const instead = usable?.kind === "relay" ? ORDINARY : `the relay cannot be had here: ${failure}`;
  const why = isForced && usable !== undefined ? `${OVERRIDE} says so` : instead;
  return { chosen: usable?.kind ?? null, why, relayFailure: failure };
}

function findHelper(kind: HelperSpec["kind"]): HelperSpec[] {
  const program = findProgram(kind);
  return program === null ? [] : [{ ...planSharedHelper(kind), program }];
}
