// The store's public face: the only module that knows the data directory and its database.

export { noSuchContainer } from "./containers.ts";
export { type ImageRemoval, type ImageUser, type NewImage, noSuchImage, type RemovableImage } from "./images.ts";
export { UnusableStore } from "./database-problem.ts";
export { discardDatabase } from "./discard-database.ts";
export type { IdLease } from "./containers.ts";
export { type Layout, type LayerMap, openLayout } from "./layout.ts";
export { noSuchNetwork } from "./networks.ts";
export type {
  ContainerRecord,
  EndpointRecord,
  ImageRecord,
  LayerRecord,
  NetworkRecord,
  PortRecord,
  ReferenceRecord,
} from "./rows.ts";
export { openStore, type Store } from "./store.ts";
export { Trash } from "./trash.ts";
export { noSuchVolume, type VolumeRecord } from "./volumes.ts";
export { mountAbove, readMounts } from "./mounts.ts";
export { sharedFilesystem } from "./shared-filesystem.ts";
