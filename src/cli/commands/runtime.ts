// bunker runtime: our sandbox as other engines call it, with runc's command line. Its own flags come first, then its own verbs.

import { setLogLevel } from "../../log.ts";
import { print, warn } from "../output.ts";
import { RUNTIME_VERBS, type RuntimeSettings } from "../runtime/verbs.ts";
import { UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb, type GlobalOptions, type Verb } from "../verb.ts";
import { lookup } from "../verbs.ts";
import { shortVersion } from "../version.ts";

const FORMATS = ["text", "json"];
const MANAGERS = ["cgroupfs", "disabled"];
/** What engines look for in the answer to --version. */
const SPEC_VERSION = "1.2.0";

export const verb = defineVerb({
  usage: `[OPTIONS] ${Object.keys(RUNTIME_VERBS).join("|")} [ARG...]`,
  flags: {
    "cgroup-manager": {
      kind: "string",
      help: 'How groups are made ("cgroupfs", "disabled")',
      shownDefault: '"cgroupfs"',
    },
    debug: { kind: "boolean", help: "Enable debug mode" },
    log: { kind: "string", help: "File to which errors are written too" },
    "log-format": { kind: "string", help: 'Format of that file ("text", "json")', shownDefault: '"text"' },
    root: { kind: "string", help: "Directory for the state of containers" },
    "systemd-cgroup": { kind: "boolean", help: "Not supported", hidden: true },
    version: { kind: "boolean", short: "v", help: "Print version information and quit" },
  },
  arguments: { min: 0, max: ANY_NUMBER },
  interspersed: false,
  completes: "none",
  examples: ["runtime create --bundle /srv/web web", "runtime start web", "runtime state web"],
  async run({ path, values, positionals, globals }) {
    if (values.debug) setLogLevel("debug");
    if (values.version) {
      print(`bunker-runtime version ${shortVersion().replace(/^\D+/, "")}\nspec: ${SPEC_VERSION}\n`);
      return 0;
    }
    const format = oneOf("--log-format", values["log-format"] ?? "text", FORMATS);
    try {
      if (values["systemd-cgroup"]) {
        throw new UsageError("--systemd-cgroup is not supported", {
          code: "unsupported",
          hint: "Tell the engine to make groups itself: podman --cgroup-manager=cgroupfs.",
        });
      }
      const manager = oneOf("--cgroup-manager", values["cgroup-manager"] ?? "cgroupfs", MANAGERS);
      return await runVerb({ path, globals, positionals }, { root: values.root, groups: manager !== "disabled" });
    } catch (error) {
      if (values.log !== null) await writeLog(values.log, format, error);
      throw error;
    }
  },
});

function oneOf(flag: string, word: string, known: readonly string[]): string {
  if (known.includes(word)) return word;
  throw new UsageError(`invalid argument "${word}" for "${flag}" flag`, { hint: `It is one of ${known.join(", ")}.` });
}

interface Asked {
  path: string;
  globals: GlobalOptions;
  positionals: readonly string[];
}

async function runVerb({ path, globals, positionals }: Asked, settings: RuntimeSettings): Promise<number> {
  const [name = "", ...words] = positionals;
  const make = lookup(RUNTIME_VERBS, name);
  if (make === undefined) {
    throw new UsageError(name === "" ? `'${path}' requires a command` : `unknown command: ${path} ${name}`, {
      hint: `See '${path} --help'.`,
    });
  }
  const own: Verb = make(settings);
  const parsed = own.parse(words);
  const ownPath = `${path} ${name}`;
  if (!parsed.help) return own.run(ownPath, parsed, globals);
  const { verbHelp } = await import("../help.ts");
  print(verbHelp(`runtime ${name}`, ownPath, own));
  return 0;
}

/** As runc writes it: engines read the last line. */
async function writeLog(path: string, format: string, error: unknown): Promise<void> {
  const { appendFileSync } = await import("node:fs");
  const msg = error instanceof Error ? error.message : String(error);
  const time = new Date().toISOString();
  const line =
    format === "json"
      ? JSON.stringify({ level: "error", msg, time })
      : `time="${time}" level=error msg=${JSON.stringify(msg)}`;
  try {
    appendFileSync(path, `${line}\n`);
  } catch (cause) {
    const { BunkerError } = await import("../../errors.ts");
    const { renderError } = await import("../report.ts");
    warn(renderError(new BunkerError("usage", `writing "${path}": ${(cause as Error).message}`, { cause })));
  }
}
