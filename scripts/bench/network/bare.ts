// What nobody's network is faster than: the kernel's own means, without any engine.

import type { Namespace } from "../../../test/support/network-world.ts";
import { type Contestant, FIRST_PORT } from "./contestants.ts";
import { connect, HOST, type Link, newSpace, OUTSIDE } from "./link.ts";

export const VETH = "veth";

const LEFT = "10.98.0.1";
const RIGHT = "10.98.0.2";

/** The link itself. */
export function bareVeth({ host, outside }: Link): Contestant {
  const port = FIRST_PORT;
  const out = { client: host, server: outside, address: OUTSIDE, port };
  const back = { client: outside, server: host, address: HOST, port };
  return { name: VETH, paths: { among: out, out, in: back }, work: () => 0 };
}

/** Two namespaces and a third one with a bridge that has a veth to each of them: what containers on one network are, if nothing filters. */
export class BareBridge {
  readonly #spaces: Namespace[];
  readonly contestant: Contestant;

  private constructor(left: Namespace, right: Namespace, middle: Namespace) {
    this.#spaces = [left, right, middle];
    middle.run("ip link add br0 type bridge");
    middle.run("ip link set br0 up");
    for (const [space, device, address] of [
      [left, "left0", LEFT],
      [right, "right0", RIGHT],
    ] as const) {
      connect({ space: middle, device }, { space, device: "eth0", address });
      middle.run(`ip link set ${device} master br0`);
    }
    const client = (command: string[]) => left.enter(command);
    const server = (command: string[]) => right.enter(command);
    const among = { client, server, address: RIGHT, port: FIRST_PORT };
    this.contestant = { name: "bare bridge", paths: { among }, work: () => 0 };
  }

  static async create(): Promise<BareBridge> {
    const [left, right, middle] = await Promise.all([newSpace(), newSpace(), newSpace()]);
    return new BareBridge(left, right, middle);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#spaces.map((space) => space.close()));
  }
}
