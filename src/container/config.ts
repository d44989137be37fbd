// A container's own model: what was asked, what it resolved to, and nothing that changes while it runs.
// Kept as JSON in its row and beside its data; the OCI spec and the SandboxSpec are made from it at each start.

import { BunkerError } from "../errors.ts";
import type { ImageConfig } from "../image/index.ts";
import type { MountRequest } from "../volume/index.ts";
import { planEnvironment } from "./environment.ts";
import type { CreateRequest } from "./request.ts";
import { parseSignal } from "./signal.ts";

/** Version of the JSON; a reader refuses a larger one. */
export const CONFIG_VERSION = 1;

/** An anonymous volume made for this container, or a named one it uses. */
export interface VolumeUse {
  name: string;
  target: string;
  readonly: boolean;
  copyUp: boolean;
  anonymous: boolean;
  subpath?: string;
  chown?: boolean;
}

/** What an image that is mounted was when the container was made; its name may mean another by now. */
export interface ImageUse {
  imageId: string;
  target: string;
  readonly: boolean;
  subpath?: string;
}

export type BindRequest = Extract<MountRequest, { kind: "bind" }>;

/** What a container has of others: looked up when it is made, and its own from then on. */
export interface Borrowed {
  binds: BindRequest[];
  volumes: VolumeUse[];
  images: ImageUse[];
}

/** The command and identity after image and flags were merged (docker's `Config`). */
export interface ResolvedProcess {
  entrypoint: string[];
  command: string[];
  env: string[];
  workdir: string;
  user: string;
  stopSignal: string;
  labels: Record<string, string>;
  exposedPorts: string[];
}

export interface ContainerConfig {
  version: number;
  request: CreateRequest;
  /** `null`: made from a directory. */
  imageId: string | null;
  process: ResolvedProcess;
  hostname: string;
  volumes: VolumeUse[];
  /** From here on: not there unless there are some. */
  binds?: BindRequest[];
  images?: ImageUse[];
  /** The image's volumes, where each is to be a tmpfs. */
  tmpfs?: string[];
}

/** What a container is made from: an image, or (without an id) a directory. */
export interface ImageBase {
  id: string | null;
  config: Pick<
    ImageConfig,
    "entrypoint" | "cmd" | "env" | "workingDir" | "user" | "stopSignal" | "labels" | "exposedPorts" | "volumes"
  >;
}

const DEFAULT_STOP_SIGNAL = "SIGTERM";

/**
 * Merges image and request as docker does. `made.hostname` is for a container that was given none, `newVolumeName` supplies names for
 * the anonymous volumes.
 * @throws BunkerError usage when there is no command at all.
 */
export function resolveConfig(
  made: { hostname: string; borrowed: Borrowed | null },
  request: CreateRequest,
  image: ImageBase,
  newVolumeName: () => string,
): ContainerConfig {
  const { config: defaults } = image;
  const entrypoint = withoutReset(request.entrypoint ?? defaults.entrypoint ?? []);
  // docker: a new entrypoint drops the image's command along with the old one.
  const imageCommand = request.entrypoint === null ? (defaults.cmd ?? []) : [];
  const command = request.command.length > 0 ? request.command : imageCommand;
  if (entrypoint.length + command.length === 0) {
    const [source, hint] =
      request.rootfs === undefined
        ? [request.image, "Give a command after the image's name; this image has none of its own."]
        : [request.rootfs.path, "Give a command after the directory's name."];
    throw new BunkerError("usage", `creating a container from "${source}": no command specified`, { hint });
  }
  return {
    version: CONFIG_VERSION,
    request,
    imageId: image.id,
    hostname: request.hostname ?? made.hostname,
    process: {
      entrypoint,
      command,
      env: planEnvironment(defaults.env, request),
      workdir: request.workdir ?? (defaults.workingDir === "" ? "/" : defaults.workingDir),
      user: request.user ?? defaults.user,
      stopSignal: request.stopSignal ?? signalOfImage(defaults.stopSignal),
      labels: { ...defaults.labels, ...request.labels },
      exposedPorts: [...new Set([...defaults.exposedPorts, ...(request.exposed ?? [])])],
    },
    ...planVolumes({ request, borrowed: made.borrowed }, defaults.volumes, newVolumeName),
  };
}

/** docker: an image whose signal is none is stopped with SIGTERM, instead of not at all. */
function signalOfImage(word: string | null): string {
  try {
    if (word !== null) parseSignal(word);
  } catch {
    return DEFAULT_STOP_SIGNAL;
  }
  return word ?? DEFAULT_STOP_SIGNAL;
}

/** docker: an entry point of one empty word is none. An empty command is one, which is then not found. */
function withoutReset(entrypoint: string[]): string[] {
  return entrypoint.length === 1 && entrypoint[0] === "" ? [] : entrypoint;
}

type MountPlan = Pick<ContainerConfig, "volumes" | "binds" | "images" | "tmpfs">;

/** docker's order of who has a place: what flags name, what other containers have there, anonymous volumes, the image's own. */
function planVolumes(
  { request, borrowed }: { request: CreateRequest; borrowed: Borrowed | null },
  imageVolumes: string[],
  newName: () => string,
): MountPlan {
  const taken = new Set(request.mounts.filter((mount) => !isAnonymous(mount)).map((mount) => mount.target));
  const isFree = ({ target }: { target: string }): boolean => !taken.has(target);
  const binds = borrowed?.binds.filter(isFree) ?? [];
  const volumes: VolumeUse[] = borrowed?.volumes.filter(isFree) ?? [];
  for (const { target } of [...binds, ...volumes]) taken.add(target);
  for (const mount of request.mounts) {
    if (mount.kind !== "volume" || (mount.name === null && taken.has(mount.target))) continue;
    const { kind: _kind, name, ...use } = mount;
    volumes.push({ ...use, name: name ?? newName(), anonymous: name === null });
    taken.add(mount.target);
  }
  const own = imageVolumes.filter((target) => !taken.has(target));
  if (request.imageVolumes === undefined) {
    for (const target of own) {
      volumes.push({ name: newName(), target, readonly: false, copyUp: true, anonymous: true });
    }
  }
  const images = borrowed?.images ?? [];
  return {
    volumes,
    ...(binds.length === 0 ? {} : { binds }),
    ...(images.length === 0 ? {} : { images }),
    ...(request.imageVolumes === "tmpfs" ? { tmpfs: own } : {}),
  };
}

function isAnonymous(mount: MountRequest): boolean {
  return mount.kind === "volume" && mount.name === null;
}
