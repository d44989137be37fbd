// Who sees a mount that is made later below a bound directory (mount_namespaces(7), Shared subtrees).

import { BunkerError } from "../errors.ts";

/** docker's words. */
export const PROPAGATIONS = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

/**
 * The word itself.
 *
 * @throws BunkerError unsupported, for what the kernel never does: a mount namespace of a user namespace of its own gets mounts
 *   from the host and never gives any back
 */
export function ensureReachable(propagation: string): string {
  if (!propagation.endsWith("shared")) return propagation;
  throw new BunkerError("unsupported", `mount propagation "${propagation}" cannot be had without root`, {
    hint: "A container's mounts never reach the host. For mounts of the host that come later use rslave.",
  });
}
