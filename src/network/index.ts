// Networks, addresses and ports as plain data: what is asked for becomes what is to be. Pure.

export { contains, formatAddress, parseAddress, parsePrefix, type Prefix, prefixFromKernel } from "./address.ts";
export { type Lease, planLease } from "./lease.ts";
export { type LinkRequest, parseLinkWord } from "./link.ts";
export {
  bridgeName,
  DEFAULT_NETWORK,
  type EndpointConfig,
  ensureNetworkName,
  macOf,
  NETWORK_VERSION,
  type NetworkConfig,
  type NetworkRequest,
  PLAIN_REQUEST,
  planNetwork,
  RESERVED_NAMES,
  type RouteRequest,
  type SubnetPlan,
} from "./network.ts";
export { BRIDGE_OPTION, parsePublishAddress } from "./option.ts";
export { eachAddress, parsePortWord, planAllPorts, type PortRequest, type Protocol } from "./port.ts";
