// What a pull tells while it is under way.

export type LayerStatus = "waiting" | "exists" | "downloading" | "unpacking" | "done" | "retrying";

export type PullEvent =
  | { kind: "resolving"; reference: string }
  /** The registry has the image. */
  | { kind: "resolved"; reference: string }
  | {
      kind: "layer";
      /** Short, as docker shows it. */
      digest: string;
      status: LayerStatus;
      /** Compressed bytes so far and in all. */
      current: number;
      total: number;
      detail?: string;
    }
  | { kind: "warning"; message: string }
  | { kind: "status"; message: string };

export type OnPullEvent = (event: PullEvent) => void;
