// docker inspect of an image: the stored config in docker's JSON (Engine API, ImageInspect).

import { familiarName, familiarReference, type ImageConfig, LOCAL_DOMAIN, parseReference } from "../image/index.ts";
import { type ImageRecord, noSuchImage, type ReferenceRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";

const NEVER = "0001-01-01T00:00:00Z";

/** docker's JSON of one image. @throws BunkerError not-found */
export function inspectImage(engine: Engine, name: string): Record<string, unknown> {
  const image = engine.store.images.find(name);
  if (image === null) throw noSuchImage(name);
  const { config } = image;
  const references = engine.store.images.references(image.id);
  return {
    Id: image.id,
    RepoTags: references
      .map((each) => parseReference(each.name))
      .filter(({ digest }) => digest === null)
      .map(familiarReference),
    RepoDigests: repoDigests(references),
    Parent: "",
    Comment: config.history.at(-1)?.comment ?? "",
    Created: image.createdAt ?? NEVER,
    DockerVersion: "",
    Author: config.author,
    Config: runConfig(config),
    Architecture: config.platform.architecture,
    ...(config.platform.variant === null ? {} : { Variant: config.platform.variant }),
    Os: config.platform.os,
    Size: image.size,
    GraphDriver: graphDriver(engine, image),
    RootFS: { Type: "layers", Layers: config.diffIds },
    Metadata: { LastTagTime: image.pulledAt },
  };
}

function repoDigests(references: ReferenceRecord[]): string[] {
  const named = references.map(({ name, digest }) => ({ reference: parseReference(name), digest }));
  // What was never at a registry has no digest there.
  const known = named.filter(({ reference }) => reference.domain !== LOCAL_DOMAIN);
  return [...new Set(known.map(({ reference, digest }) => `${familiarName(reference)}@${digest}`))];
}

function runConfig(config: ImageConfig): Record<string, unknown> {
  const { healthcheck } = config;
  return {
    User: config.user,
    ExposedPorts:
      config.exposedPorts.length === 0 ? null : Object.fromEntries(config.exposedPorts.map((port) => [port, {}])),
    Env: config.env,
    Cmd: config.cmd,
    ...(healthcheck === null
      ? {}
      : {
          Healthcheck: {
            Test: healthcheck.test,
            Interval: healthcheck.interval,
            Timeout: healthcheck.timeout,
            Retries: healthcheck.retries,
          },
        }),
    Volumes: config.volumes.length === 0 ? null : Object.fromEntries(config.volumes.map((path) => [path, {}])),
    WorkingDir: config.workingDir,
    Entrypoint: config.entrypoint,
    OnBuild: config.onBuild.length === 0 ? null : config.onBuild,
    Labels: Object.keys(config.labels).length === 0 ? null : config.labels,
    ...(config.stopSignal === null ? {} : { StopSignal: config.stopSignal }),
    ...(config.shell === null ? {} : { Shell: config.shell }),
  };
}

function graphDriver(engine: Engine, image: ImageRecord): Record<string, unknown> {
  const { layers } = engine.store;
  const directories = [...layers.lowerDirectories(image.id, "user"), ...layers.lowerDirectories(image.id, "single")];
  return { Name: "overlay", Data: { LowerDir: directories.join(":") } };
}
