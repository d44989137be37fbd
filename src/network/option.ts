// `--opt` of a network: docker's and podman's words, each with its effect or a reason why it has none here. Pure.

import { BunkerError } from "../errors.ts";
import { formatAddress, parseAddress } from "./address.ts";

/** What options make of a network, besides its addresses; what is not there was not asked for. */
export interface OptionEffects {
  mtu: number;
  /** Its containers do not reach each other. */
  isolated?: true;
  /** The bridge's name in the user's network namespace. */
  bridge?: string;
  /** Where ports are published that name no address; empty: everywhere. */
  publishAddress?: string;
  /** Nothing goes out by it that has no other route. */
  noDefaultRoute?: true;
  /** Of its links in containers, instead of `eth`. */
  interfacePrefix?: string;
}

/** The option that names the bridge, which is podman's --interface-name as well. */
export const BRIDGE_OPTION = "com.docker.network.bridge.name";

const DEFAULT_MTU = 1500;
const SMALLEST_MTU = 68;
const LARGEST_MTU = 65_535;
/** What the network keeper's rules know bridges by, and what fits into a link's name. */
const BRIDGE = /^br-[a-zA-Z0-9_.-]{1,12}$/;
/** A number comes behind it. */
const PREFIX = /^[a-zA-Z][a-zA-Z0-9_.-]{0,11}$/;
const EVERYWHERE = "0.0.0.0";

type Reader = (value: string, name: string) => Partial<OptionEffects>;

const OPTIONS: Readonly<Record<string, Reader>> = {
  mtu: readMtu,
  "com.docker.network.driver.mtu": readMtu,
  isolate: only(["true", "1", "strict"], "Networks never reach each other here."),
  "com.docker.network.bridge.enable_icc": (value, name) => (readBoolean(value, name) ? {} : { isolated: true }),
  [BRIDGE_OPTION]: readBridge,
  "com.docker.network.bridge.host_binding_ipv4": readPublishAddress,
  "com.docker.network.bridge.enable_ip_masquerade": only(
    ["true", "1"],
    "Outside, containers always have the host's address.",
  ),
  "com.docker.network.bridge.gateway_mode_ipv4": only(["nat"], "The host's network does not lead to containers."),
  "com.docker.network.bridge.gateway_mode_ipv6": only(["nat"], "The host's network does not lead to containers."),
  "com.docker.network.container_iface_prefix": readPrefix,
  "com.docker.network.container_interface_prefix": readPrefix,
  no_default_route: (value, name) => (readBoolean(value, name) ? { noDefaultRoute: true } : {}),
  metric: only([], "--gw-priority says by which of its networks a container goes out."),
};

/** @throws BunkerError usage, unsupported */
export function readOptions(options: Readonly<Record<string, string>>): OptionEffects {
  const effects: OptionEffects = { mtu: DEFAULT_MTU };
  for (const [name, value] of Object.entries(options)) {
    const read = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (read === undefined) {
      throw new BunkerError("unsupported", `the network option "${name}" is not supported`, {
        hint: `Options of a network here are ${Object.keys(OPTIONS).join(", ")}.`,
      });
    }
    Object.assign(effects, read(value, name));
  }
  return effects;
}

/** What is so anyway may be asked for. */
function only(values: readonly string[], why: string): Reader {
  return (value, name) => {
    if (values.includes(value)) return {};
    throw new BunkerError("unsupported", `the network option "${name}=${value}" is not supported`, { hint: why });
  };
}

function readMtu(text: string): Partial<OptionEffects> {
  const mtu = Number(text);
  if (/^\d+$/.test(text) && mtu >= SMALLEST_MTU && mtu <= LARGEST_MTU) return { mtu };
  throw new BunkerError("usage", `invalid mtu: ${text}: it is a number from ${SMALLEST_MTU} to ${LARGEST_MTU}`);
}

function readBoolean(value: string, name: string): boolean {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw new BunkerError("usage", `invalid value for the network option "${name}": ${value}: it is true or false`);
}

function readBridge(value: string): Partial<OptionEffects> {
  if (BRIDGE.test(value)) return { bridge: value };
  throw new BunkerError("unsupported", `a bridge cannot be called "${value}"`, {
    hint: 'It lies in a network namespace of yours, where its name begins with "br-" and has at most 15 bytes.',
  });
}

function readPublishAddress(value: string, name: string): Partial<OptionEffects> {
  return { publishAddress: parsePublishAddress(value, `the network option "${name}"`) };
}

/** docker: the address that means every one of IPv4 means those of IPv6 too. Empty: all. @throws BunkerError usage */
export function parsePublishAddress(text: string, where: string): string {
  const address = parseAddress(text);
  if (address === null) throw new BunkerError("usage", `invalid IP address for ${where}: ${text}`);
  return text === EVERYWHERE ? "" : formatAddress(address);
}

function readPrefix(value: string, name: string): Partial<OptionEffects> {
  if (PREFIX.test(value)) return { interfacePrefix: value };
  throw new BunkerError("usage", `invalid value for the network option "${name}": ${value}`, {
    hint: "It begins with a letter and has at most 12 bytes.",
  });
}
