// A client's session with a container or exec: streams handed to the keeper, then waiting for the end.
// The data never passes through here.

import { parseSignal } from "../container/index.ts";
import type { KeeperChannel } from "./channel.ts";

/** Host descriptors to hand to the keeper, and how the session behaves. `null`: that stream is not attached. */
export interface StreamOptions {
  stdin: number | null;
  stdout: number | null;
  stderr: number | null;
  /** docker's syntax, `ctrl-p,ctrl-q`; empty: no way to detach. */
  detachKeys: string;
  sigProxy: boolean;
  /** The terminal's size at the start. */
  rows?: number;
  columns?: number;
  /** Called right before the process starts: its first output may be an invitation to send it signals. */
  onStarting?: () => void;
  /** Called once the process runs. */
  onReady?: (control: SessionControl) => void;
}

/** What the terminal's owner may do to the session meanwhile. */
export interface SessionControl {
  resize(rows: number, columns: number): void;
  signal(name: string): void;
}

export type SessionEnd =
  | { kind: "exited"; code: number }
  | { kind: "detached" }
  /** Nobody reads our standard output any more; the container runs on. */
  | { kind: "outputClosed" };

/** The attach request's fields and descriptors. */
export function attachRequest(streams: StreamOptions): { fields: Record<string, unknown>; fds: number[] } {
  const { stdin, stdout, stderr, detachKeys } = streams;
  return {
    fields: { stdin: stdin !== null, stdout: stdout !== null, stderr: stderr !== null, detachKeys },
    fds: [stdin, stdout, stderr].filter((fd) => fd !== null),
  };
}

/** Tells the terminal's owner that the process runs, then waits for its end. `null`: the keeper died meanwhile. */
export async function followSession(channel: KeeperChannel, streams: StreamOptions | null): Promise<SessionEnd | null> {
  let open = true;
  const quietly = (action: () => void): void => {
    if (!open) return;
    try {
      action();
    } catch {
      // The keeper has ended: its event or its end of file is about to be read.
      open = false;
    }
  };
  streams?.onReady?.({
    resize: (rows, columns) => quietly(() => channel.send("resize", { rows, columns })),
    signal: (name) => quietly(() => channel.send("signal", { signal: parseSignal(name) })),
  });
  const event = await channel.event();
  open = false;
  if (event === null) return null;
  if (event.kind === "outputClosed") return { kind: "outputClosed" };
  return event.kind === "exited" ? { kind: "exited", code: event.code } : event;
}
