// A container as the engine sees it → what its row and the filters need. Pure.

import type { VolumeUse } from "../container/index.ts";
import type { ContainerView, NetworkFacts } from "../engine/index.ts";
import type { MountRequest } from "../volume/index.ts";
import type { ContainerFacts } from "./container-row.ts";
import type { PortFact } from "./port-text.ts";

/** `networks`: what the engine knows of all containers' networks and ports. */
export function factsOf(view: ContainerView, networks: NetworkFacts): ContainerFacts {
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
    networks: networks.networks.get(record.id) ?? [request.network],
    ports: view.status === "running" ? portsOf(process.exposedPorts, networks.ports.get(record.id) ?? []) : [],
    size: null,
  };
}

/** Those that are published, and those that are only exposed. */
function portsOf(exposed: readonly string[], published: readonly PortFact[]): PortFact[] {
  const others = exposed.map((word) => {
    const [port = "", protocol = "tcp"] = word.split("/");
    return { protocol, containerPort: Number(port), hostAddress: "", hostPort: null };
  });
  const isPublished = (one: PortFact): boolean =>
    published.some((other) => other.containerPort === one.containerPort && other.protocol === one.protocol);
  return [...published, ...others.filter((one) => !isPublished(one))];
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
