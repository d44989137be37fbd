// docker exec: one more process in a running container.

import type { ExecRequest } from "../../container/index.ts";
import { parseWorkdir } from "../create-request.ts";
import { chooseDetachKeys } from "../detach-keys.ts";
import { withEngine } from "../engine.ts";
import { collectEnvironment, parseEnvironmentWord } from "../environment.ts";
import { KEPT_FD_FLAGS, keptFds } from "../kept-fds.ts";
import { ensureArgumentCount } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER COMMAND [ARG...]";
/** podman: the words are all the command's where the container is not named among them. */
const UNNAMED_HELP = "the words are the command alone";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    cidfile: { kind: "string", placeholder: "file", help: `Read the container ID from the file: ${UNNAMED_HELP}` },
    detach: { kind: "boolean", short: "d", help: "Detached mode: run command in the background" },
    "detach-keys": { kind: "string", help: "Override the key sequence for detaching a container" },
    env: { kind: "list", short: "e", help: "Set environment variables", parse: parseEnvironmentWord },
    "env-file": { kind: "list", help: "Read in a file of environment variables" },
    interactive: { kind: "boolean", short: "i", help: "Keep STDIN open even if not attached" },
    latest: {
      kind: "boolean",
      short: "l",
      help: `Act on the container that was created last: ${UNNAMED_HELP}`,
    },
    ...KEPT_FD_FLAGS,
    privileged: { kind: "boolean", help: "Give extended privileges to the command" },
    tty: { kind: "boolean", short: "t", help: "Allocate a pseudo-TTY" },
    user: { kind: "string", short: "u", help: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
    workdir: { kind: "string", short: "w", help: "Working directory inside the container" },
  },
  arguments: { min: 0, max: ANY_NUMBER },
  interspersed: false,
  exitStyle: "exec",
  completes: "running",
  examples: ["exec -it web sh", "exec web nginx -s reload", "exec -u postgres db psql -c 'select 1'"],
  async run({ path, values, positionals, globals }) {
    const choose = await planContainer(path, values, positionals);
    const detachKeys = chooseDetachKeys(values["detach-keys"]);
    const kept = keptFds(values);
    const request: Omit<ExecRequest, "container"> = {
      command: choose === null ? positionals.slice(1) : positionals,
      env: collectEnvironment(values["env-file"], values.env, process.env),
      user: values.user === "" ? null : values.user,
      workdir: parseWorkdir(values.workdir),
      tty: values.tty,
      openStdin: values.interactive,
      privileged: values.privileged,
      detach: values.detach,
      detachKeys,
      ...(kept === undefined ? {} : { keptFds: kept }),
    };
    const { ensureTerminal, Session } = await import("../session.ts");
    return withEngine(globals, async (engine, calls) => {
      const asked = { ...request, container: choose?.(engine, calls) ?? positionals[0] ?? "" };
      if (values.detach) {
        await calls.execInContainer(engine, asked, null);
        return 0;
      }
      const { tty, interactive: stdin } = values;
      ensureTerminal({ stdin, tty });
      // docker's exec hands no signals on.
      const session = new Session({ stdin, stdout: true, stderr: true, tty, detachKeys, sigProxy: false });
      try {
        session.begin();
        const end = await calls.execInContainer(engine, asked, session.streams);
        return end === null ? 0 : session.finish(end);
      } finally {
        session.end();
      }
    });
  },
});

/** `null`: the first word names it, which is nearly always so and needs nothing loaded. */
async function planContainer(
  path: string,
  { latest, cidfile }: { latest: boolean; cidfile: string | null },
  words: readonly string[],
): Promise<ReturnType<typeof import("../choice.ts").planOne> | null> {
  const named = !latest && cidfile === null;
  ensureArgumentCount(path, { usage: USAGE, arguments: { min: named ? 2 : 1, max: ANY_NUMBER } }, words.length);
  if (named) return null;
  const { planOne } = await import("../choice.ts");
  return planOne({ path, usage: USAGE, positionals: [] }, { latest, cidfile: cidfile === null ? [] : [cidfile] });
}
