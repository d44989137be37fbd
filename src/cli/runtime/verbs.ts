// The verbs of `bunker runtime`, in runc's words. Each is made for the flags before it.

import { resolve } from "node:path";
import { print } from "../output.ts";
import { parseSignal } from "../../container/index.ts";
import { UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb, type Verb } from "../verb.ts";
import { FEATURES } from "./features.ts";

export interface RuntimeSettings {
  /** Where the state of containers is; `null`: the user's own place. */
  root: string | null;
  /** Whether groups may be made. */
  groups: boolean;
}

const ONE = { min: 1, max: 1 };

const CREATE_FLAGS = {
  bundle: { kind: "string", short: "b", help: "Path of the bundle (default: the current directory)" },
  "console-socket": { kind: "string", help: "Socket to which the terminal's master is sent" },
  "no-pivot": { kind: "boolean", help: "Not supported", hidden: true },
  "pid-file": { kind: "string", help: "File to write the process's number to" },
  "preserve-fds": { kind: "integer", help: "Descriptors after the first three that the container gets" },
} as const;

const bundle = async (settings: RuntimeSettings) => {
  const engine = await (await import("../../engine/index.ts")).loadBundle();
  return { engine, states: engine.openBundleStates(settings.root) };
};

interface CreateValues {
  bundle: string | null;
  "console-socket": string | null;
  "no-pivot": boolean;
  "pid-file": string | null;
  "preserve-fds": number | null;
}

function createOrder(id: string, values: CreateValues, settings: RuntimeSettings) {
  if (values["no-pivot"]) {
    throw new UsageError("--no-pivot is not supported", {
      code: "unsupported",
      hint: "A root that is not pivoted into can be left by the container.",
    });
  }
  return {
    id,
    bundle: resolve(values.bundle ?? "."),
    pidFile: optionalPath(values["pid-file"]),
    consoleSocket: optionalPath(values["console-socket"]),
    preserved: preservedCount(values["preserve-fds"]),
    groups: settings.groups,
  };
}

function optionalPath(path: string | null): string | null {
  return path === null || path === "" ? null : resolve(path);
}

/** Descriptors of one message, less the streams. */
const MAX_PRESERVED = 13;

function preservedCount(count: number | null): number {
  if (count === null) return 0;
  if (count >= 0 && count <= MAX_PRESERVED) return count;
  throw new UsageError(`invalid argument "${count}" for "--preserve-fds" flag: 0 to ${MAX_PRESERVED} are possible`);
}

const create = (settings: RuntimeSettings): Verb =>
  defineVerb({
    usage: "[OPTIONS] CONTAINER",
    flags: CREATE_FLAGS,
    arguments: ONE,
    examples: ["runtime create --bundle /srv/web web"],
    async run({ values, positionals: [id = ""] }) {
      const { engine, states } = await bundle(settings);
      await engine.createBundle(states, createOrder(id, values, settings));
      return 0;
    },
  });

const run = (settings: RuntimeSettings): Verb =>
  defineVerb({
    usage: "[OPTIONS] CONTAINER",
    flags: CREATE_FLAGS,
    arguments: ONE,
    examples: ["runtime run --bundle /srv/web web"],
    async run({ values, positionals: [id = ""] }) {
      const { engine, states } = await bundle(settings);
      return engine.runBundle(states, createOrder(id, values, settings));
    },
  });

const start = (settings: RuntimeSettings): Verb =>
  defineVerb({
    usage: "CONTAINER",
    flags: {},
    arguments: ONE,
    examples: ["runtime start web"],
    async run({ positionals: [id = ""] }) {
      const { engine, states } = await bundle(settings);
      await engine.startBundle(states, id);
      return 0;
    },
  });

const state = (settings: RuntimeSettings): Verb =>
  defineVerb({
    usage: "CONTAINER",
    flags: {},
    arguments: ONE,
    examples: ["runtime state web"],
    async run({ positionals: [id = ""] }) {
      const { states } = await bundle(settings);
      print(`${JSON.stringify(states.state(id), null, 2)}\n`);
      return 0;
    },
  });

const kill = (settings: RuntimeSettings): Verb =>
  defineVerb({
    usage: "[OPTIONS] CONTAINER [SIGNAL]",
    flags: { all: { kind: "boolean", short: "a", help: "To all processes of the container" } },
    arguments: { min: 1, max: 2 },
    examples: ["runtime kill web KILL"],
    async run({ values, positionals: [id = "", word = "TERM"] }) {
      const number = parseSignal(word);
      const { engine, states } = await bundle(settings);
      engine.killBundle(states, id, { number, all: values.all });
      return 0;
    },
  });

const remove = (settings: RuntimeSettings): Verb =>
  defineVerb({
    usage: "[OPTIONS] CONTAINER",
    flags: {
      force: { kind: "boolean", short: "f", help: "Kill it first, if it runs; one that is not there is no error" },
    },
    arguments: ONE,
    examples: ["runtime delete --force web"],
    async run({ values: { force }, positionals: [id = ""] }) {
      const { engine, states } = await bundle(settings);
      try {
        await engine.deleteBundle(states, id, force);
      } catch (error) {
        if (!force || (error as { code?: unknown }).code !== "not-found") throw error;
      }
      return 0;
    },
  });

const list = (settings: RuntimeSettings): Verb =>
  defineVerb({
    usage: "[OPTIONS]",
    flags: {
      format: { kind: "string", short: "f", help: 'Format of the output ("table", "json")', shownDefault: '"table"' },
      quiet: { kind: "boolean", short: "q", help: "Only names" },
    },
    arguments: { min: 0, max: 0 },
    examples: ["runtime list"],
    async run({ values: { format, quiet } }) {
      if (![null, "table", "json"].includes(format)) throw new UsageError(`invalid format option: ${format}`);
      const { states } = await bundle(settings);
      const all = states.list().map((id) => states.state(id));
      if (quiet) print(all.map(({ id }) => `${id}\n`).join(""));
      else if (format === "json") print(`${JSON.stringify(all)}\n`);
      else {
        const { alignColumns } = await import("../table.ts");
        const rows = all.map(({ id, pid, status, bundle: place, created }) =>
          [id, pid, status, place, created].join("\t"),
        );
        print(alignColumns(["ID\tPID\tSTATUS\tBUNDLE\tCREATED", ...rows]));
      }
      return 0;
    },
  });

const exec = (settings: RuntimeSettings): Verb =>
  defineVerb({
    usage: "[OPTIONS] CONTAINER [COMMAND] [ARG...]",
    flags: {
      "console-socket": CREATE_FLAGS["console-socket"],
      cwd: { kind: "string", help: "Working directory" },
      detach: { kind: "boolean", short: "d", help: "Do not wait for it" },
      env: { kind: "list", short: "e", help: "Set environment variables" },
      "pid-file": CREATE_FLAGS["pid-file"],
      "preserve-fds": CREATE_FLAGS["preserve-fds"],
      process: { kind: "string", short: "p", help: "Path of a process.json" },
      tty: { kind: "boolean", short: "t", help: "With a terminal" },
      user: { kind: "string", short: "u", help: "UID[:GID]" },
    },
    arguments: { min: 1, max: ANY_NUMBER },
    interspersed: false,
    exitStyle: "exec",
    examples: ["runtime exec web ps"],
    async run({ values, positionals: [id = "", ...args] }) {
      const processFile = values.process === null ? null : resolve(values.process);
      if (processFile === null && args.length === 0) throw new UsageError("exec needs a command, or --process");
      if (values.user !== null && !/^\d+(?::\d+)?$/.test(values.user)) {
        throw new UsageError(`invalid argument "${values.user}" for "--user" flag: it is UID[:GID]`);
      }
      const { engine, states } = await bundle(settings);
      return engine.execInBundle(states, {
        id,
        processFile,
        args,
        cwd: values.cwd,
        env: values.env,
        user: values.user,
        terminal: values.tty,
        detach: values.detach,
        pidFile: optionalPath(values["pid-file"]),
        consoleSocket: optionalPath(values["console-socket"]),
        preserved: preservedCount(values["preserve-fds"]),
      });
    },
  });

const features = (): Verb =>
  defineVerb({
    usage: "",
    flags: {},
    arguments: { min: 0, max: 0 },
    examples: ["runtime features"],
    run() {
      print(`${JSON.stringify(FEATURES, null, 2)}\n`);
      return Promise.resolve(0);
    },
  });

export const RUNTIME_VERBS: Readonly<Record<string, (settings: RuntimeSettings) => Verb>> = {
  create,
  start,
  state,
  kill,
  delete: remove,
  exec,
  features,
  list,
  run,
};
