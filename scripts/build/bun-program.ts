// Bun's program for another architecture, from its npm package in the version we build with.

import { existsSync, mkdirSync } from "node:fs";

import type { Platform } from "./platform.ts";

/** Its path; fetched by npm once. */
export async function bunFor({ bunPackage }: Platform): Promise<string> {
  const folder = `node_modules/.cache/bunker/${bunPackage.replace("/", "+")}-${Bun.version}`;
  const program = `${folder}/package/bin/bun`;
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  console.log(`build: npm pack ${bunPackage}`);
  run(["npm", "pack", "--silent", "--pack-destination", folder, `${bunPackage}@${Bun.version}`]);
  const [archive] = new Bun.Glob("*.tgz").scanSync(folder);
  if (archive === undefined) throw new Error(`npm pack left no archive in ${folder}`);
  run(["tar", "-xzf", `${folder}/${archive}`, "-C", folder]);
  return program;
}

function run(command: string[]): void {
  if (!Bun.spawnSync(command, { stdout: "ignore", stderr: "inherit" }).success)
    throw new Error(`failed: ${command.join(" ")}`);
}
