// docker volume create.

import { BunkerError } from "../../errors.ts";
import { withEngine } from "../engine.ts";
import { parseLabelWord } from "../environment.ts";
import { print } from "../output.ts";
import { defineVerb } from "../verb.ts";

const DRIVER = "local";

export const verb = defineVerb({
  usage: "[OPTIONS] [VOLUME]",
  flags: {
    driver: { kind: "string", short: "d", help: "Specify volume driver name", shownDefault: '"local"' },
    label: { kind: "list", help: "Set metadata for a volume", parse: parseLabelWord },
    opt: { kind: "list", short: "o", placeholder: "map", help: "Set driver specific options" },
  },
  arguments: { min: 0, max: 1 },
  examples: ["volume create data", "volume create --label owner=me"],
  run({ values, positionals, globals }) {
    const driver = values.driver ?? DRIVER;
    if (driver !== DRIVER) {
      throw new BunkerError("unsupported", `the volume driver "${driver}" is not supported`, {
        hint: "Volumes are directories of the data home: the driver is local.",
      });
    }
    const [option] = values.opt;
    if (option !== undefined) {
      throw new BunkerError("unsupported", `the volume option "${option}" is not supported`, {
        hint: "Mounting devices or network shares needs root: mount it yourself and bind it with -v.",
      });
    }
    return withEngine(globals, async (engine, calls) => {
      const { createVolume } = await calls.loadVolumes();
      // An empty name is none, for docker and podman: scripts write `volume create "$NAME"`.
      const [name = ""] = positionals;
      print(`${createVolume(engine, name === "" ? null : name, Object.fromEntries(values.label))}\n`);
      return 0;
    });
  },
});
