// docker system df: what images, containers and volumes take on the disk.

import { usageRows, type UsageSection, USAGE_LISTING, usageSections } from "../disk-usage-row.ts";
import { isTerminalOutput, withEngine } from "../engine.ts";
import { FORMAT_HELP, formatRows } from "../format.ts";
import { print, printable } from "../output.ts";
import { compileTemplate, goJson, TemplateError } from "../template.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    format: { kind: "string", help: FORMAT_HELP },
    verbose: { kind: "boolean", short: "v", help: "Show detailed information on space usage" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["system df", "system df -v", "system df --format '{{.Type}}: {{.Size}}'"],
  run({ values: { format, verbose }, globals }) {
    return withEngine(globals, async (engine, calls) => {
      const { measureDisk } = await calls.loadDiskUsage();
      const usage = await measureDisk(engine);
      const escape = await isTerminalOutput();
      if (!verbose) {
        print(await formatRows(USAGE_LISTING, usageRows(usage), { format, escape }));
        return 0;
      }
      const asTable = format === null || format === "" || format === "table";
      const { mountpoint } = await calls.loadVolumes();
      const sections = usageSections(usage, {
        now: new Date(),
        truncate: asTable,
        networks: calls.networkFacts(engine),
        mountpoint: (name) => mountpoint(engine, name),
      });
      print(asTable ? await renderTables(sections) : renderWhole(sections, { format, escape }));
      return 0;
    });
  },
});

async function renderTables(sections: readonly UsageSection[]): Promise<string> {
  const tables = sections.map(async ({ title, listing, rows }) => {
    return `${title}\n\n${await formatRows(listing, rows, { format: null, escape: true })}`;
  });
  return (await Promise.all(tables)).join("\n");
}

/** As one object, for `json` or a template that goes through it. */
function renderWhole(sections: readonly UsageSection[], options: { format: string; escape: boolean }): string {
  const whole = Object.fromEntries(sections.map(({ name, rows }) => [name, rows]));
  if (options.format === "json") return `${goJson(whole, { html: true })}\n`;
  try {
    const source = options.format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
    return `${compileTemplate(source, options.escape ? { escape: printable } : {}).execute(whole)}\n`;
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new UsageError(`failed to parse template: ${error.message}`, {
      hint: "With -v the lists are .Images, .Containers, .Volumes and .BuildCache.",
    });
  }
}
