// The image a container is to be made from: the one that is here, or a pull. On the hot path: everything else is loaded when needed.

import type { CreateRequest, UsernsRequest } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { formatPlatform, hostPlatform, lookupNames, type Platform, platformRank } from "../image/index.ts";
import type { ImageRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import type { OnPullEvent } from "./pull-event.ts";
import type { PullAccess } from "./pull.ts";
import { layerClass } from "./spec.ts";

/** The image inside the binary. */
export const HELLO = "localhost/hello:latest";

type Wanted = Pick<CreateRequest, "image" | "platform" | "pull" | "userns"> & { access?: PullAccess };

/** As the settings say. */
const USUAL: PullAccess = { tlsVerify: null, authFile: null, credentials: null, certDir: null };

/** Finds the image as docker does, or pulls it if the request allows. It is unpacked when this returns. */
export async function ensureImage(engine: Engine, wanted: Wanted, onEvent: OnPullEvent): Promise<ImageRecord> {
  const { image: name, platform, pull, userns, access = USUAL } = wanted;
  const asks = pull === "always" || pull === "newer";
  const found = asks ? null : engine.store.images.find(name);
  if (found !== null && fits(found, platform)) {
    warnOfPlatform(found, platform, onEvent);
    return ensureUnpacked(engine, found, { userns, onEvent });
  }
  if (found === null && lookupNames(name).includes(HELLO)) {
    const { importHello } = await import("./hello.ts");
    return ensureUnpacked(engine, await importHello(engine, onEvent), { userns, onEvent });
  }
  if (pull === "never") throw notHere(name);
  const { pullImage } = await import("./pull.ts");
  const fallback = pull === "newer" ? engine.store.images.find(name) : null;
  try {
    const pulled = await pullImage(engine, name, { platform, ...access }, onEvent);
    if (!asks) tellPulled(pulled.digest, name, onEvent);
    return await ensureUnpacked(engine, engine.store.images.byId(pulled.id), { userns, onEvent });
  } catch (error) {
    if (fallback === null || !fits(fallback, platform) || !(error instanceof BunkerError)) throw error;
    return ensureUnpacked(engine, fallback, { userns, onEvent });
  }
}

export interface Unpacking {
  userns: UsernsRequest | undefined;
  onEvent: OnPullEvent;
}

/** The blobs are here; the layers perhaps not, when they belong to another class of id mapping. */
export async function ensureUnpacked(
  engine: Engine,
  image: ImageRecord,
  { userns, onEvent }: Unpacking,
): Promise<ImageRecord> {
  const within = layerClass(engine, userns);
  if (image.config.diffIds.length === 0 || engine.store.layers.hasStack(image.id, within.map)) return image;
  const { unpackKept } = await import("./store-image.ts");
  await unpackKept(engine, image, { within, onEvent });
  return image;
}

function fits(image: ImageRecord, wanted: Platform | null): boolean {
  return wanted === null || platformRank(wanted, image.config.platform) >= 0;
}

/** docker's words: an image that was asked for by name alone, and is for another machine. */
function warnOfPlatform(image: ImageRecord, wanted: Platform | null, onEvent: OnPullEvent): void {
  const host = hostPlatform();
  const { platform } = image.config;
  if (wanted !== null || platformRank(host, platform) >= 0) return;
  const message =
    `The requested image's platform (${formatPlatform(platform)}) does not match the detected host platform ` +
    `(${formatPlatform(host)}) and no specific platform was requested`;
  onEvent({ kind: "warning", message });
}

function tellPulled(digest: string, name: string, onEvent: OnPullEvent): void {
  onEvent({ kind: "status", message: `Digest: ${digest}` });
  onEvent({
    kind: "status",
    message: `Status: Downloaded newer image for ${name.includes(":") || name.includes("@") ? name : `${name}:latest`}`,
  });
}

function notHere(name: string): BunkerError {
  return new BunkerError("not-found", `no such image: ${name}`, {
    hint: `\`bunker pull ${name}\` fetches it; --pull never forbids that here.`,
  });
}
