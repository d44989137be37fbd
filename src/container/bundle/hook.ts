// config.json's hooks: those that run where the runtime does. The others would be the caller's programs inside the container.

import type { Field } from "./field.ts";

export interface Hook {
  path: string;
  args: string[];
  env: string[];
  /** Seconds. */
  timeout: number | null;
}

export interface Hooks {
  /** Before the root is changed: `prestart`, then `createRuntime`. */
  create: Hook[];
  poststart: Hook[];
  poststop: Hook[];
}

const MAX_TIMEOUT = 86_400;

/** @throws BunkerError by the field's name */
export function planHooks(hooks: Field): Hooks {
  hooks.ensureNone("createContainer", "startContainer");
  const read = (name: string): Hook[] => hooks.at(name).list().map(planHook);
  return {
    create: [...read("prestart"), ...read("createRuntime")],
    poststart: read("poststart"),
    poststop: read("poststop"),
  };
}

function planHook(hook: Field): Hook {
  const path = hook.at("path").absolutePath();
  const args = hook.at("args").texts();
  const timeout = hook.at("timeout").integer(1, MAX_TIMEOUT) ?? null;
  return { path, args: args.length === 0 ? [path] : args, env: hook.at("env").texts(), timeout };
}
