// --runtime and --runtime-flag: words → which program is to make the container. Pure but for the current directory.

import { resolve } from "node:path";
import type { CreateRequest } from "../container/index.ts";
import type { GlobalOptions } from "./verb.ts";

/** As inspect shows it. */
const OWN = "bunker";

/** The flag after the verb comes first. Nothing: we make it ourselves. */
export function collectRuntime(
  named: string | null,
  globals: Pick<GlobalOptions, "runtime" | "runtimeFlags">,
): Pick<CreateRequest, "runtime"> {
  const word = named ?? globals.runtime ?? "";
  if (word === "" || word === OWN) return {};
  // podman: the dashes are left out.
  const flags = globals.runtimeFlags.map((flag) => `--${flag}`);
  return { runtime: { name: word.includes("/") ? resolve(word) : word, flags } };
}
