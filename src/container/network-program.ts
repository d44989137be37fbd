// A program that is the way out, as podman's --network slirp4netns and pasta have it: options become its flags. Pure.

import { BunkerError } from "../errors.ts";
import type { PortRequest } from "../network/index.ts";
import type { HelperSpec, NetworkSpec } from "./sandbox-spec.ts";

/** Which program, and what it is called with. */
export type HelperPlan = Omit<HelperSpec, "program">;

const ELSEWHERE = "On networks ports are published: leave out --network, or use --network pasta.";

/** `null`: the word is no helper's. @throws BunkerError usage, unsupported */
export function planHelper(word: string, ports: readonly PortRequest[] = []): HelperPlan | null {
  const [, kind, , tail = ""] = /^(slirp4netns|pasta)(:(.*))?$/s.exec(word) ?? [];
  if (kind === undefined) return null;
  const options = tail === "" ? [] : tail.split(",");
  if (kind === "pasta") return { kind, options: pastaFlags([...options, ...ports.flatMap(publishFlag)]) };
  if (ports.length > 0) {
    throw new BunkerError("unsupported", "-p with --network slirp4netns: it publishes no ports here", {
      hint: ELSEWHERE,
    });
  }
  return { kind: "slirp4netns", options: slirpFlags(options) };
}

/** As the way out of all networks: it leads nothing in, and answers no names. */
export function planSharedHelper(kind: HelperPlan["kind"]): HelperPlan {
  const options = kind === "pasta" ? ["--no-map-gw", ...closedPorts([])] : [...slirpFlags([]), "--disable-dns"];
  return { kind, options };
}

/** Where slirp4netns answers names, and what the container has, counted from its network (slirp4netns(1)). */
const SLIRP_NETWORK = "10.0.2.0/24";
const SLIRP_DNS = 3;
const SLIRP_OWN = 100;
/** It wants the network's own address, and room for its own. */
const SLIRP_CIDR = /^(\d{1,3}\.\d{1,3}\.\d{1,3}\.)0\/(\d{1,2})$/;

function slirpFlags(options: readonly string[]): string[] {
  const flags = new Map([
    ["--mtu", "65520"],
    ["--disable-host-loopback", ""],
    ["--enable-ipv6", ""],
  ]);
  for (const option of options) setSlirp(flags, option);
  return [...flags].map(([flag, value]) => (value === "" ? flag : `${flag}=${value}`));
}

function setSlirp(flags: Map<string, string>, option: string): void {
  const [key = "", value = ""] = option.split(/=(.*)/s);
  const choose = (flag: string, isSet: boolean): void => void (isSet ? flags.set(flag, "") : flags.delete(flag));
  if (key === "allow_host_loopback") choose("--disable-host-loopback", !toSwitch(option, value));
  else if (key === "enable_ipv6") choose("--enable-ipv6", toSwitch(option, value));
  else if (key === "mtu" && /^\d{2,5}$/.test(value)) flags.set("--mtu", value);
  else if (key === "cidr" && SLIRP_CIDR.test(value)) flags.set("--cidr", value);
  else if (key === "outbound_addr" && value !== "") flags.set("--outbound-addr", value);
  else if (key === "outbound_addr6" && value !== "") flags.set("--outbound-addr6", value);
  else if (key === "port_handler") {
    throw new BunkerError("unsupported", `slirp4netns' ${option}: it publishes no ports here`, { hint: ELSEWHERE });
  } else {
    throw new BunkerError("usage", `unknown option for slirp4netns: ${option}`, {
      hint: "There are allow_host_loopback, cidr, enable_ipv6, mtu, outbound_addr and outbound_addr6.",
    });
  }
}

function toSwitch(option: string, value: string): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw new BunkerError("usage", `invalid option for slirp4netns: ${option} is neither true nor false`);
}

/** The address pasta is told to answer names on. */
const PASTA_DNS = "169.254.1.1";
/** Into the container, and out of it to the host's loopback: none unless it is asked for. */
const PASTA_PORTS = [
  ["-t", "--tcp-ports"],
  ["-u", "--udp-ports"],
  ["-T", "--tcp-ns"],
  ["-U", "--udp-ns"],
] as const;

/** They are pasta's own flags, with podman's --map-gw. */
function pastaFlags(options: readonly string[]): string[] {
  return [
    ...(has(options, "--map-gw") ? [] : ["--no-map-gw"]),
    ...(has(options, "--dns-forward") ? [] : ["--dns-forward", PASTA_DNS]),
    ...closedPorts(options),
    ...options.filter((option) => option !== "--map-gw"),
  ];
}

function closedPorts(options: readonly string[]): string[] {
  return PASTA_PORTS.flatMap(([short, long]) => (has(options, short, long) ? [] : [short, "none"]));
}

function has(options: readonly string[], ...flags: string[]): boolean {
  return options.some((option) => flags.some((flag) => option === flag || option.startsWith(`${flag}=`)));
}

function publishFlag({ protocol, hostAddress, hostPort, containerPort }: PortRequest): string[] {
  const address = hostAddress === "" ? "" : `${hostAddress}/`;
  return [protocol === "tcp" ? "-t" : "-u", `${address}${hostPort}:${containerPort}`];
}

export function isHelper(network: NetworkSpec): network is HelperSpec {
  return network.kind === "slirp4netns" || network.kind === "pasta";
}

/** What the container has there: its own address where that is known, and whom it asks for names. */
export function addressesOf({ kind, options }: HelperPlan): { own: string | null; nameServer: string | null } {
  if (kind === "slirp4netns") {
    const cidr = options.find((option) => option.startsWith("--cidr="))?.slice("--cidr=".length) ?? SLIRP_NETWORK;
    const [, base = ""] = SLIRP_CIDR.exec(cidr) ?? [];
    return { own: `${base}${SLIRP_OWN}`, nameServer: `${base}${SLIRP_DNS}` };
  }
  const at = options.indexOf("--dns-forward");
  return { own: null, nameServer: at < 0 ? null : (options[at + 1] ?? null) };
}
