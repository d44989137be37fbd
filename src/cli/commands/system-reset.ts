// podman system reset: as if nothing had ever been made or pulled.

import { confirm } from "../confirm.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: { force: { kind: "boolean", short: "f", help: "Do not prompt for confirmation" } },
  arguments: { min: 0, max: 0 },
  examples: ["system reset", "system reset --force"],
  run({ values, globals }) {
    return withEngine(globals, async (engine, calls) => {
      const { dataHome } = engine.store.layout;
      const kinds = ["all containers, running ones too", "all images", "all volumes, and what is in them"];
      const list = [...kinds, `all of it below ${printable(dataHome)}`].map((kind) => `\n  - ${kind}`).join("");
      if (!values.force) await confirm(`This will remove:${list}`, "system reset");
      const { resetStore } = await calls.loadReset();
      await resetStore(engine);
      return 0;
    });
  },
});
