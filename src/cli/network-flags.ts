// Flags that say on which networks a container is, by which addresses and names, and which of its ports are published. Pure.

import { type CreateRequest, HOST_GATEWAY, type NetworkUse, planHelper } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import {
  DEFAULT_NETWORK,
  type EndpointConfig,
  formatAddress,
  type LinkRequest,
  parseAddress,
  parseLinkWord,
  parsePortWord,
  type PortRequest,
} from "../network/index.ts";
import { ScanError } from "./strconv.ts";

interface WishValues {
  ip: string | null;
  ip6: string | null;
  "mac-address": string | null;
  "network-alias": readonly string[];
  link: readonly LinkRequest[];
}

interface NetworkValues extends WishValues {
  "add-host": readonly string[];
  network: readonly string[];
  publish: readonly PortRequest[][];
  "publish-all": boolean;
}

type NetworkOptions = Pick<CreateRequest, "network" | "networks" | "ports" | "publishAll">;

/** Modes that are no networks of the user's. */
const MODES: readonly string[] = ["none", "host", "slirp4netns", "pasta"];
/** What the default network is called as well; podman: private is what a container has anyway. */
const DEFAULTS: readonly string[] = ["default", "private"];
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
const MULTICAST = 1;

/** @throws BunkerError in docker's words */
export function collectNetwork(values: NetworkValues): NetworkOptions {
  const uses = values.network.map(parseNetworkWord).map(named);
  ensureOnce(uses);
  const [first = plain(DEFAULT_NETWORK), ...rest] = uses;
  const wishes = parseWishes(values);
  const ports = values.publish.flat();
  const seesHost = values["add-host"].some((line) => line.endsWith(`:${HOST_GATEWAY}`));
  const published = {
    ...(ports.length === 0 ? {} : { ports }),
    ...(values["publish-all"] ? { publishAll: true as const } : {}),
  };
  if (!isOwnNetwork(first.network)) return alone(first.network, { uses, wishes, published, seesHost });
  if (rest.some(({ network }) => !isOwnNetwork(network))) throw mixed();
  return { network: first.network, networks: [merge(first, wishes), ...rest], ...published };
}

function isOwnNetwork(word: string): boolean {
  return !MODES.includes(word) && !/^(?:container|ns|slirp4netns|pasta):/.test(word);
}

function named(use: NetworkUse): NetworkUse {
  return DEFAULTS.includes(use.network) ? { ...use, network: DEFAULT_NETWORK } : use;
}

function mixed(): BunkerError {
  return new BunkerError(
    "usage",
    "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
  );
}

function hasWishes({ asked, mac, aliases, links = [] }: EndpointConfig): boolean {
  return asked.address4 !== null || asked.address6 !== null || mac !== null || aliases.length + links.length > 0;
}

interface Asked {
  uses: NetworkUse[];
  wishes: EndpointConfig;
  published: Pick<CreateRequest, "ports" | "publishAll">;
  /** It names the host's gateway. */
  seesHost: boolean;
}

function ensureOnce(uses: readonly NetworkUse[]): void {
  const double = uses.find(({ network }, at) => uses.findIndex((other) => other.network === network) < at);
  if (double === undefined) return;
  throw new BunkerError("usage", `network "${double.network}" is specified multiple times`, {
    hint: "Say all about it at once: --network name=NAME,alias=…",
  });
}

/** A mode that has no addresses of its own. Unless it is pasta, published ports are discarded in it, as docker does. */
function alone(mode: string, { uses, wishes, published, seesHost }: Asked): NetworkOptions {
  const { ports = [] } = published;
  if (uses.length > 1) throw mixed();
  if (mode === "container:") throw new BunkerError("usage", "invalid container format container:<name|id>");
  if (mode === "ns:") throw new BunkerError("usage", "invalid namespace format ns:<path>");
  if (mode.startsWith("container:") && ports.length > 0) {
    throw new BunkerError("usage", "conflicting options: port publishing and the container type network mode");
  }
  if (seesHost && mode !== "host") {
    throw new BunkerError("unsupported", `--network ${mode} has no host-gateway`, {
      hint: "It is there on networks: leave out --network, or `bunker network create` one.",
    });
  }
  if (wishes.links !== undefined) {
    const kind = mode.replace(/:.*/, "");
    throw new BunkerError("usage", `conflicting options: ${kind} type networking can't be used with links`, {
      hint: "Links are names on networks: `bunker network create` makes one.",
    });
  }
  if (hasWishes(wishes)) {
    throw new BunkerError("usage", `conflicting options: addresses or aliases and --network ${mode}`, {
      hint: "They belong to networks: `bunker network create` makes one.",
    });
  }
  // A mistake in its options is one of the command's.
  return planHelper(mode, ports) === null ? { network: mode } : { network: mode, ...published };
}

function plain(network: string): NetworkUse {
  return { network, aliases: [], asked: { address4: null, address6: null }, mac: null, interface: null };
}

/** How a container is to be on a network. @throws BunkerError usage in docker's words */
export function parseWishes(values: WishValues): EndpointConfig {
  return {
    aliases: [...values["network-alias"]],
    asked: { address4: parseIp(values.ip, false), address6: parseIp(values.ip6, true) },
    mac: values["mac-address"] === null ? null : parseMac(values["mac-address"]),
    interface: null,
    ...(values.link.length === 0 ? {} : { links: [...values.link] }),
  };
}

function merge(use: NetworkUse, wishes: EndpointConfig): NetworkUse {
  return {
    ...use,
    aliases: [...use.aliases, ...wishes.aliases],
    asked: {
      address4: wishes.asked.address4 ?? use.asked.address4,
      address6: wishes.asked.address6 ?? use.asked.address6,
    },
    mac: wishes.mac ?? use.mac,
    ...(wishes.links === undefined ? {} : { links: wishes.links }),
  };
}

const INTERFACE_OPTION = "com.docker.network.endpoint.ifname";
/** docker's is an int of 32 bits at least. */
const LARGEST_PRIORITY = 2_147_483_647;
const LINK_NAME = /^[a-zA-Z0-9_.-]{1,15}$/;

/** A name, docker's `name=NAME,alias=…,ip=…`, or podman's `NAME:ip=…,alias=…`. @throws BunkerError usage */
export function parseNetworkWord(word: string): NetworkUse {
  if (word === "") throw new BunkerError("usage", "no name set for network");
  const isDockers = /^(?:[a-z0-9-]+=[^,]*,)*name=/.test(word);
  const [, name, tail] = /^([^:=,]+):([^:=]+=.*)$/.exec(word) ?? [];
  if (!isDockers && (name === undefined || tail === undefined || MODES.includes(name) || name === "container")) {
    return plain(word);
  }
  const use = plain(isDockers ? "" : (name ?? ""));
  for (const field of (isDockers ? word : (tail ?? "")).split(",")) {
    const equals = field.indexOf("=");
    if (equals < 1) throw new BunkerError("usage", `invalid network option: ${field} in ${word}`);
    setField(use, { key: field.slice(0, equals), value: field.slice(equals + 1), word });
  }
  return use;
}

function setField(use: NetworkUse, { key, value, word }: { key: string; value: string; word: string }): void {
  if (key === "name") use.network = value;
  else if (key === "alias") use.aliases.push(value);
  else if (key === "ip" && value.includes(":")) use.asked.address6 = parseIp(value, true);
  else if (key === "ip") use.asked.address4 = parseIp(value, false);
  else if (key === "ip6") use.asked.address6 = parseIp(value, true);
  else if (key === "mac" || key === "mac-address") use.mac = parseMac(value);
  else if (key === "interface_name" && LINK_NAME.test(value)) use.interface = value;
  else if (key === "gw-priority") use.gwPriority = parsePriority(value);
  else if (key === "driver-opt") use.interface = parseEndpointOption(value);
  else throw new BunkerError("usage", `invalid network option: ${key} in ${word}`);
}

/** @throws BunkerError usage */
export function parsePriority(text: string): number {
  const priority = Number(text);
  if (/^[+-]?\d{1,10}$/.test(text) && Math.abs(priority) <= LARGEST_PRIORITY) return priority;
  throw new BunkerError("usage", `invalid gateway priority: ${text}`);
}

/** Of docker's options of an endpoint: the name of its link inside. @throws BunkerError usage, unsupported */
export function parseEndpointOption(word: string): string {
  const [, name = word, value = ""] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
  if (name !== INTERFACE_OPTION) {
    throw new BunkerError("unsupported", `the endpoint option "${name}" is not supported`, {
      hint: `Of options an endpoint here has only ${INTERFACE_OPTION}; --sysctl sets sysctls.`,
    });
  }
  if (LINK_NAME.test(value)) return value;
  throw new BunkerError("usage", `invalid name of a network interface: ${value}`);
}

function parseIp(text: string | null, isVersion6: boolean): string | null {
  if (text === null || text === "") return null;
  const address = parseAddress(text);
  if (address !== null && (address.family === 6) === isVersion6) return formatAddress(address);
  throw new BunkerError("usage", `invalid IPv${isVersion6 ? 6 : 4} address: ${text}`);
}

function parseMac(text: string): string {
  const mac = text.toLowerCase().replaceAll("-", ":");
  if (MAC.test(mac) && (Number.parseInt(mac.slice(0, 2), 16) & MULTICAST) === 0) return mac;
  throw new BunkerError("usage", `${text} is not a valid mac address`);
}

/** `--link`, as a flag's parser. */
export function parseLinkFlag(word: string): LinkRequest {
  return scanned(() => parseLinkWord(word));
}

/** `-p`, as a flag's parser: docker shows its mistakes with the flag's name. */
export function parsePublishWord(word: string): PortRequest[] {
  return scanned(() => parsePortWord(word));
}

function scanned<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof BunkerError && error.code === "usage") throw new ScanError(error.message);
    throw error;
  }
}
