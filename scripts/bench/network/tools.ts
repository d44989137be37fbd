// Programs at both ends of a path. They end with us, however we end.

import { Running } from "../../../test/support/command.ts";
import type { Place } from "./place.ts";

const TIMEOUT_MS = 15_000;

/** A server, until it is disposed of. */
export async function serve(place: Place, command: string[], ready: RegExp): Promise<AsyncDisposable> {
  const server = start(place, command);
  await server.waitFor(ready);
  return {
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.result();
    },
  };
}

/** What it prints. @throws unless it ends well */
export async function ask(place: Place, command: string[]): Promise<string> {
  const { code, signal, stdout, stderr } = await start(place, command).result();
  if (code !== 0) throw new Error(`${command.join(" ")}: ${signal ?? `exit code ${code}`}\n${stdout}${stderr}`);
  return stdout;
}

function start(place: Place, command: string[]): Running {
  return new Running(["setpriv", "--pdeathsig", "KILL", ...place(command)], command.join(" "), {
    timeoutMs: TIMEOUT_MS,
  });
}
