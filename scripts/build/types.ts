// TypeScript's view of the addon, generated from Rust. The build leaves it in dist/native/types.d.ts; what is checked in
// is src/native/types.d.ts, which `npm run fix` renews and `npm run check` compares.

import { generateTypeDef } from "@napi-rs/cli";

import { writeIfChanged } from "./files.ts";

const HEADER = "// Generated from crates/napi by scripts/build.ts: never edited by hand, renewed by `npm run fix`.\n";

export async function writeTypes(typesFolder: string, output: string): Promise<void> {
  const { dts } = await generateTypeDef({ typeDefDir: typesFolder, cwd: process.cwd(), dtsHeader: HEADER });
  writeIfChanged(`${output}/native/types.d.ts`, format(dts));
}

function format(text: string): Uint8Array {
  const { stdout, success } = Bun.spawnSync([process.execPath, "fmt", "--stdin-filepath=types.d.ts"], {
    stdin: new TextEncoder().encode(text),
    stderr: "inherit",
  });
  if (!success) throw new Error("formatting the generated types failed");
  return stdout;
}
