// A container's ports as one line of ps, in docker's words, and the filters about them. Pure.

import { eachAddress } from "../network/index.ts";
import { UsageError } from "./usage.ts";

/** A port of a container's; without a host port it is only exposed. */
export interface PortFact {
  protocol: string;
  containerPort: number;
  /** Empty: on every address of both kinds. */
  hostAddress: string;
  hostPort: number | null;
}

interface Run {
  address: string | null;
  protocol: string;
  host: number | null;
  first: number;
  last: number;
}

/** `0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp`; neighbours are shown as one range. */
export function portsText(ports: readonly PortFact[]): string {
  const single = ports.flatMap(onEachAddress).sort(inOrder);
  const runs: Run[] = [];
  for (const run of single) {
    const before = runs.at(-1);
    if (before !== undefined && continues(before, run)) before.last = run.last;
    else runs.push({ ...run });
  }
  return runs.map(runText).join(", ");
}

function onEachAddress({ protocol, containerPort, hostAddress, hostPort }: PortFact): Run[] {
  const base = { protocol, host: hostPort, first: containerPort, last: containerPort };
  if (hostPort === null) return [{ ...base, address: null }];
  return eachHost(hostAddress).map((address) => ({ ...base, address }));
}

/** The addresses of a published port, as they stand before a colon. */
export function eachHost(hostAddress: string): string[] {
  return eachAddress(hostAddress).map((address) => (address.includes(":") ? `[${address}]` : address));
}

/** Published ones first, by address; then by protocol and number. */
function inOrder(one: Run, other: Run): number {
  const key = ({ address, protocol }: Run): string => `${address ?? "~"} ${protocol}`;
  return key(one) === key(other) ? one.first - other.first : key(one) < key(other) ? -1 : 1;
}

function continues(before: Run, { address, protocol, host, first }: Run): boolean {
  const isNext = before.last + 1 === first && before.address === address && before.protocol === protocol;
  if (!isNext || host === null || before.host === null) return isNext && host === before.host;
  return before.host + (first - before.first) === host;
}

function runText({ address, protocol, host, first, last }: Run): string {
  const range = (from: number): string => (first === last ? String(from) : `${from}-${from + last - first}`);
  const inside = `${range(first)}/${protocol}`;
  return host === null ? inside : `${address}:${range(host)}->${inside}`;
}

/** A port or several: `80`, `80-90`, `80/udp`. */
export const PORT_WORD = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/;

/** `80`, `80/udp` or `80-90`: whether a port with this number suits. @throws UsageError in docker's words */
export function portMatcher(key: string, word: string): (port: number, protocol: string) => boolean {
  const [, first, last = first, protocol = "tcp"] = PORT_WORD.exec(word) ?? [];
  if (first === undefined) throw new UsageError(`invalid filter '${key}=${word}'`, { hint: "Give PORT[/PROTOCOL]." });
  return (port, of) => of === protocol && port >= Number(first) && port <= Number(last);
}
