// The word in an image's place that --rootfs makes a directory. Reads nothing.

import { resolve } from "node:path";
import type { RootfsRequest } from "../container/index.ts";
import { BunkerError } from "../errors.ts";

/** What podman takes behind the last colon; anything else there is part of the name. */
const OPTIONS = /^(.*):((?:O|idmap(?:=[^,/]*)?)(?:,(?:O|idmap(?:=[^,/]*)?))*)$/s;

/** @throws BunkerError unsupported for what only root could do */
export function parseRootfs(word: string): RootfsRequest {
  const [, path = word, options = ""] = OPTIONS.exec(word) ?? [];
  if (path === "") throw new BunkerError("usage", "--rootfs: the name of a directory is missing");
  if (options.includes("idmap")) {
    throw new BunkerError("unsupported", "--rootfs: idmap is not supported: only root may map the ids of a mount", {
      hint: "Leave it out: the directory's owner is the container's root; --userns=keep-id gives it to your own uid inside.",
    });
  }
  return { path: resolve(path), overlay: options !== "" };
}
