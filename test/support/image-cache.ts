// The tests' images (image-recipes.ts) as OCI layouts, made once per machine and recipe, and copied into registries by skopeo.
//
//   const layout = await imageLayout("busybox");                       // …/busybox-<hash>, tag "latest"
//   const root = await imageRoot("services");                          // …/services-<hash>-root: `chroot` into it
//   const reference = await pushImage("busybox", { host: registry.host });   // 127.0.0.1:PORT/test/busybox:latest

import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { RECIPES } from "./image-recipes.ts";

/** Outside the checkout: a fresh clone should not build images again. */
const CACHE = process.env["BUNKER_TEST_CACHE"] ?? "/var/cache/bunker-test";

export interface PushTarget {
  /** host:port of a registry. */
  host: string;
  /** Default: test/NAME. */
  repository?: string;
  tag?: string;
  credentials?: { username: string; password: string };
  /** A folder with the CA's .crt; without it the registry speaks plain HTTP or is not verified. */
  certificates?: string;
  /** What skopeo converts manifests to; default: as they are. */
  format?: "oci" | "v2s2";
}

/** The path of an OCI layout whose tag "latest" is the image. */
export async function imageLayout(name: string): Promise<string> {
  const recipe = RECIPES[name];
  if (recipe === undefined) throw new Error(`no recipe for an image "${name}"`);
  const needed = await Promise.all((recipe.needs ?? []).map(imageLayout));
  const layout = join(CACHE, `${name}-${hashOf(recipe.inputs ?? [])}`);
  if (existsSync(layout)) return layout;
  mkdirSync(CACHE, { recursive: true });
  const scratch = mkdtempSync(join(CACHE, ".making-"));
  try {
    console.warn(`making the test image "${name}" (once)`);
    recipe.make(join(scratch, "layout"), needed, scratch);
    // Somebody may have been faster; theirs is as good.
    if (!existsSync(layout)) renameSync(join(scratch, "layout"), layout);
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return layout;
}

/** The files of an image: its programs, for use outside of containers. As root. */
export async function imageRoot(name: string): Promise<string> {
  const layout = await imageLayout(name);
  const root = `${layout}-root`;
  if (existsSync(root)) return root;
  const scratch = mkdtempSync(join(CACHE, ".making-"));
  try {
    const { success, stderr } = Bun.spawnSync(["umoci", "unpack", `--image=${layout}:latest`, scratch]);
    if (!success) throw new Error(`umoci unpack: ${stderr.toString()}`);
    if (!existsSync(root)) renameSync(join(scratch, "rootfs"), root);
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return root;
}

function hashOf(inputs: string[]): string {
  const hasher = new Bun.CryptoHasher("sha256").update(readFileSync(join(import.meta.dir, "image-recipes.ts")));
  for (const path of inputs) hasher.update(readFileSync(path));
  return hasher.digest("hex").slice(0, 12);
}

/** Copies the image into a registry; returns its reference. Runs skopeo beside the event loop, where the registry may live. */
export async function pushImage(name: string, target: PushTarget): Promise<string> {
  const { host, repository = `test/${name}`, tag = "latest", credentials, certificates, format } = target;
  const reference = `${host}/${repository}:${tag}`;
  const options = [
    certificates === undefined ? "--dest-tls-verify=false" : `--dest-cert-dir=${certificates}`,
    ...(credentials === undefined ? [] : [`--dest-creds=${credentials.username}:${credentials.password}`]),
    ...(format === undefined ? [] : [`--format=${format}`]),
  ];
  const source = `oci:${await imageLayout(name)}:latest`;
  const child = Bun.spawn(
    ["skopeo", "--insecure-policy", "copy", "--all", ...options, source, `docker://${reference}`],
    {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    },
  );
  const errors = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`skopeo copy to ${reference}: ${errors}`);
  return reference;
}
