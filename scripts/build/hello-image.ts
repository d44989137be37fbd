// The image inside the binary, localhost/hello:latest: one plain layer with one static program. The same input gives the
// same bytes, so its digests change only when the program does.

import { readFileSync } from "node:fs";

import { writeIfChanged } from "./files.ts";
import type { Platform } from "./platform.ts";

const BLOCK = 512;
const EXECUTABLE = 0o755;
/** Any fixed instant; that of the first OCI image specification. */
const CREATED = "2017-07-19T00:00:00Z";

const MEDIA_TYPE = "application/vnd.oci.image";

/** Writes layer.tar, config.json and manifest.json under `<output>/hello`. */
export function writeHelloImage({ architecture, output }: Platform): void {
  const layer = tarOfOneFile("hello", readFileSync(`${output}/native/hello`));
  const config = JSON.stringify({
    created: CREATED,
    architecture,
    os: "linux",
    config: { Entrypoint: ["/hello"], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
    history: [{ created: CREATED, created_by: "bunker: the hello image" }],
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${MEDIA_TYPE}.manifest.v1+json`,
    config: { mediaType: `${MEDIA_TYPE}.config.v1+json`, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: `${MEDIA_TYPE}.layer.v1.tar`, digest: digestOf(layer), size: layer.length }],
  });
  writeIfChanged(`${output}/hello/layer.tar`, layer);
  writeIfChanged(`${output}/hello/config.json`, config);
  writeIfChanged(`${output}/hello/manifest.json`, manifest);
}

function digestOf(content: string | Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(content).digest("hex")}`;
}

/** A POSIX ustar archive (pax(1), "ustar Interchange Format"): header, content, two empty blocks. */
export function tarOfOneFile(name: string, content: Uint8Array): Uint8Array {
  const padded = Math.ceil(content.length / BLOCK) * BLOCK;
  const archive = new Uint8Array(BLOCK + padded + 2 * BLOCK);
  archive.set(header(name, content.length));
  archive.set(content, BLOCK);
  return archive;
}

function header(name: string, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (offset: number, text: string) => block.set(new TextEncoder().encode(text), offset);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  put(0, name);
  put(100, octal(EXECUTABLE, 8));
  put(108, octal(0, 8)); // uid
  put(116, octal(0, 8)); // gid
  put(124, octal(size, 12));
  put(136, octal(Date.parse(CREATED) / 1000, 12));
  put(148, " ".repeat(8)); // the checksum counts itself as blanks
  put(156, "0"); // a regular file
  put(257, "ustar\x0000");
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  put(148, `${checksum.toString(8).padStart(6, "0")}\0 `);
  return block;
}
