// Finds and loads the addon. In the compiled binary it is an asset: written once into a private directory and loaded from there,
// never through a shared temporary directory. The only module that names the addon.

import { mkdirSync, renameSync, writeFileSync } from "node:fs";
// @ts-expect-error: a file asset has no types; what it exports is its path.
import assetPath from "../../dist/native/bunker.addon" with { type: "file" };
import { BunkerError } from "../errors.ts";
import type * as Addon from "./types.d.ts";

/** Assets of a compiled binary live below this. */
const EMBEDDED = "/$bunfs/";

let loaded: typeof Addon | null = null;
let directory = "";

/** Names the private directory (0700, ours) in which the addon is kept. Nothing is loaded before it is needed. */
export function useLibraryDirectory(path: string): void {
  directory = path;
}

/** The same directory, for what else must lie where nobody else writes. */
export function libraryDirectory(): string {
  return directory;
}

/** The addon, loaded at the first call. @throws BunkerError host-refused */
export function addon(): typeof Addon {
  loaded ??= load();
  return loaded;
}

function load(): typeof Addon {
  const asset = assetPath as string;
  if (!asset.startsWith(EMBEDDED)) return open(asset);
  // The asset's name carries a hash of its content.
  const place = `${directory}/${asset.slice(asset.lastIndexOf("/") + 1)}`;
  try {
    return open(place);
  } catch {
    write(asset, place);
    return openWritten(place);
  }
}

/** What was written just now is whole: then it is the place. */
function openWritten(place: string): typeof Addon {
  try {
    return open(place);
  } catch (cause) {
    throw new BunkerError("store", `loading the native library "${place}": ${(cause as Error).message}`, {
      hint: "Is that file system mounted noexec? Put the data home where programs may be executed, with --root.",
      cause,
    });
  }
}

function open(path: string): typeof Addon {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports as typeof Addon;
}

/** Aside, then renamed: nobody loads half a library. */
function write(asset: string, place: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const aside = `${place}.${process.pid}`;
    writeFileSync(aside, new Uint8Array(readAsset(asset)), { mode: 0o500 });
    renameSync(aside, place);
  } catch (cause) {
    throw new BunkerError("store", `writing the native library into "${directory}": ${(cause as Error).message}`, {
      hint: "Put the data home where you may write and execute, with --root.",
      cause,
    });
  }
}

function readAsset(asset: string): ArrayBufferLike {
  // node:fs reads embedded files as well, and synchronously.
  const { readFileSync } = require("node:fs") as typeof import("node:fs");
  return readFileSync(asset).buffer;
}
