// Work that wants to tidy up when a signal ends the command.

import { flush } from "./output.ts";

const FATAL = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/**
 * The first signal aborts the action, and when that has tidied up the process dies of the signal as if it had never been caught;
 * a second one kills at once.
 */
export async function interruptible<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let received: NodeJS.Signals | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    received = signal;
    stopListening();
    controller.abort();
  };
  const stopListening = (): void => {
    for (const signal of FATAL) process.off(signal, onSignal);
  };
  for (const signal of FATAL) process.on(signal, onSignal);
  try {
    return await action(controller.signal);
  } finally {
    stopListening();
    if (received !== null) await dieOf(received);
  }
}

async function dieOf(signal: NodeJS.Signals): Promise<never> {
  await flush().catch(() => undefined);
  process.kill(process.pid, signal);
  // It arrives when the event loop turns.
  return new Promise<never>(() => undefined);
}
