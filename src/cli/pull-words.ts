// docker's sentences around a pull. Pure.

import type { CreateRequest } from "../container/index.ts";
import { familiarReference, formatReference, isImageId, parseReference, type Reference } from "../image/index.ts";

/** docker's `latest: Pulling from library/alpine`. */
export function pullingFrom(reference: Reference): string {
  return `${reference.tag ?? formatReference(reference)}: Pulling from ${reference.path}`;
}

/** docker's last line but one. */
export function pullStatus(reference: Reference, changed: boolean): string {
  const name = familiarReference(reference);
  return changed ? `Status: Downloaded newer image for ${name}` : `Status: Image is up to date for ${name}`;
}

/** docker's first line when run or create has to pull; not with --pull always, which does not look here first. */
export function missingImage(request: CreateRequest): string[] {
  if (request.pull === "always" || request.rootfs !== undefined) return [];
  const { image } = request;
  return [`Unable to find image '${isTagImplied(image) ? `${image}:latest` : image}' locally`];
}

/** Whether docker would have to say which tag it took. */
export function isTagImplied(name: string): boolean {
  if (isImageId(name)) return false;
  const { tag, digest } = parseReference(name);
  return tag === "latest" && digest === null && !name.endsWith(":latest");
}
