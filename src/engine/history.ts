// docker history: how an image came about, step by step, the latest first, and what each step added.

import { noSuchImage } from "../store/index.ts";
import type { Engine } from "./engine.ts";

export interface HistoryStep {
  /** The image's, for its last step; `null`: of no image of its own. */
  id: string | null;
  /** RFC 3339; `null`: it does not say. */
  createdAt: string | null;
  createdBy: string;
  comment: string;
  /** Unpacked bytes of the layer it made. */
  size: number;
}

/** @throws BunkerError not-found */
export function imageHistory(engine: Engine, name: string): HistoryStep[] {
  const { images, layers } = engine.store;
  const image = images.find(name);
  if (image === null) throw noSuchImage(name);
  const sizes = layers.sizes(image.id);
  // A step that made no layer says so; the others made one each, in order.
  const made = image.config.diffIds.values();
  const steps = image.config.history.map(({ created, createdBy, comment, emptyLayer }) => {
    const layer = emptyLayer ? undefined : made.next().value;
    const size = layer === undefined ? 0 : (sizes.get(layer) ?? 0);
    return { id: null, createdAt: created, createdBy: createdBy ?? "", comment: comment ?? "", size };
  });
  return steps.reverse().map((step, at) => (at === 0 ? { ...step, id: image.id } : step));
}
