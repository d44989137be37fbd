// docker inspect, for whichever kinds of objects: a JSON array, or a template per object. Missing ones are told at the end.

import type { Engine } from "../engine/index.ts";
import { BunkerError } from "../errors.ts";
import type { Platform } from "../image/index.ts";
import { type EngineCalls, isTerminalOutput, withEngine } from "./engine.ts";
import { shapeInspection } from "./inspect-shape.ts";
import { print, printable, warn } from "./output.ts";
import { renderError } from "./report.ts";
import { compileTemplate, goJson, type Template, TemplateError } from "./template.ts";
import { UsageError } from "./usage.ts";
import type { GlobalOptions } from "./verb.ts";

export type ObjectKind = "container" | "image" | "volume" | "network";

export interface InspectionOptions {
  /** Looked up when the engine is open. */
  names: (engine: Engine, calls: EngineCalls) => readonly string[] | Promise<readonly string[]>;
  /** Tried in this order. */
  kinds: readonly ObjectKind[];
  format: string | null;
  size: boolean;
  /** Of images. */
  platform?: Platform | null;
  globals: GlobalOptions;
}

/** What `--help` says of --format. */
export const INSPECT_FORMAT_HELP = [
  "Format output using a custom template:",
  "'json':             Print in JSON format",
  "'TEMPLATE':         Print output using the given Go template",
].join("\n");

/** docker's exit code of a template that does not parse. */
const EXIT_BAD_TEMPLATE = 64;
const INDENT = 4;

/** @returns the exit code: 1 if one of the names is none */
export async function inspectObjects(options: InspectionOptions): Promise<number> {
  const { format } = options;
  const asTemplate = format !== null && format !== "" && format !== "json";
  if (asTemplate) compile(format, false);
  return withEngine(options.globals, async (engine, calls) => {
    const found: unknown[] = [];
    const failures: BunkerError[] = [];
    for (const name of await options.names(engine, calls)) {
      try {
        found.push(await inspectOne({ engine, calls, name }, options));
      } catch (error) {
        if (!(error instanceof BunkerError)) throw error;
        failures.push(error);
      }
    }
    if (asTemplate) printTemplate(compile(format, await isTerminalOutput()), found);
    else print(`${format === "json" ? goJson(found) : prettyJson(found)}\n`);
    for (const failure of failures) warn(renderError(failure));
    return failures.length === 0 ? 0 : 1;
  });
}

interface Asked {
  engine: Engine;
  calls: EngineCalls;
  name: string;
}

async function inspectOne({ engine, calls, name }: Asked, options: InspectionOptions): Promise<unknown> {
  for (const kind of options.kinds) {
    try {
      if (kind === "image") {
        calls.ensurePlatform(engine, name, options.platform ?? null);
        return calls.inspectImage(engine, name);
      }
      if (kind === "volume") return (await calls.loadVolumes()).inspectVolume(engine, name);
      if (kind === "network") return (await calls.loadNetworks()).inspectNetwork(engine, name);
      const inspection = calls.inspectContainer(engine, name);
      return options.size ? await withSize({ engine, calls, name }, inspection) : inspection;
    } catch (error) {
      // docker: what cannot be a name of this kind may be one of the next.
      const missing = error instanceof BunkerError && /^(not-found|invalid-reference)$/.test(error.code);
      if (!missing || options.kinds.length === 1) throw error;
    }
  }
  throw new BunkerError("not-found", `no such object: ${name}`, {
    hint: "`bunker ps -a` and `bunker images` list what there is.",
  });
}

async function withSize(
  { engine, calls }: Asked,
  inspection: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const id = String(inspection["Id"]);
  const size = (await calls.measureContainers(engine, [id])).get(id);
  return { ...inspection, SizeRw: size?.written ?? 0, SizeRootFs: size?.total ?? 0 };
}

function compile(format: string, escape: boolean): Template {
  return explained(() => compileTemplate(format, escape ? { escape: printable } : {}), EXIT_BAD_TEMPLATE);
}

function printTemplate(template: Template, found: readonly unknown[]): void {
  for (const object of found) print(`${explained(() => template.execute(shapeInspection(object)), 1)}\n`);
}

function explained<T>(action: () => T, exitCode: number): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new UsageError(`template parsing error: ${error.message}`, {
      exitCode,
      hint: "Without --format the whole object is shown; its fields are written .Like.This.",
    });
  }
}

/** docker's four spaces; an empty list on one line. */
function prettyJson(value: unknown): string {
  return JSON.stringify(JSON.parse(goJson(value)), null, INDENT).replace(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    escapeUnicode,
  );
}

function escapeUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
