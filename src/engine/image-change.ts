// Changing images: from the first look at what is there to the last row nothing is removed by others, and what was announced but
// never got its row is removed afterwards (sweep.ts).

import { closeFd } from "../native/index.ts";
import type { Engine } from "./engine.ts";

export async function changeImages<T>(engine: Engine, change: () => Promise<T>): Promise<T> {
  const share = engine.store.garbage.shareImages();
  try {
    const result = await change();
    // From the first image on there is something to delete when the disk is full.
    engine.store.reserve.take();
    return result;
  } finally {
    closeFd(share);
  }
}
