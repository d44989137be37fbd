// Where networks are measured: a network namespace that stands for the host, another one for what is outside, a veth between them.

import type { TestEnv } from "../../../test/support/environment.ts";
import { Namespace } from "../../../test/support/network-world.ts";
import { type Place, setDefaults } from "./place.ts";

export const HOST = "10.99.0.1";
export const OUTSIDE = "10.99.0.2";

export interface End {
  space: Namespace;
  device: string;
  /** None: it becomes a bridge's port. */
  address?: string;
}

export class Link {
  readonly #host: Namespace;
  readonly #outside: Namespace;

  private constructor(host: Namespace, outside: Namespace) {
    this.#host = host;
    this.#outside = outside;
  }

  static async create(): Promise<Link> {
    const [host, outside] = await Promise.all([newSpace(), newSpace()]);
    connect({ space: host, device: "up0", address: HOST }, { space: outside, device: "down0", address: OUTSIDE });
    // pasta takes the interface that this one is on.
    host.run(`ip route add default via ${OUTSIDE}`);
    return new Link(host, outside);
  }

  readonly host: Place = (command) => this.#host.enter(command);
  readonly outside: Place = (command) => this.#outside.enter(command);

  /** As a launcher of commands: on the host, as the environment's user. */
  launcher({ user }: TestEnv): string[] {
    return this.host(["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--inh-caps=-all"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#host.close(), this.#outside.close()]);
  }
}

export async function newSpace(): Promise<Namespace> {
  const space = await Namespace.create();
  setDefaults((command) => space.enter(command));
  return space;
}

/** By a veth. */
export function connect(one: End, other: End): void {
  one.space.run(`ip link add ${one.device} type veth peer name ${other.device} netns ${other.space.pid}`);
  for (const { space, device, address } of [one, other]) {
    if (address !== undefined) space.run(`ip addr add ${address}/24 dev ${device}`);
    space.run(`ip link set ${device} up`);
  }
}
