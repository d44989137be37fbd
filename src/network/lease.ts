// Which address of a subnet a container gets. Pure: who has which is told.

import { BunkerError } from "../errors.ts";
import {
  addressAt,
  type Address,
  contains,
  type Family,
  formatAddress,
  parseAddress,
  parsePrefix,
  type Prefix,
  sizeOf,
} from "./address.ts";
import type { SubnetPlan } from "./network.ts";

/** The addresses of one endpoint; a network without IPv6 gives none of that kind. */
export interface Lease {
  address4: string | null;
  address6: string | null;
}

/**
 * `taken`: addresses of others, in canonical form. `asked`: of `--ip` and `--ip6`.
 *
 * @throws BunkerError usage, conflict in docker's words
 */
export function planLease(subnets: readonly SubnetPlan[], taken: ReadonlySet<string>, asked: Lease): Lease {
  return {
    address4: leaseOf(subnets, 4, { taken, asked: asked.address4 }),
    address6: leaseOf(subnets, 6, { taken, asked: asked.address6 }),
  };
}

interface Wish {
  taken: ReadonlySet<string>;
  asked: string | null;
}

function leaseOf(subnets: readonly SubnetPlan[], family: Family, { taken, asked }: Wish): string | null {
  const own = subnets.filter(({ subnet }) => parsePrefix(subnet)?.family === family);
  if (asked !== null) return ensureAsked(own, asked, taken);
  if (own.length === 0) return null;
  for (const plan of own) {
    const free = firstFree(plan, taken);
    if (free !== null) return free;
  }
  throw new BunkerError("conflict", "no available IPv4 addresses on this network's address pools", {
    hint: "Remove containers, or make a network with a larger --subnet.",
  });
}

function ensureAsked(subnets: readonly SubnetPlan[], text: string, taken: ReadonlySet<string>): string {
  const address = parseAddress(text);
  if (address === null) throw new BunkerError("usage", `invalid IP address: ${text}`);
  const plan = subnets.find(({ subnet }) => isIn(subnet, address));
  if (plan === undefined) {
    throw new BunkerError("usage", `invalid endpoint settings: no configured subnet contains IP address ${text}`);
  }
  const canonical = formatAddress(address);
  if (canonical === plan.gateway || taken.has(canonical) || !isUsable(plan, address)) {
    throw new BunkerError("conflict", `Address already in use: ${canonical}`, {
      hint: "`bunker network inspect` shows which addresses are in use.",
    });
  }
  return canonical;
}

function isIn(subnet: string, address: Address): boolean {
  const prefix = parsePrefix(subnet);
  return prefix !== null && contains(prefix, address);
}

/** Neither the network's own address nor, in IPv4, its broadcast address. */
function isUsable({ subnet }: SubnetPlan, { family, value }: Address): boolean {
  const prefix = parsePrefix(subnet);
  if (prefix === null || value === prefix.value) return false;
  return family === 6 || value !== prefix.value + sizeOf(prefix) - 1n;
}

function firstFree(plan: SubnetPlan, taken: ReadonlySet<string>): string | null {
  const range: Prefix | null = parsePrefix(plan.ipRange ?? plan.subnet);
  if (range === null) return null;
  // No more can be in the way than are taken, the gateway and the two ends.
  const limit = BigInt(taken.size + 4);
  for (let place = 0n; place < sizeOf(range) && place < limit; place++) {
    const address = addressAt(range, place);
    const text = formatAddress(address);
    if (isUsable(plan, address) && text !== plan.gateway && !taken.has(text)) return text;
  }
  return null;
}
