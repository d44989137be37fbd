// A fresh file system for every pull: on a used one, inodes just freed make creating files many times slower for everybody.

import { rmSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "../../test/support/environment.ts";

const SIZE = "6G";

/** Runs `use` with a new empty ext4 file system of the user's, mounted only in the environment. */
export async function withFreshDisk<T>(env: TestEnv, use: (directory: string) => Promise<T>): Promise<T> {
  const file = join(env.host.base, "disk");
  const directory = env.makeDirectory("fresh");
  asRoot(["truncate", "-s", SIZE, file]);
  // Otherwise the kernel goes on initialising it while we measure.
  asRoot(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", file]);
  asRoot(env.host.enter(["mount", "-o", "loop", file, directory], "/"));
  asRoot(env.host.enter(["chown", `${env.user.uid}:${env.user.gid}`, directory], "/"));
  try {
    return await use(directory);
  } finally {
    asRoot(env.host.enter(["umount", "--lazy", directory], "/"));
    rmSync(directory, { recursive: true });
    rmSync(file);
  }
}

function asRoot(command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}
