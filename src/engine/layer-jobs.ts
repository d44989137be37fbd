// What workers do with the layers of an image, as typed calls. A layer's directory holds its `root` and its `manifest`.

import type { Digest, LayerDescriptor } from "../image/index.ts";
import type { Engine } from "./engine.ts";
import type { LayerClass } from "./spec.ts";
import { startJob } from "./worker.ts";

/** A layer and where it is. */
export interface PlacedLayer {
  /** Whose ids its files have. */
  within: LayerClass;
  descriptor: LayerDescriptor;
  diffId: Digest;
  directory: string;
}

/** What the worker tells of an unpacked layer. */
export interface Unpacked {
  entries: number;
  unpackedBytes: number;
  impliedDirectories: number;
  /** Those in its root aside. */
  whiteouts: number;
  /** Hard links into lower layers: `linkLayer` must follow. */
  pendingLinks: number;
  skippedDevices: number;
  /** Entries of other owners than the only id there is. */
  squashedOwners: number;
  opaqueRoot: boolean;
}

/** Unpacks a blob that may still be growing: `fds` are its file and the counter of its bytes. */
export async function unpackLayer(
  engine: Engine,
  { within, descriptor, diffId, directory }: PlacedLayer,
  { fds, signal }: { fds: number[]; signal: AbortSignal },
): Promise<Unpacked> {
  const { digest, size, compression } = descriptor;
  const place = { target: `${directory}/root`, manifest: `${directory}/manifest` };
  const running = startJob(engine, { op: "unpack", within, digest, size, compression, diffId, ...place }, fds);
  const cancel = (): void => running.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    return (await running.result) as unknown as Unpacked;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Makes a layer's hard links into those below it, given bottom first. */
export async function linkLayer(engine: Engine, layer: PlacedLayer, below: readonly PlacedLayer[]): Promise<void> {
  const { within, descriptor, directory } = layer;
  const parents = below.map((parent) => `${parent.directory}/root`).reverse();
  const place = { target: `${directory}/root`, manifest: `${directory}/manifest` };
  await startJob(engine, { op: "link", within, digest: descriptor.digest, ...place, parents }).result;
}

/** Makes fix layers below `target`. @returns which layers, bottom first, need one above them */
export async function fixLayers(engine: Engine, stack: readonly PlacedLayer[], target: string): Promise<number[]> {
  const layers = stack.map(({ directory }) => ({ root: `${directory}/root`, manifest: `${directory}/manifest` }));
  const { fixes } = await startJob(engine, { op: "fix", within: stack[0]?.within, layers, target }).result;
  return fixes as number[];
}
