// docker attach: in front of a running container.

import { LATEST_FLAG, planOne } from "../choice.ts";
import { chooseDetachKeys } from "../detach-keys.ts";
import { withEngine } from "../engine.ts";
import { UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    "detach-keys": { kind: "string", help: "Override the key sequence for detaching a container" },
    latest: LATEST_FLAG,
    "no-stdin": { kind: "boolean", help: "Do not attach STDIN" },
    "sig-proxy": { kind: "boolean", default: true, help: "Proxy all received signals to the process" },
  },
  arguments: { min: 0, max: ANY_NUMBER },
  completes: "running",
  examples: ["attach web", "attach --no-stdin web"],
  async run({ path, values, positionals, globals }) {
    const choose = planOne({ path, usage: USAGE, positionals }, { latest: values.latest });
    const detachKeys = chooseDetachKeys(values["detach-keys"]);
    const { ensureTerminal, Session } = await import("../session.ts");
    return withEngine(globals, async (engine, calls) => {
      const name = choose(engine, calls);
      const view = calls.viewContainer(engine, name);
      if (view.status !== "running") {
        throw new UsageError("you cannot attach to a stopped container, start it first", {
          code: "not-running",
          hint: `\`bunker start -a ${view.record.name}\` does both.`,
        });
      }
      if (view.paused) {
        throw new UsageError("you cannot attach to a paused container, unpause it first", {
          code: "conflict",
          hint: `\`bunker unpause ${view.record.name}\` does that.`,
        });
      }
      const { tty, openStdin } = view.record.config.request;
      const stdin = openStdin && !values["no-stdin"];
      ensureTerminal({ stdin, tty });
      const session = new Session({
        stdin,
        stdout: true,
        stderr: true,
        tty,
        detachKeys,
        sigProxy: values["sig-proxy"] && !tty,
      });
      try {
        session.begin();
        return session.finish(await calls.attachContainer(engine, name, session.streams));
      } finally {
        session.end();
      }
    });
  },
});
