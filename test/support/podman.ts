// Rootless podman as a yardstick, in the same environment as the engine under test.
//
//   configurePodman(env);
//   const { stdout } = await env.startOther(["podman", "run", "--rm", image]).result();

import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "./environment.ts";

/** What it needs to be told where there is no systemd. */
const FILES = {
  "containers.conf": '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n',
  "storage.conf": '[storage]\ndriver = "overlay"\n',
};

export function configurePodman({ home, user }: TestEnv): void {
  for (const folder of [".config", ".config/containers"]) {
    mkdirSync(join(home, folder), { recursive: true });
    chownSync(join(home, folder), user.uid, user.gid);
  }
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(home, ".config/containers", name), content);
}
