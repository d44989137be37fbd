// docker cp's rules: what a path says besides where it leads, and what becomes of a source at a destination. No effects.

import { BunkerError } from "../errors.ts";
import { cleanPath } from "./target.ts";

/** A path as somebody typed it, taken apart. */
export interface CopyPath {
  /** Absolute and clean. */
  path: string;
  /** Its last component; empty: the root. */
  name: string;
  /** It ends in `/`, `/.` or `/..`: there must be a directory, and a link is followed. */
  assertsDirectory: boolean;
  /** It ends in `/.`: what is in the directory is meant, not the directory. */
  contents: boolean;
}

/** `base`: where a relative path begins; in a container the root. */
export function parseCopyPath(text: string, base: string): CopyPath {
  const last = text.slice(text.lastIndexOf("/") + 1);
  const path = cleanPath(text.startsWith("/") ? text : `${base}/${text}`);
  return {
    path,
    name: path.slice(path.lastIndexOf("/") + 1),
    assertsDirectory: ["", ".", ".."].includes(last),
    contents: last === ".",
  };
}

export type SourceKind = "directory" | "file" | "link" | "other";
/** `missing`: the directory is there that it would be in. */
export type DestinationKind = "directory" | "file" | "missing" | "noParent";

/** What the extracting side is to do with the archive. */
export type Placing =
  /** Into the directory, without a name of its own. */
  | { placing: "contents"; name: "" }
  /** Into the directory under this name. */
  | { placing: "named"; name: string }
  /** As what the destination is called. */
  | { placing: "replace"; name: "" };

export interface CopyCase {
  source: CopyPath;
  sourceKind: SourceKind;
  destination: CopyPath;
  destinationKind: DestinationKind;
}

/**
 * docker's table (docker cp, "Extended description"; cases A to J of its tests).
 *
 * @throws BunkerError bad-path in docker's words
 */
export function planCopy({ source, sourceKind, destination, destinationKind }: CopyCase): Placing {
  const isDirectory = sourceKind === "directory";
  if (source.assertsDirectory && !isDirectory) throw refuse(source, "not a directory");
  if (destinationKind === "noParent") {
    throw refuse(destination, "no such directory", "The directory that it is to be in must exist.");
  }
  if (destinationKind === "directory") {
    // A root has no name to be copied under.
    const bare = isDirectory && (source.contents || source.name === "");
    return bare ? { placing: "contents", name: "" } : { placing: "named", name: source.name };
  }
  if (destinationKind === "file") {
    if (isDirectory) throw refuse(destination, "cannot copy directory", "A file is in its place.");
    if (destination.assertsDirectory) throw refuse(destination, "not a directory");
  } else if (!isDirectory && destination.assertsDirectory) {
    throw refuse(destination, "no such directory", "Make it first, or leave out the slash at its end.");
  }
  return { placing: "replace", name: "" };
}

function refuse({ path }: CopyPath, reason: string, hint?: string): BunkerError {
  return new BunkerError("bad-path", `"${path}": ${reason}`, hint === undefined ? {} : { hint });
}
