// The engine's public face: use cases. Prints nothing; every effect meets here. What only some commands need is loaded by those.

import type { Engine } from "./engine.ts";
import type { OnPullEvent } from "./pull-event.ts";
import type { PullOptions, Pulled } from "./pull.ts";
export type { PullAccess } from "./pull.ts";

export type { CopySide } from "./copy-side.ts";
export { createContainer } from "./create.ts";
export { type Engine, openEngine } from "./engine.ts";
export { attachContainer, execInContainer } from "./exec.ts";
export type { DiskUsage } from "./disk-usage.ts";
export { ensurePlatform, type ImageSummary, listImages, removeImage, tagImage, untagImage } from "./image.ts";
export { inspectContainer } from "./inspect.ts";
export { inspectImage } from "./inspect-image.ts";
export { listContainers } from "./list.ts";
export { sweep } from "./sweep.ts";
export type { NetworkRecord, PortRecord, VolumeRecord } from "../store/index.ts";
export { type LogEntry, type LogOptions, readLogs } from "./logs.ts";
export { type ContainerSize, measureContainers } from "./measure.ts";
export type { HistoryStep } from "./history.ts";
export type { Namespaces } from "./namespaces.ts";
export type { PullEvent } from "./pull-event.ts";
export type { ProcessFacts } from "./top.ts";
export type { StatsSample } from "./stats.ts";
export type { AwaitedState } from "./wait.ts";
export type { SessionControl, SessionEnd, StreamOptions } from "./session.ts";
export { renameContainer } from "./rename.ts";
export { restartContainer } from "./restart.ts";
export { hireKeeper, runContainer, startContainer } from "./start.ts";
export { killContainer, removeContainer, stopContainer, waitContainer } from "./stop.ts";
export { type ContainerView, viewContainer } from "./view.ts";

/** docker pull. */
export async function pullImage(
  engine: Engine,
  name: string,
  options: PullOptions,
  onEvent: OnPullEvent,
): Promise<Pulled> {
  const pull = await import("./pull.ts");
  return pull.pullImage(engine, name, options, onEvent);
}

/** What only `bunker pull --all-tags` needs. */
export function loadTags(): Promise<Pick<typeof import("./pull.ts"), "repositoryTags">> {
  return import("./pull.ts");
}

/** What only real root needs. */
export function loadRoot(): Promise<typeof import("./root.ts")> {
  return import("./root.ts");
}

/** What only `bunker runtime` needs. */
export function loadBundle(): Promise<typeof import("./bundle.ts")> {
  return import("./bundle.ts");
}

/** What only `bunker cp` needs. */
export function loadCopy(): Promise<typeof import("./copy.ts")> {
  return import("./copy.ts");
}

/** What only `bunker diff` needs. */
export function loadDiff(): Promise<typeof import("./diff.ts")> {
  return import("./diff.ts");
}

/** What only `bunker pause` and `unpause` need. */
export function loadPause(): Promise<typeof import("./pause.ts")> {
  return import("./pause.ts");
}

/** What only `bunker doctor` as root needs. */
export function loadDoctorForCaller(): Promise<typeof import("./doctor-caller.ts")> {
  return import("./doctor-caller.ts");
}

/** What only `bunker doctor` and a refused start need. */
export function loadDoctor(): Promise<typeof import("./doctor.ts")> {
  return import("./doctor.ts");
}

/** What only `bunker info` needs. */
export function loadInfo(): Promise<typeof import("./info.ts")> {
  return import("./info.ts");
}

/** What only the volume verbs need. */
export function loadVolumes(): Promise<typeof import("./volume.ts")> {
  return import("./volume.ts");
}

export { type NetworkFacts, networkFacts } from "./network-view.ts";

/** What only the network verbs need. */
export function loadNetworks(): Promise<typeof import("./networks.ts")> {
  return import("./networks.ts");
}

/** What only `bunker history` needs. */
export function loadHistory(): Promise<typeof import("./history.ts")> {
  return import("./history.ts");
}

/** What only `bunker system df` needs. */
export function loadDiskUsage(): Promise<typeof import("./disk-usage.ts")> {
  return import("./disk-usage.ts");
}

/** What only `bunker system reset` needs. */
export function loadReset(): Promise<typeof import("./reset.ts")> {
  return import("./reset.ts");
}

/** What only the prune verbs need. */
export function loadPrune(): Promise<typeof import("./prune.ts")> {
  return import("./prune.ts");
}

/** What only `bunker wait --condition` needs. */
export function loadWait(): Promise<typeof import("./wait.ts")> {
  return import("./wait.ts");
}

/** What only `bunker ps --namespace` needs. */
export function loadNamespaces(): Promise<typeof import("./namespaces.ts")> {
  return import("./namespaces.ts");
}

/** What only `bunker rm --depend` needs. */
export function loadDependents(): Promise<typeof import("./requirements.ts")> {
  return import("./requirements.ts");
}

/** What only `bunker stats` needs. */
export function loadStats(): Promise<typeof import("./stats.ts")> {
  return import("./stats.ts");
}

/** What only `bunker top` needs. */
export function loadTop(): Promise<typeof import("./top.ts")> {
  return import("./top.ts");
}
