// docker exec: one more process in a running container.

import type { ExecRequest } from "../../container/index.ts";
import { parseWorkdir } from "../create-request.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import { withEngine } from "../engine.ts";
import { collectEnvironment, parseEnvironmentWord } from "../environment.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  flags: {
    detach: { kind: "boolean", short: "d", help: "Detached mode: run command in the background" },
    "detach-keys": { kind: "string", help: "Override the key sequence for detaching a container" },
    env: { kind: "list", short: "e", help: "Set environment variables", parse: parseEnvironmentWord },
    "env-file": { kind: "list", help: "Read in a file of environment variables" },
    interactive: { kind: "boolean", short: "i", help: "Keep STDIN open even if not attached" },
    tty: { kind: "boolean", short: "t", help: "Allocate a pseudo-TTY" },
    user: { kind: "string", short: "u", help: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
    workdir: { kind: "string", short: "w", help: "Working directory inside the container" },
  },
  arguments: { min: 2, max: ANY_NUMBER },
  interspersed: false,
  exitStyle: "exec",
  completes: "running",
  examples: ["exec -it web sh", "exec web nginx -s reload", "exec -u postgres db psql -c 'select 1'"],
  async run({ values, positionals, globals }) {
    const [container = "", ...command] = positionals;
    const detachKeys = parseDetachKeys(values["detach-keys"]);
    const request: ExecRequest = {
      container,
      command,
      env: collectEnvironment(values["env-file"], values.env, process.env),
      user: values.user === "" ? null : values.user,
      workdir: parseWorkdir(values.workdir),
      tty: values.tty,
      openStdin: values.interactive,
      detach: values.detach,
      detachKeys,
    };
    const { ensureTerminal, Session } = await import("../session.ts");
    return withEngine(globals, async (engine, { execInContainer }) => {
      if (values.detach) {
        await execInContainer(engine, request, null);
        return 0;
      }
      const { tty, interactive: stdin } = values;
      ensureTerminal({ stdin, tty });
      // docker's exec hands no signals on.
      const session = new Session({ stdin, stdout: true, stderr: true, tty, detachKeys, sigProxy: false });
      try {
        session.begin();
        const end = await execInContainer(engine, request, session.streams);
        return end === null ? 0 : session.finish(end);
      } finally {
        session.end();
      }
    });
  },
});
