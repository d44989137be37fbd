// The engine's state for one command: the store, and host facts read when first needed.

import type { HostFacts } from "../container/index.ts";
import { loadNative } from "../native/index.ts";
import { openStore, type Store } from "../store/index.ts";
import { readHostFacts } from "./host.ts";

export interface Engine {
  readonly dataHome: string;
  readonly store: Store;
  host(): HostFacts;
  close(): void;
}

/** Opens the data home (`--root`, or the user's) and loads the addon from it. @throws BunkerError store */
export function openEngine(options: { root: string | null; runroot: string | null }): Engine {
  const store = openStore({ root: options.root, runroot: options.runroot });
  loadNative(`${store.layout.dataHome}/lib`);
  let facts: HostFacts | null = null;
  return {
    dataHome: store.layout.dataHome,
    store,
    host() {
      facts ??= readHostFacts();
      return facts;
    },
    close: () => store.close(),
  };
}
