// The engine's state for one command: the store, and what is read only when it is needed.

import type { HostFacts } from "../container/index.ts";
import { useLibraryDirectory } from "../native/index.ts";
import { openStore, type Store } from "../store/index.ts";
import { readHostFacts } from "./host.ts";

export interface Engine {
  readonly store: Store;
  /** The host as it is now; read once. */
  host(): HostFacts;
}

/** Opens the data home (`--root`, or the user's own) and its runtime directory. @throws BunkerError store */
export function openEngine(options: { root: string | null; runroot: string | null }): Engine {
  const store = openStore(options);
  useLibraryDirectory(store.layout.library());
  let facts: HostFacts | null = null;
  return {
    store,
    host() {
      facts ??= readHostFacts();
      return facts;
    },
  };
}
