// docker info: the engine and the host it stands on, with the reasons for what was chosen.

import { withEngine } from "../engine.ts";
import { print, printable, warn } from "../output.ts";
import { compileTemplate, goJson, TemplateError } from "../template.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";
import { readVersion } from "../version.ts";

/** docker's exit code of a template that does not parse. */
const EXIT_BAD_TEMPLATE = 64;
const GIB = 1 << 30;

type Info = ReturnType<typeof describe>;

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    format: { kind: "string", short: "f", help: "Format output using a custom template ('json' or a Go template)" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["info", "info --format '{{.Driver}}'"],
  run({ values: { format }, globals }) {
    return withEngine(globals, async (engine, calls) => {
      const { describeEngine } = await calls.loadInfo();
      const info = describe(describeEngine(engine));
      if (format === "json") print(`${goJson(info)}\n`);
      else if (format !== null && format !== "") print(`${formatInfo(format, info)}\n`);
      else {
        print(render(info));
        for (const warning of info.Warnings) warn(`WARNING: ${printable(warning)}\n`);
      }
      return 0;
    });
  },
});

type Described = ReturnType<Awaited<ReturnType<EngineInfo>>["describeEngine"]>;
type EngineInfo = import("../engine.ts").EngineCalls["loadInfo"];

/** The engine's own version comes from the program. */
function describe(engine: Described): Described & { ServerVersion: string; ClientInfo: Record<string, unknown> } {
  const { version } = readVersion();
  return { ...engine, ServerVersion: version, ClientInfo: { Version: version, Context: "default", Plugins: [] } };
}

function formatInfo(format: string, info: Info): string {
  try {
    return compileTemplate(format, { name: "info", escape: printable }).execute(info);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new UsageError(`template parsing error: ${error.message}`, { exitCode: EXIT_BAD_TEMPLATE });
  }
}

function render(info: Info): string {
  const line = (depth: number, label: string, value: unknown): string =>
    `${" ".repeat(depth)}${label}: ${printable(String(value))}\n`;
  const fields = (depth: number, names: [label: string, field: string][]): string =>
    names.map(([label, field]) => line(depth, label, info[field])).join("");
  return [
    "Client:\n",
    line(1, "Version", info.ServerVersion),
    line(1, "Context", "default"),
    "\nServer:\n",
    fields(1, [["Containers", "Containers"]]),
    fields(2, [
      ["Running", "ContainersRunning"],
      ["Paused", "ContainersPaused"],
      ["Stopped", "ContainersStopped"],
    ]),
    fields(1, [
      ["Images", "Images"],
      ["Server Version", "ServerVersion"],
      ["Storage Driver", "Driver"],
    ]),
    (info["DriverStatus"] as [string, string][]).map(([label, value]) => line(2, label, value)).join(""),
    fields(1, [
      ["Logging Driver", "LoggingDriver"],
      ["Cgroup Driver", "CgroupDriver"],
      ["Cgroup Version", "CgroupVersion"],
    ]),
    " Security Options:\n",
    (info["SecurityOptions"] as string[]).map((option) => `  ${option.replace(/^name=/, "").split(",")[0]}\n`).join(""),
    fields(1, [
      ["Kernel Version", "KernelVersion"],
      ["Operating System", "OperatingSystem"],
      ["OSType", "OSType"],
      ["Architecture", "Architecture"],
      ["CPUs", "NCPU"],
    ]),
    line(1, "Total Memory", `${(Number(info["MemTotal"]) / GIB).toFixed(2)}GiB`),
    fields(1, [
      ["Name", "Name"],
      ["Docker Root Dir", "DockerRootDir"],
    ]),
    " Chosen:\n",
    info.Choices.map(({ what, chosen, why }) => line(2, what, `${chosen} (${why})`)).join(""),
  ].join("");
}
