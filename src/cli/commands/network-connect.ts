// docker network connect.

import { withEngine } from "../engine.ts";
import { parseWishes } from "../network-flags.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] NETWORK CONTAINER",
  flags: {
    alias: { kind: "list", help: "Add network-scoped alias for the container" },
    ip: { kind: "string", help: "IPv4 address (e.g., 172.30.100.104)" },
    ip6: { kind: "string", help: "IPv6 address (e.g., 2001:db8::33)" },
    "mac-address": { kind: "string", help: "Container MAC address (e.g., 92:d0:c6:0a:29:33)" },
  },
  arguments: { min: 2, max: 2 },
  examples: ["network connect back web", "network connect --alias db --ip 10.9.0.5 back postgres"],
  run({ values, positionals: [network = "", container = ""], globals }) {
    const wishes = parseWishes({ ...values, "network-alias": values.alias });
    return withEngine(globals, async (engine, calls) => {
      const { connectNetwork } = await calls.loadNetworks();
      connectNetwork(engine, network, { container, ...wishes });
      return 0;
    });
  },
});
