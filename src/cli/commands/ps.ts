// docker ps.

import type { Engine } from "../../engine/index.ts";
import { parseContainerFilter } from "../container-filter.ts";
import { factsOf } from "../container-facts.ts";
import {
  CONTAINER_LISTING,
  type ContainerFacts,
  containerRow,
  NAMESPACE_LISTING,
  namespaceFields,
} from "../container-row.ts";
import { dockerConfig } from "../docker-config.ts";
import { type EngineCalls, isTerminalOutput, withEngine } from "../engine.ts";
import { parseFilterWord } from "../filter.ts";
import type { FlagValues } from "../flags.ts";
import { FORMAT_HELP, formatRows, NOHEADING_FLAG } from "../format.ts";
import { CONTAINER_ORDERS, inOrder, orderFlag } from "../order.ts";
import { flush, print } from "../output.ts";
import { shortId } from "../units.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

/** Clears the terminal and begins at its top (ECMA-48 CUP, ED). */
const CLEAR = "\u001b[H\u001b[2J";

const FLAGS = {
  all: { kind: "boolean", short: "a", help: "Show all containers (default shows just running)" },
  filter: {
    kind: "list",
    short: "f",
    placeholder: "filter",
    help: "Filter output based on conditions provided",
    parse: parseFilterWord,
  },
  format: { kind: "string", help: FORMAT_HELP },
  last: {
    kind: "integer",
    short: "n",
    help: "Show n last created containers (includes all states)",
    shownDefault: "-1",
  },
  latest: { kind: "boolean", short: "l", help: "Show the latest created container (includes all states)" },
  namespace: { kind: "boolean", help: "Display namespace information", aliases: ["ns"] },
  "no-trunc": { kind: "boolean", help: "Don't truncate output" },
  noheading: NOHEADING_FLAG,
  pod: { kind: "boolean", short: "p", help: "Display the pods that the containers belong to" },
  quiet: { kind: "boolean", short: "q", help: "Only display container IDs" },
  size: { kind: "boolean", short: "s", help: "Display total file sizes" },
  sort: orderFlag(CONTAINER_ORDERS),
  watch: {
    kind: "integer",
    short: "w",
    placeholder: "seconds",
    help: "Show the containers again and again, at this interval",
  },
} as const;

type Values = FlagValues<typeof FLAGS>;

interface Opened {
  engine: Engine;
  calls: EngineCalls;
}

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: FLAGS,
  arguments: { min: 0, max: 0 },
  examples: ["ps -a", "ps --filter status=exited -q", "ps --format 'table {{.Names}}\\t{{.Status}}'"],
  run({ values, globals }) {
    const filter = parseContainerFilter(values.filter);
    const { watch } = values;
    if (watch !== null && watch < 1) throw new UsageError("--watch needs a number of seconds, at least 1");
    const format = values.format ?? (values.quiet ? null : dockerConfig().psFormat);
    if (values.namespace && values.size) {
      throw new UsageError("--size and --namespace cannot be used together");
    }
    return withEngine(globals, async (engine, calls) => {
      const clear = watch !== null && (await isTerminalOutput()) ? CLEAR : "";
      for (;;) {
        print(clear + (await render({ engine, calls }, { ...values, format }, filter)));
        if (watch === null) return 0;
        // Ends, too, when nobody reads any more.
        await flush();
        await Bun.sleep(watch * 1000);
      }
    });
  },
});

/** The listing as it is now. */
async function render(
  opened: Opened,
  values: Values,
  filter: ReturnType<typeof parseContainerFilter>,
): Promise<string> {
  const chosen = await choose(opened, values, filter);
  const { format, noheading } = values;
  const truncate = !values["no-trunc"];
  if (values.quiet && format === null) return chosen.map(({ id }) => `${truncate ? shortId(id) : id}\n`).join("");
  const options = { format, noheading, escape: await isTerminalOutput() };
  const now = new Date();
  const rows = chosen.map((facts) => containerRow(facts, { now, truncate }));
  if (values.namespace) {
    const { readNamespaces } = await opened.calls.loadNamespaces();
    const fields = chosen.map(({ pid }) => namespaceFields(pid, readNamespaces(pid)));
    return formatRows(
      NAMESPACE_LISTING,
      rows.map((row, at) => ({ ...row, ...fields[at] })),
      options,
    );
  }
  const columns = [
    ...CONTAINER_LISTING.columns,
    ...(values.size ? ["Size"] : []),
    ...(values.pod ? ["Pod", "PodName"] : []),
  ];
  // There are none yet, so nobody belongs to one.
  const shown = values.pod ? rows.map((row) => ({ ...row, Pod: "", PodName: "" })) : rows;
  return formatRows({ ...CONTAINER_LISTING, columns }, shown, options);
}

async function choose(
  { engine, calls }: Opened,
  values: Values,
  filter: ReturnType<typeof parseContainerFilter>,
): Promise<readonly ContainerFacts[]> {
  const last = values.latest ? 1 : (values.last ?? -1);
  const runningOnly = !values.all && !filter.all && last <= 0;
  const views = calls.listContainers(engine, { active: runningOnly && !filter.comparing });
  const networks = calls.networkFacts(engine);
  let chosen = filter.apply(views.map((view) => factsOf(view, networks)));
  if (runningOnly) chosen = chosen.filter(({ status }) => status === "running" || status === "paused");
  chosen.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  if (last > 0) chosen = chosen.slice(0, last);
  if (values.size || values.sort === "size" || /\.Size\b/.test(values.format ?? "")) {
    const sizes = await calls.measureContainers(
      engine,
      chosen.map(({ id }) => id),
    );
    chosen = chosen.map((facts) => ({ ...facts, size: sizes.get(facts.id) ?? null }));
  }
  return inOrder(chosen, CONTAINER_ORDERS, values.sort);
}
