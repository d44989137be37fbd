// Which names of an image go, and whether the image goes with them: docker's rules and words. Also what becomes of the image of a
// container that takes it along (--rmi).

import { BunkerError } from "../errors.ts";
import { familiarReference, parseReference, repositoryName } from "../image/index.ts";
import type { ContainerRecord, ImageRemoval, ImageUser, ReferenceRecord, RemovableImage } from "../store/index.ts";
import type { Engine } from "./engine.ts";

const SHORT_ID = 12;

interface RemovalRequest {
  name: string;
  running: ReadonlySet<string>;
  force: boolean;
}

/** docker's rules and words; but an image that is forced away from a stopped container stays without a name, for its sake. */
export function decideRemoval(found: RemovableImage, request: RemovalRequest): ImageRemoval {
  const { named, references, users } = found;
  if (named === null) {
    ensureDeletable(found, request);
    return { names: references, whole: users.length === 0 };
  }
  const [user] = users;
  if (user !== undefined && !request.force && isSingleReference(references)) throw inUse(found, user, request.name);
  const names = references.filter((each) => each.name === named.name || goesWith(each, named, references));
  return { names, whole: names.length === references.length && users.length === 0 };
}

/** With the last tag of a repository go its digests. */
function goesWith(reference: ReferenceRecord, named: ReferenceRecord, among: ReferenceRecord[]): boolean {
  const [gone, other] = [parseReference(named.name), parseReference(reference.name)];
  if (gone.digest !== null || other.digest === null || repositoryName(gone) !== repositoryName(other)) return false;
  return !among.some((each) => each.name !== named.name && isTagOf(each, repositoryName(gone)));
}

export function isTagOf(reference: ReferenceRecord, repository: string): boolean {
  const parsed = parseReference(reference.name);
  return parsed.digest === null && repositoryName(parsed) === repository;
}

/** At most one tag, and digests only of its repository. */
function isSingleReference(references: ReferenceRecord[]): boolean {
  const parsed = references.map(({ name }) => parseReference(name));
  const repositories = new Set(parsed.map(repositoryName));
  return repositories.size <= 1 && parsed.filter(({ digest }) => digest === null).length <= 1;
}

/** docker's reasons not to, the one that cannot be forced first. */
function ensureDeletable({ image, references, users }: RemovableImage, { running, force }: RemovalRequest): void {
  const short = shortId(image.id);
  const busy = users.find(({ id }) => running.has(id));
  if (busy !== undefined) {
    const reason = `image is being used by running container ${shortId(busy.id)}`;
    throw conflict(
      `conflict: unable to delete ${short} (cannot be forced) - ${reason}`,
      `Remove that container first: \`bunker rm -f ${busy.name}\`.`,
    );
  }
  if (force) return;
  const must = `conflict: unable to delete ${short} (must be forced) - `;
  if (!isSingleReference(references)) {
    throw conflict(
      `${must}image is referenced in multiple repositories`,
      "Remove its names one by one, or all of them with -f.",
    );
  }
  const [user] = users;
  if (user === undefined) return;
  const reason = `image is being used by stopped container ${shortId(user.id)}`;
  throw conflict(`${must}${reason}`, `Remove that container first: \`bunker rm ${user.name}\`.`);
}

function inUse({ image, named }: RemovableImage, user: ImageUser, name: string): BunkerError {
  const shown = named === null ? name : familiarReference(parseReference(named.name));
  return conflict(
    `conflict: unable to remove repository reference "${shown}" (must force) - ` +
      `container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
    `Remove that container first: \`bunker rm ${user.name}\`.`,
  );
}

export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, SHORT_ID);
}

function conflict(message: string, hint: string): BunkerError {
  return new BunkerError("conflict", message, { hint });
}

/** podman's --rmi, once the container has gone: an image that others use stays, without a word. */
export function removeSpareImage(engine: Engine, { config, imageName }: ContainerRecord): void {
  if (config.request.removeImage !== true) return;
  try {
    const request = { name: imageName, running: new Set<string>(), force: false };
    engine.store.images.remove(imageName, (found) => decideRemoval(found, request));
  } catch (error) {
    if (!(error instanceof BunkerError)) throw error;
  }
}
