// What a pull brings is what is in the image: images made by other tools, served by a real registry, compared file by file with
// what umoci or GNU tar makes of them.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { type TestDirectory, makeDirectory } from "../support/directory.ts";
import { TestEnv } from "../support/environment.ts";
import { describeFiles, type DescribeOptions } from "../support/file-tree.ts";
import { requires } from "../support/guards.ts";
import { imageLayout, pushImage } from "../support/image-cache.ts";
import { Invariants } from "../support/invariants.ts";
import { MergedRoot } from "../support/merged-root.ts";
import { runProgram } from "../support/program.ts";
import { makeRichImage } from "../support/rich-image.ts";
import { RealRegistry } from "../support/real-registry.ts";

const it = requires("root", "bunker", "subids", "userns", "docker-registry", "skopeo", "umoci", "mmdebstrap", "zstd");

const usable = it === test;
/** The first to come may have to make the image. */
const TIMEOUT_MS = 300_000;

let registry: RealRegistry;
let scratch: TestDirectory;
beforeAll(async () => {
  if (!usable) return;
  registry = await RealRegistry.start();
  scratch = makeDirectory();
});
afterAll(async () => {
  if (!usable) return;
  await registry.stop();
  scratch.remove();
});

/** The files that umoci unpacks, of this machine's platform. */
async function unpackedByUmoci(layout: string, how: DescribeOptions): Promise<string[]> {
  const [copy, bundle] = ["copy", "bundle"].map((name) => scratch.file(`${name}-${crypto.randomUUID()}`));
  await runProgram(["skopeo", "--insecure-policy", "copy", `oci:${layout}:latest`, `oci:${copy}:latest`]);
  await runProgram(["umoci", "unpack", "--image", `${copy}:latest`, bundle ?? ""]);
  return describeFiles(`${bundle}/rootfs`, how).slice(1);
}

/** The files that GNU tar unpacks, of an image with a single layer: faster than umoci. */
async function unpackedByTar(layout: string): Promise<string[]> {
  const read = async (path: string) =>
    (await Bun.file(`${layout}/${path}`).json()) as { manifests: Blob[]; layers: Blob[] };
  const [manifest] = (await read("index.json")).manifests;
  const [layer] = (await read(blobPath(manifest))).layers;
  const root = scratch.file(`tar-${crypto.randomUUID()}`);
  await runProgram(["mkdir", root]);
  await runProgram([
    "tar",
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*",
    "-xf",
    `${layout}/${blobPath(layer)}`,
    "-C",
    root,
  ]);
  return describeFiles(root).slice(1);
}

interface Blob {
  digest: string;
}

function blobPath(blob: Blob | undefined): string {
  return `blobs/${blob?.digest.replace(":", "/")}`;
}

/** Lines that are on one side only. */
function difference(actual: string[], expected: string[]): { extra: string[]; missing: string[] } {
  const [has, had] = [new Set(actual), new Set(expected)];
  return {
    extra: actual.filter((line) => !had.has(line)),
    missing: expected.filter((line) => !has.has(line)),
  };
}

const NONE = { extra: [], missing: [] };

/** None of an image's own are kept: an ordinary user cannot make them, and no container could open them. */
const isDevice = (line: string): boolean => /^[bc] /.test(line);

describe("an image by other tools is unpacked as they do", () => {
  it.each([
    ["busybox", {}],
    ["busybox", { format: "v2s2" }],
    ["zstd", {}],
    ["layered", {}],
    ["index", {}],
    ["debian", {}],
  ] as const)(
    "%s %j",
    async (name, options) => {
      await using env = await TestEnv.create();
      const watch = await Invariants.watch(env);
      const repository = `test/${name}-${Object.values(options).join("")}`.replace(/-$/, "");
      const reference = await pushImage(name, { host: registry.host, repository, ...options });
      const pulled = await env.run(["pull", reference]);
      expect(pulled.code).toBe(0);
      // A link into a lower layer is a copy: a shared file would let one layer's change show in another.
      const how = { links: name !== "layered" };
      const layout = await imageLayout(name);
      const isSingle = name === "debian" || name === "zstd";
      const expected = await (isSingle ? unpackedByTar(layout) : unpackedByUmoci(layout, how));
      {
        await using root = await MergedRoot.mount(env, reference);
        expect(
          difference(
            root.files(how),
            expected.filter((line) => !isDevice(line)),
          ),
        ).toEqual(NONE);
      }
      const devices = expected.filter(isDevice).length;
      if (devices === 0) expect(pulled.stderr).toBe("");
      else
        expect(pulled.stderr).toMatch(
          new RegExp(`^WARNING: layer [0-9a-f]{12}: ${devices} device nodes were left out`),
        );
      await watch.check({ outputs: [pulled.stdout, pulled.stderr] });
    },
    TIMEOUT_MS,
  );

  it("one with everything in it", async () => {
    await using env = await TestEnv.create();
    const watch = await Invariants.watch(env);
    const { layout, gnuRoot } = await makeRichImage(scratch);
    const reference = `${registry.host}/test/rich:latest`;
    await runProgram([
      "skopeo",
      "--insecure-policy",
      "copy",
      "--dest-tls-verify=false",
      `oci:${layout}:gnu`,
      `docker://${reference}`,
    ]);
    await env.ok(["pull", reference]);
    const how = { links: false };
    {
      await using root = await MergedRoot.mount(env, reference);
      const expected = [...(await unpackedByUmoci(layout, how)), ...describeFiles(gnuRoot).slice(1)];
      expect(difference(root.files(how), expected)).toEqual(NONE);
    }
    await watch.check();
  });
});
