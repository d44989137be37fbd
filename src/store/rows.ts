// Rows as plain typed records.

import type { ContainerConfig, ExitRecord } from "../container/index.ts";
import type { Digest, ImageConfig } from "../image/index.ts";
import type { EndpointConfig, NetworkConfig, Protocol } from "../network/index.ts";

/** An image, with its config parsed. */
export interface ImageRecord {
  id: Digest;
  manifest: Digest;
  config: ImageConfig;
  createdAt: string | null;
  /** Unpacked bytes of all layers. */
  size: number;
  pulledAt: string;
}

/** A name of an image. */
export interface ReferenceRecord {
  /** The full form: `docker.io/library/nginx:1.27`. */
  name: string;
  imageId: Digest;
  /** Of what the registry served: a manifest or an index. */
  digest: Digest;
}

/** An unpacked layer. */
export interface LayerRecord {
  /** Its directory below `layers/<map>`: hex of its diff id, `chain-…`, or `fix-…`. */
  name: string;
  diffId: Digest | null;
  size: number;
  entries: number;
  /** Directories that its archive only implied. */
  implied: number;
  /** Those in its root aside. */
  whiteouts: number;
  /** Its root is: the layers below it are hidden. */
  opaque: boolean;
}

/**
 * `creating`: undone by whoever finds it without its creator or keeper. `starting`: so is that start. `started`: it ran; the
 * witnesses tell more.
 */
export type ContainerState = "creating" | "created" | "starting" | "started" | "ended";

export interface ContainerRecord {
  id: string;
  name: string;
  /** `null`: made from a directory. */
  imageId: Digest | null;
  /** As the user wrote it; empty where there is none. */
  imageName: string;
  state: ContainerState;
  /** Starts so far. */
  generation: number;
  /** RFC 3339. */
  createdAt: string;
  config: ContainerConfig;
  exit: ExitRecord | null;
}

export interface NetworkRecord {
  id: string;
  name: string;
  /** RFC 3339. */
  createdAt: string;
  config: NetworkConfig;
}

/** A container's place on a network. */
export interface EndpointRecord {
  containerId: string;
  networkId: string;
  /** Counts a container's networks in the order in which it came to them. */
  position: number;
  address4: string | null;
  address6: string | null;
  config: EndpointConfig;
  /** As far as its row says, the container may be running. */
  active: boolean;
}

/** A port that is published. */
export interface PortRecord {
  containerId: string;
  protocol: Protocol;
  /** Empty: all. */
  hostAddress: string;
  hostPort: number;
  containerPort: number;
}
