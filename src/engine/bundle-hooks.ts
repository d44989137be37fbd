// A bundle's hooks (runtime specification, POSIX-platform Hooks): programs of the caller's, in the caller's namespaces, told the
// container's state on their standard input.

import type { Hook } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { StateDocument } from "./bundle-state.ts";

const MILLISECONDS = 1000;

/** One after the other; the first that fails is an error. @throws BunkerError system */
export async function runHooks(kind: string, hooks: readonly Hook[], state: StateDocument): Promise<void> {
  for (const hook of hooks) await runHook(kind, hook, state);
}

async function runHook(kind: string, hook: Hook, state: StateDocument): Promise<void> {
  const failed = (reason: string): BunkerError =>
    new BunkerError("system", `running the ${kind} hook "${hook.path}": ${reason}`);
  const [argv0 = hook.path, ...rest] = hook.args;
  const env = Object.fromEntries(hook.env.map((entry) => splitEntry(entry)));
  let child: Bun.Subprocess<Uint8Array, "ignore", "pipe">;
  try {
    child = Bun.spawn([hook.path, ...rest], {
      argv0,
      env,
      stdin: new TextEncoder().encode(JSON.stringify(state)),
      stdout: "ignore",
      stderr: "pipe",
      ...(hook.timeout === null ? {} : { timeout: hook.timeout * MILLISECONDS, killSignal: "SIGKILL" }),
    });
  } catch (error) {
    throw failed((error as Error).message);
  }
  const said = await new Response(child.stderr).text();
  const code = await child.exited;
  if (code !== 0) throw failed(`exit code ${code}${said.trim() === "" ? "" : `: ${said.trim()}`}`);
}

function splitEntry(entry: string): [name: string, value: string] {
  const equals = entry.indexOf("=");
  return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
}
