// The recipes give what their names promise, and a second use costs nothing.

import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { requires } from "./guards.ts";
import { imageLayout } from "./image-cache.ts";

const it = requires("root", "umoci", "skopeo", "busybox", "probe");

interface Manifest {
  manifests?: { platform: { os: string; architecture: string }; digest: string }[];
  layers?: { mediaType: string; digest: string }[];
}

async function manifestOf(name: string): Promise<{ layout: string; manifest: Manifest }> {
  const layout = await imageLayout(name);
  const inspected = Bun.spawnSync(["skopeo", "inspect", "--raw", `oci:${layout}:latest`]);
  return { layout, manifest: JSON.parse(inspected.stdout.toString()) as Manifest };
}

/** Names in the archive of each layer, the lowest first. */
async function layersOf(name: string): Promise<string[][]> {
  const { layout, manifest } = await manifestOf(name);
  return (manifest.layers ?? []).map(({ digest }) => {
    const list = Bun.spawnSync(["tar", "-tzf", join(layout, "blobs", digest.replace(":", "/"))]);
    return list.stdout.toString().trim().split("\n");
  });
}

describe("image recipes", () => {
  it("busybox has one layer with a shell", async () => {
    const [names, ...others] = await layersOf("busybox");
    expect(others).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(["./bin/busybox", "./bin/sh", "./tmp/"]));
  });

  it("layered has whiteouts, implied directories and a link without its target", async () => {
    const [, changes, implied, link] = await layersOf("layered");
    expect(changes).toEqual(
      expect.arrayContaining(["./data/.wh.removed", "./opaque/.wh..wh..opq", "./.wh.was-directory"]),
    );
    expect(implied).toEqual(["tmp/implied", "opt/a/b"]);
    expect(link).toEqual(["linked/name"]);
  });

  it("index has two platforms", async () => {
    const { manifest } = await manifestOf("index");
    expect(manifest.manifests?.map(({ platform }) => platform.architecture).sort()).toEqual(["amd64", "arm64"]);
  });

  it("zstd has a zstd layer", async () => {
    const { layout, manifest } = await manifestOf("zstd");
    const [layer] = manifest.layers ?? [];
    expect(layer?.mediaType).toEndWith("tar+zstd");
    const blob = readFileSync(join(layout, "blobs", layer?.digest.replace(":", "/") ?? ""));
    expect(blob.subarray(0, 4).toString("hex")).toBe("28b52ffd");
  });

  it("an image is made once", async () => {
    const first = await imageLayout("busybox");
    const start = performance.now();
    expect(await imageLayout("busybox")).toBe(first);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
