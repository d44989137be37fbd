// The files in a container that are the engine's: /etc/hosts, /etc/resolv.conf, /etc/hostname and /run/.containerenv. Pure.

import type { ContainerConfig } from "./config.ts";
import { addressesOf, isHelper } from "./network-program.ts";
import type { NetworkSpec, OwnedFileSpec } from "./sandbox-spec.ts";

/** The host's own files, of which parts are taken over. */
export interface HostNames {
  hosts: string;
  resolvConf: string;
}

/** What is known at a start alone. */
export interface FileFacts {
  id: string;
  name: string;
  network: NetworkSpec;
  hostsBase: string | null;
  /** Files of another container that take their place. */
  names: { target: string }[];
}

/** hosts, resolv.conf and hostname: what the processes of a chroot look names up in. */
const COPIED_FILES = 3;

/** docker's word for the host, in --add-host. */
export const HOST_GATEWAY = "host-gateway";
/** Where that is on a network of the user's: the network keeper leads from there to the host's own loopback. */
const HOST_LOOPBACK = "169.254.1.2";

/** Those that no flag has something else for. */
export function planFiles(config: ContainerConfig, host: HostNames, start: FileFacts): OwnedFileSpec[] {
  const { names } = config.request;
  const files: OwnedFileSpec[] = [
    { ...ownedFile("hosts", "/etc/hosts", hostsFile(config, host, start)), afterImage: names?.hostsFile === "image" },
    // As docker: what the container wrote into the others is gone at the next start.
    { ...ownedFile("resolv.conf", "/etc/resolv.conf", resolvFile(config, host, start.network)), keepsChanges: true },
    ownedFile("hostname", "/etc/hostname", `${config.hostname}\n`),
    { ...ownedFile("containerenv", "/run/.containerenv", containerEnvironment(config, start)), readonly: true },
  ];
  for (const [at, directory] of (config.request.chrootDirectories ?? []).entries()) {
    const copies = files.slice(0, COPIED_FILES);
    files.push(
      ...copies.map((file) => ({ ...file, name: `${file.name}.${at}`, target: `${directory}${file.target}` })),
    );
  }
  // A mount the user asked for at the same place wins (docker's rule).
  const taken = new Set(
    [...config.request.mounts, ...(config.binds ?? []), ...start.names].map(({ target }) => target),
  );
  if (names?.noHosts === true) taken.add("/etc/hosts");
  if (names?.noHostname === true) taken.add("/etc/hostname");
  return files.filter((file) => !taken.has(file.target));
}

function ownedFile(name: string, target: string, content: string): OwnedFileSpec {
  return { name, target, content, keepsChanges: false, afterImage: false, mode: 0o644, readonly: false };
}

const LOCALHOST = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];

function hostsFile(config: ContainerConfig, host: HostNames, { network, hostsBase }: FileFacts): string {
  const { names, domainname } = config.request;
  const gateway = network.kind === "bridge" ? HOST_LOOPBACK : "127.0.0.1";
  const extra = (names?.extraHosts ?? []).map((line) => hostsLine(line, gateway));
  if (network.kind === "host" && names?.hostsFile === undefined && host.hosts !== "") {
    return [host.hosts.trimEnd(), ...extra, ""].join("\n");
  }
  const base = hostsBase === null ? [] : hostsBase.trimEnd().split("\n");
  const isNamed = base.some((line) => /^\s*127\.0\.0\.1\s(?:.*\s)?localhost(?:\s|$)/.test(line));
  const own = domainname === null ? config.hostname : `${config.hostname}.${domainname} ${config.hostname}`;
  const lines = ownAddresses(network).map((address) => `${address}\t${own}`);
  return [...base, ...(isNamed ? [] : LOCALHOST), ...lines, ...extra, ""].join("\n");
}

/** Of a container whose address is not known. */
const OWN_NAME = "127.0.1.1";

function ownAddresses(network: NetworkSpec): string[] {
  if (isHelper(network)) return [addressesOf(network).own ?? OWN_NAME];
  const own = network.kind === "bridge" ? network.networks.flatMap(({ addresses }) => addresses) : [];
  return own.length === 0 ? [OWN_NAME] : own.map(({ address }) => address);
}

/** `name:address` → a line of hosts(5). */
function hostsLine(extra: string, gateway: string): string {
  const colon = extra.indexOf(":");
  const address = extra.slice(colon + 1);
  return `${address === HOST_GATEWAY ? gateway : address}\t${extra.slice(0, colon)}`;
}

/** docker's rule: what flags say takes the place of the host's, kind by kind. */
function resolvFile({ request }: ContainerConfig, host: HostNames, network: NetworkSpec): string {
  const { dns = [], dnsSearch = [], dnsOptions = [] } = request.names ?? {};
  if (network.kind === "host" && dns.length + dnsSearch.length + dnsOptions.length === 0) return host.resolvConf;
  const lines = host.resolvConf.split("\n");
  const kept = (kind: RegExp): string[] => lines.filter((line) => kind.test(line));
  const servers = network.kind === "host" ? kept(/^\s*nameserver\s/) : ownServers(network);
  const search = dnsSearch.filter((domain) => domain !== ".");
  const written = [
    // On networks of ours they are asked by whom the container asks.
    ...(dns.length > 0 && network.kind !== "bridge" ? dns.map((address) => `nameserver ${address}`) : servers),
    ...(dnsSearch.length === 0
      ? kept(/^\s*(search|domain)\s/)
      : search.length > 0
        ? [`search ${search.join(" ")}`]
        : []),
    ...(dnsOptions.length > 0 ? [`options ${dnsOptions.join(" ")}`] : kept(/^\s*options\s/)),
  ];
  return written.length === 0 ? "" : `${written.join("\n")}\n`;
}

function ownServers(network: Exclude<NetworkSpec, { kind: "host" }>): string[] {
  if (isHelper(network)) {
    const { nameServer } = addressesOf(network);
    return nameServer === null ? [] : [`nameserver ${nameServer}`];
  }
  if (network.kind !== "bridge") return [];
  const own = network.networks.filter((attachment) => attachment.network.resolver);
  const [first] = own.flatMap((attachment) => attachment.network.gateways);
  return first === undefined ? [] : [`nameserver ${first.address}`];
}

function containerEnvironment(config: ContainerConfig, start: FileFacts): string {
  const quote = (text: string): string => JSON.stringify(text);
  return [
    `engine="bunker"`,
    `name=${quote(start.name)}`,
    `id=${quote(start.id)}`,
    `image=${quote(config.request.image)}`,
    `imageid=${quote(config.imageId ?? "")}`,
    "rootless=1",
    "",
  ].join("\n");
}
