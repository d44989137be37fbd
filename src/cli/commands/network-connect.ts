// docker network connect.

import { withEngine } from "../engine.ts";
import { parseEndpointOption, parseLinkFlag, parseWishes } from "../network-flags.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] NETWORK CONTAINER",
  flags: {
    alias: { kind: "list", help: "Add network-scoped alias for the container" },
    "driver-opt": { kind: "list", help: "Driver options for the network (com.docker.network.endpoint.ifname=NAME)" },
    "gw-priority": { kind: "integer", help: "The container goes out by the network where this is highest" },
    ip: { kind: "string", help: "IPv4 address (e.g., 172.30.100.104)" },
    ip6: { kind: "string", help: "IPv6 address (e.g., 2001:db8::33)" },
    link: { kind: "list", help: "Add link to another container (NAME[:ALIAS])", parse: parseLinkFlag },
    "mac-address": { kind: "string", help: "Container MAC address (e.g., 92:d0:c6:0a:29:33)" },
  },
  arguments: { min: 2, max: 2 },
  examples: ["network connect back web", "network connect --alias db --ip 10.9.0.5 back postgres"],
  run({ values, positionals: [network = "", container = ""], globals }) {
    const wishes = parseWishes({ ...values, "network-alias": values.alias });
    for (const word of values["driver-opt"]) wishes.interface = parseEndpointOption(word);
    if (values["gw-priority"] !== null) wishes.gwPriority = values["gw-priority"];
    return withEngine(globals, async (engine, calls) => {
      const { connectNetwork } = await calls.loadNetworks();
      connectNetwork(engine, network, { container, ...wishes });
      return 0;
    });
  },
});
