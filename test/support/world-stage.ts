// A stage whose host has a world beyond it (network-world.ts): its commands run on that host.
//
//   const { stage, it, ok, world } = useWorldStage({ needs: ["ip"] });
//   await ok("run", …);
//   await world().command("world", […]);

import type { test } from "bun:test";

import { World } from "./network-world.ts";
import { type Stage, type StageOptions, useStage } from "./stage.ts";

interface WorldStage {
  stage: Stage;
  it: typeof test;
  /** A command on the world's host. @throws when it fails */
  ok: (...args: string[]) => Promise<string>;
  /** There during tests, and in `prepare`. */
  world: () => World;
}

/** Registers the hooks of a file. */
export function useWorldStage({ prepare, ...options }: StageOptions): WorldStage {
  let made: World | null = null;
  const world = (): World => {
    if (made === null) throw new Error("the world is there during tests only");
    return made;
  };
  const stage = useStage({
    ...options,
    prepare: async (opened) => {
      made = await World.create();
      opened.onClose(async () => await made?.[Symbol.asyncDispose]());
      await prepare?.(opened);
    },
  });
  const ok = (...args: string[]): Promise<string> => stage.env.ok(args, { launcher: world().launcher(stage.env) });
  return { stage, it: stage.it, ok, world };
}
