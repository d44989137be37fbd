// docker version: which bunker this is. There is no server to ask: client and engine are one.

import { printable, print } from "../output.ts";
import { compileTemplate, goJson, TemplateError } from "../template.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";
import { API_VERSION, readVersion } from "../version.ts";

/** docker's exit code of a template that does not parse, in version and inspect. */
const EXIT_BAD_TEMPLATE = 64;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64" };

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    format: { kind: "string", short: "f", help: "Format output using a custom template ('json' or a Go template)" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["version", "version --format '{{.Client.Version}}'"],
  async run({ values }) {
    const client = describeClient();
    const { format } = values;
    if (format === "json") print(`${goJson({ Client: client, Server: null })}\n`);
    else if (format !== null && format !== "") print(`${formatVersion(format, client)}\n`);
    else print(renderClient(client));
    return 0;
  },
});

function describeClient(): Record<string, string> {
  const { version, commit, built } = readVersion();
  return {
    Version: version,
    ApiVersion: API_VERSION,
    DefaultAPIVersion: API_VERSION,
    GitCommit: commit,
    BunVersion: Bun.version,
    Os: "linux",
    Arch: ARCHITECTURES[process.arch] ?? process.arch,
    BuildTime: built,
    Context: "default",
  };
}

/** Scripts ask for `.Server.Version` to learn the engine's: the engine is us. */
function formatVersion(format: string, client: Record<string, string>): string {
  try {
    const template = compileTemplate(format, { name: "version", escape: printable });
    return template.execute({ Client: client, Server: /\.Server\b/.test(format) ? client : null });
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new UsageError(`template parsing error: ${error.message}`, { exitCode: EXIT_BAD_TEMPLATE });
  }
}

function renderClient(client: Record<string, string>): string {
  const rows: [label: string, value: string][] = [
    ["Version", client["Version"] ?? ""],
    ["API version", API_VERSION],
    ["Bun version", client["BunVersion"] ?? ""],
    ["Git commit", client["GitCommit"] ?? ""],
    ["Built", client["BuildTime"] ?? ""],
    ["OS/Arch", `${client["Os"]}/${client["Arch"]}`],
    ["Context", "default"],
  ];
  // docker's columns: the values begin at the twentieth.
  return `Client:\n${rows.map(([label, value]) => ` ${`${label}:`.padEnd(19)}${value}\n`).join("")}`;
}
