// Planted bugs of security.md §2g: networks.

import type { Bug, Exempt } from "./bug.ts";

const KEEPER = "crates/keeper/src/network";
const NETWORK = "crates/network/src";
const SCENARIOS = "security/network.test.ts";

export const NETWORKS: Bug[] = [
  {
    row: "V91",
    about: "whoever comes to a published port is seen as the gateway",
    edits: [
      {
        file: `${NETWORK}/relay/inward.rs`,
        is: "sources.is_usable_inside(address.ip())",
        becomes: "sources.is_usable_inside(destination.gateway)",
      },
    ],
    caughtBy: { file: SCENARIOS, name: "shows a container the client's own address" },
  },
  {
    row: "V92",
    about: "containers listen to routers, and a bridge lets them speak",
    edits: [
      { file: `${NETWORK}/namespace/sysctls.rs`, is: '("ipv6", "accept_ra")', becomes: '("ipv6", "accept_ra_mtu")' },
      {
        file: `${NETWORK}/nft/leases.rs`,
        is: "is_icmp(ICMP6, ROUTER_ADVERTISEMENT), drop()",
        becomes: "is_icmp(ICMP6, ROUTER_ADVERTISEMENT), accept()",
      },
    ],
    caughtBy: { file: "security/network-routers.test.ts", name: "advertises no router that a container would believe" },
  },
  {
    row: "V93",
    about: "the resolver takes an internal network for one that leads outside",
    edits: [
      {
        file: `${KEEPER}/names.rs`,
        is: "set_network(&network.name, network.internal)",
        becomes: "set_network(&network.name, false)",
      },
    ],
    caughtBy: {
      file: "security/network-names.test.ts",
      name: "is not asked for a container whose networks lead nowhere",
    },
  },
  {
    row: "V94",
    about: "a client of the resolver that broke off is looked at for ever",
    edits: [
      {
        file: `${NETWORK}/dns/server/stream_client.rs`,
        is: "        if !matches!(self.stream.take_error(), Ok(None)) {\n            return Err(Gone);\n        }\n",
        becomes: "",
      },
      {
        file: `${NETWORK}/dns/server/stream_client.rs`,
        is: "!self.inbox.fill(&self.stream).map_err(|_| Gone)?;",
        becomes: "!self.inbox.fill(&self.stream).unwrap_or(true);\n        self.waiting += 1;",
      },
    ],
    caughtBy: { file: "security/network-names.test.ts", name: "says half a question and breaks off costs nothing" },
  },
  {
    row: "V95",
    about: "a port that is published on one address is opened on all",
    edits: [
      {
        file: `${KEEPER}/ports.rs`,
        is: "inet::bind(socket.as_fd(), SocketAddr::new(port.host, port.host_port))?;",
        becomes:
          "let everywhere: [IpAddr; 2] = [std::net::Ipv4Addr::UNSPECIFIED.into(), std::net::Ipv6Addr::UNSPECIFIED.into()];\n    inet::bind(socket.as_fd(), SocketAddr::new(everywhere[usize::from(port.host.is_ipv6())], port.host_port))?;",
      },
    ],
    caughtBy: { file: SCENARIOS, name: "of the loopback is the loopback's" },
  },
  {
    row: "V96",
    about: "the resolver listens on the host, too",
    edits: [
      {
        file: `${KEEPER}/names.rs`,
        is: "let sockets = visit(inside, || listen(network))?;",
        becomes:
          "let mut sockets = visit(inside, || listen(network))?;\n        sockets.datagrams.extend(datagram::listen(SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 5_353)));",
      },
    ],
    caughtBy: { file: SCENARIOS, name: "is all that listens on the host" },
  },
];

export const NETWORKS_EXEMPT: Exempt = {
  V90: "there is no TCP/IP stack of ours to be wrong: what reads packets is safe Rust and fuzzed (relay/strangers_fuzz.rs)",
};
