// How a container gets its root: as an overlay of its image's layers where the kernel mounts that for us, else as one that fuse-overlayfs
// shows, else as a copy of them. Found out once per data home, before the first container is made. A container keeps the root it has,
// whatever is found out later: a copy stays one, and what has fuse-overlayfs' marks in it is read by nothing else.

import { readFileSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import type { ContainerRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { FUSE_PROGRAM, rootOf, type StorageDriver } from "./spec.ts";

const COPY = "copy";
const OVERLAY = "overlay";

export interface StorageChoice {
  driver: StorageDriver;
  why: string;
}

/** What new containers get. `BUNKER_STORAGE_DRIVER` says it against all that was found out. @throws BunkerError usage */
export function storageChoice(engine: Engine): StorageChoice {
  return choose(readFinding(engine));
}

function choose(finding: string): StorageChoice {
  const asked = process.env["BUNKER_STORAGE_DRIVER"] ?? "";
  if (asked !== "") {
    if (asked === OVERLAY || asked === FUSE_PROGRAM || asked === COPY) {
      return { driver: asked, why: "BUNKER_STORAGE_DRIVER says so" };
    }
    throw new BunkerError("usage", `BUNKER_STORAGE_DRIVER: unknown storage driver "${asked}"`, {
      hint: "The drivers are overlay, fuse-overlayfs and copy.",
    });
  }
  const [driver, why = ""] = finding.split(/:\s*(.*)/s);
  if (driver === COPY || driver === FUSE_PROGRAM) return { driver, why };
  return { driver: OVERLAY, why: "the kernel mounts it in a user namespace, without root and without FUSE" };
}

/** Empty: nobody has tried yet. */
function readFinding(engine: Engine): string {
  try {
    return readFileSync(engine.store.layout.storageFinding(), "utf8").trim();
  } catch {
    return "";
  }
}

/** Makes what an overlay of the kernel's does not need. The container's directory must be there, its lock ours. */
export async function prepareRoot(engine: Engine, record: ContainerRecord): Promise<void> {
  let finding = readFinding(engine);
  if (finding === "") {
    await (await import("./copy-root.ts")).findOutStorage(engine);
    finding = readFinding(engine);
  }
  const { driver } = choose(finding);
  const { driver: has } = rootOf(engine, record);
  if (driver === OVERLAY && has !== FUSE_PROGRAM) return;
  const work = await import("./copy-root.ts");
  const isPutTogether = has === OVERLAY || has === FUSE_PROGRAM;
  if (isPutTogether && driver === COPY) await work.copyRoot(engine, record);
  else if (isPutTogether) work.markRoot(engine, record.id);
  if (driver !== OVERLAY) await work.copyImages(engine, record);
}
