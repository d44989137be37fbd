// docker network create.

import { BunkerError } from "../../errors.ts";
import { BRIDGE_OPTION, parseAddress, type RouteRequest } from "../../network/index.ts";
import { withEngine } from "../engine.ts";
import { parseLabelWord } from "../environment.ts";
import { print } from "../output.ts";
import { ScanError } from "../strconv.ts";
import { defineVerb } from "../verb.ts";

const DRIVER = "bridge";
const ELSEWHERE: Readonly<Record<string, string>> = {
  overlay: "Networks across hosts are not supported yet.",
  macvlan: "A user may not put links on the host's interfaces: use bridge, and publish ports with -p.",
  ipvlan: "A user may not put links on the host's interfaces: use bridge, and publish ports with -p.",
};

function parseOption(word: string): [key: string, value: string] {
  const equals = word.indexOf("=");
  return equals < 0 ? [word, ""] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** `DESTINATION,GATEWAY[,METRIC]`. */
function parseRoute(word: string): RouteRequest {
  const [destination = "", gateway = "", metric, ...rest] = word.split(",");
  if (gateway === "" || rest.length > 0 || (metric !== undefined && !/^\d{1,9}$/.test(metric))) {
    throw new ScanError(`invalid route: ${word}: it is DESTINATION/LENGTH,GATEWAY[,METRIC]`);
  }
  return { destination, gateway, metric: metric === undefined ? null : Number(metric) };
}

function parseServer(word: string): string {
  if (parseAddress(word) === null) throw new ScanError(`${word} is not an ip address`);
  return word;
}

/** docker's and podman's names of the one way in which addresses are handed out here. */
const IPAM_DRIVERS: readonly string[] = ["default", "host-local"];

/** @throws BunkerError unsupported for what only other engines have */
function ensureOrdinary(values: {
  "ipam-driver": string | null;
  "ipam-opt": readonly string[];
  scope: string | null;
}): void {
  const { "ipam-driver": driver, "ipam-opt": options, scope } = values;
  if (driver !== null && !IPAM_DRIVERS.includes(driver)) {
    throw new BunkerError("unsupported", `the IPAM driver "${driver}" is not supported`, {
      hint: `It is ${IPAM_DRIVERS.join(" or ")}; a network without addresses of its own is --network none.`,
    });
  }
  if (options.length > 0) {
    throw new BunkerError("unsupported", `the IPAM option "${options[0]}" is not supported`, {
      hint: "Say it with --subnet, --ip-range, --gateway and --aux-address.",
    });
  }
  if (scope !== null && scope !== "local") {
    throw new BunkerError("unsupported", `the scope "${scope}" is not supported`, {
      hint: "Networks are of this host: their scope is local.",
    });
  }
}

export const verb = defineVerb({
  usage: "[OPTIONS] NETWORK",
  flags: {
    attachable: { kind: "boolean", help: "Enable manual container attachment, which is so anyway" },
    "aux-address": {
      kind: "list",
      placeholder: "map",
      help: "Addresses that no container gets (NAME=ADDRESS)",
      parse: parseOption,
    },
    "disable-dns": { kind: "boolean", help: "No names of containers on this network" },
    dns: { kind: "list", help: "Name servers for this network", parse: parseServer },
    driver: { kind: "string", short: "d", help: "Driver to manage the network", shownDefault: '"bridge"' },
    gateway: { kind: "list", help: "IPv4 or IPv6 gateway for the subnet" },
    ignore: { kind: "boolean", help: "A network of that name that is there already is no error" },
    "interface-name": { kind: "string", help: "Name of the bridge, br- and more" },
    internal: { kind: "boolean", help: "Restrict external access to the network" },
    "ip-range": { kind: "list", help: "Allocate container IPs from a sub-range" },
    "ipam-driver": { kind: "string", help: "IP Address Management Driver", shownDefault: '"default"' },
    "ipam-opt": { kind: "list", placeholder: "map", help: "Set IPAM driver specific options" },
    ipv4: { kind: "boolean", help: "Enable IPv4 address assignment", default: true },
    ipv6: { kind: "boolean", help: "Enable IPv6 address assignment" },
    label: { kind: "list", help: "Set metadata on a network", parse: parseLabelWord },
    opt: { kind: "list", short: "o", placeholder: "map", help: "Set driver specific options", parse: parseOption },
    route: { kind: "list", help: "Static route for its containers (DESTINATION,GATEWAY[,METRIC])", parse: parseRoute },
    scope: { kind: "string", help: "Control the network's scope", shownDefault: '"local"' },
    subnet: { kind: "list", help: "Subnet in CIDR format" },
  },
  arguments: { min: 1, max: 1 },
  examples: ["network create web", "network create --internal --subnet 10.9.0.0/24 --ipv6 back"],
  run({ values, positionals, globals }) {
    const driver = values.driver ?? DRIVER;
    if (driver !== DRIVER) {
      throw new BunkerError("unsupported", `the network driver "${driver}" is not supported`, {
        hint: ELSEWHERE[driver] ?? "The driver is bridge.",
      });
    }
    ensureOrdinary(values);
    const bridge = values["interface-name"];
    return withEngine(globals, async (engine, calls) => {
      const { createNetwork, listNetworks } = await calls.loadNetworks();
      const [name = ""] = positionals;
      if (values.ignore && listNetworks(engine).some((network) => network.name === name)) {
        print(`${name}\n`);
        return 0;
      }
      const id = createNetwork(engine, name, {
        subnets: [...values.subnet],
        gateways: [...values.gateway],
        ipRanges: [...values["ip-range"]],
        ipv4: values.ipv4,
        ipv6: values.ipv6,
        internal: values.internal,
        labels: Object.fromEntries(values.label),
        options: Object.fromEntries([...values.opt, ...(bridge === null ? [] : [[BRIDGE_OPTION, bridge] as const])]),
        reserved: Object.fromEntries(values["aux-address"]),
        attachable: values.attachable,
        dns: [...values.dns],
        disableDns: values["disable-dns"],
        routes: [...values.route],
      });
      print(`${id}\n`);
      return 0;
    });
  },
});
