// A container as the engine sees it → what its row and the filters need. Pure.

import type { VolumeUse } from "../container/index.ts";
import type { ContainerView } from "../engine/index.ts";
import type { MountRequest } from "../volume/index.ts";
import type { ContainerFacts } from "./container-row.ts";

export function factsOf(view: ContainerView): ContainerFacts {
  const { record } = view;
  const { config } = record;
  const { process, request } = config;
  const mounts = request.mounts.flatMap((mount: MountRequest) =>
    mount.kind === "bind" ? [{ source: mount.source, target: mount.target, volume: false }] : [],
  );
  const volumes = config.volumes.map(({ name, target }: VolumeUse) => ({ source: name, target, volume: true }));
  return {
    id: record.id,
    name: record.name,
    image: record.imageName,
    imageId: record.imageId ?? "",
    args: [...process.entrypoint, ...process.command],
    createdAt: new Date(record.createdAt),
    pid: view.status === "running" ? view.pid : 0,
    status: view.paused ? "paused" : view.status,
    startedAt: toDate(view.startedAt),
    finishedAt: toDate(view.finishedAt),
    exitCode: view.exitCode,
    labels: process.labels,
    mounts: [...mounts, ...volumes],
    networks: [request.network],
    size: null,
  };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
