// An installed OCI runtime that is to make a container instead of us: which program that is, and what cannot be asked of it. Loaded
// only where one is named.

import { accessSync, constants, statSync } from "node:fs";
import { type CreateRequest, KEEP_GROUPS, type SandboxSpec } from "../container/index.ts";
import { BunkerError } from "../errors.ts";

type Runtime = NonNullable<SandboxSpec["runtime"]>;

/** Where distributions put runtimes, some of it not in a user's PATH. */
const SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The program as it is at this moment. @throws BunkerError in docker's words */
export function findRuntime({ name, flags }: NonNullable<CreateRequest["runtime"]>): Runtime {
  const program = name.includes("/") ? name : Bun.which(name, { PATH: `${process.env["PATH"] ?? ""}:${SYSTEM}` });
  if (program !== null && isProgram(program)) return { program, flags };
  throw new BunkerError("usage", `unknown or invalid runtime name: ${name}`, {
    hint: 'It is the name of an installed program like crun or runc, or its path; "bunker" is the built-in one.',
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Before anything is made. @throws BunkerError usage, unsupported */
export function ensureRuntime(request: CreateRequest): void {
  if (request.runtime === undefined) return;
  const { program } = findRuntime(request.runtime);
  if (request.spaces?.pid?.startsWith("container:") === true) {
    throw notWith("--pid container", request.runtime.name);
  }
  // It would have to mount what is the caller's, who is nobody there.
  const { kind } = request.userns ?? {};
  if (kind === "nomap" || kind === "auto") throw notWith(`--userns ${kind}`, request.runtime.name);
  const isCrun = (program.split("/").at(-1) ?? "").includes("crun");
  if (request.groupAdd?.includes(KEEP_GROUPS) === true && !isCrun) {
    throw notWith(`--group-add ${KEEP_GROUPS}`, request.runtime.name);
  }
}

function notWith(flag: string, name: string): BunkerError {
  return new BunkerError("unsupported", `${flag} is not supported together with --runtime ${name}`, {
    hint: "The built-in runtime can do that.",
  });
}
