// Builds dist/bunker: the static helpers, the addon that carries the keeper, the hello image, and the executable that
// carries them all. Each step is skipped when nothing it reads has changed.
//
//   --target amd64|arm64   default: this machine's; another one goes to dist/<target>/
//   --only native          stop before bundling
//   --probe                also the tests' own programs: posture probe, attacks, stopwatch

import { parseArgs } from "node:util";

import { bundle } from "./build/bundle.ts";
import { writeHelloImage } from "./build/hello-image.ts";
import { buildAddon, buildPrograms } from "./build/native.ts";
import { hostArchitecture, parseArchitecture, platformOf } from "./build/platform.ts";
import { writeTypes } from "./build/types.ts";

const MIB = 1 << 20;

const { values } = parseArgs({
  options: { target: { type: "string" }, only: { type: "string" }, probe: { type: "boolean", default: false } },
});
if (values.only !== undefined && values.only !== "native") throw new Error(`unknown part "${values.only}": native`);

const platform = platformOf(values.target === undefined ? hostArchitecture() : parseArchitecture(values.target));
console.log(`build: Rust parts for ${platform.architecture}`);
buildPrograms(platform, values.probe);
await writeTypes(await buildAddon(platform), platform.output);
writeHelloImage(platform);

if (values.only === undefined) {
  const built = await bundle(platform);
  const program = `${platform.output}/bunker`;
  const size = (Bun.file(program).size / MIB).toFixed(1);
  console.log(built ? `build: ${program} (${size} MiB)` : `build: ${program} is up to date`);
}
