// What pull, run and create print while an image comes: docker's lines, on the stream that is not their result.

import type { PullEvent } from "../engine/index.ts";
import { isTerminal, windowSize } from "../native/index.ts";
import { print, printable, type StreamName, warn } from "./output.ts";
import { PullProgress } from "./progress.ts";

export interface PullOutput {
  onEvent: (event: PullEvent) => void;
  /** The last state stays on the screen; also after a failure. */
  finish: () => void;
}

export interface PullOutputOptions {
  stream: StreamName;
  quiet: boolean;
  /** Said before anything happens. */
  before?: string[];
  /** Said when the registry has the image. */
  found?: string[];
}

/** Warnings are told even with -q, and never among results. */
export function openPullOutput(options: PullOutputOptions): PullOutput {
  if (options.quiet) return { onEvent: tellWarning, finish() {} };
  const fd = options.stream === "stdout" ? 1 : 2;
  const progress = new PullProgress({
    size: isTerminal(fd) ? windowSize(fd) : null,
    write: options.stream === "stdout" ? print : warn,
    now: () => performance.now(),
  });
  const lines = { resolving: options.before ?? [], resolved: options.found ?? [] };
  return {
    onEvent(event) {
      if (event.kind === "layer") progress.layer(event);
      else if (event.kind === "warning") progress.aside(() => tellWarning(event));
      else if (event.kind === "status") progress.line(event.message);
      else for (const line of lines[event.kind]) progress.line(line);
    },
    finish: () => progress.finish(),
  };
}

function tellWarning(event: PullEvent): void {
  if (event.kind === "warning") warn(`WARNING: ${printable(event.message)}\n`);
}
