// docker run: create, start and, unless detached, stay in front of it.

import type { CreateRequest } from "../../container/index.ts";
import type { Engine, PullAccess } from "../../engine/index.ts";
import { BunkerError } from "../../errors.ts";
import { type CidFile, openCidFile } from "../cid-file.ts";
import { CREATE_FLAGS, type CreateValues, type StreamWord } from "../create-flags.ts";
import { buildCreateRequest } from "../create-request.ts";
import { dockerConfig, withProxies } from "../docker-config.ts";
import { chooseDetachKeys } from "../detach-keys.ts";
import { type EngineCalls, withEngine } from "../engine.ts";
import type { FlagValues } from "../flags.ts";
import { KEPT_FD_FLAGS, keptFds } from "../kept-fds.ts";
import { print } from "../output.ts";
import { pullAccess } from "../pull-flags.ts";
import { missingImage } from "../pull-words.ts";
import { collectRuntime } from "../runtime-flag.ts";
import { UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const FLAGS = {
  ...CREATE_FLAGS,
  detach: { kind: "boolean", short: "d", help: "Run container in background and print container ID" },
  "detach-keys": { kind: "string", help: "Override the key sequence for detaching a container" },
  ...KEPT_FD_FLAGS,
  rmi: { kind: "boolean", help: "Remove the image after the container, unless another one uses it; implies --rm" },
  "sig-proxy": { kind: "boolean", default: true, help: "Proxy received signals to the process" },
} as const;

type RunValues = FlagValues<typeof FLAGS>;

export const verb = defineVerb({
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  flags: FLAGS,
  arguments: { min: 1, max: ANY_NUMBER },
  interspersed: false,
  exitStyle: "run",
  completes: "image",
  examples: [
    "run --rm -it alpine sh",
    "run -d --name web -v ./site:/usr/share/nginx/html:ro nginx",
    "run --rm -e GREETING=hello busybox sh -c 'echo $GREETING'",
  ],
  async run({ values, given, positionals, globals }) {
    const env = withProxies(values.env, dockerConfig().proxies);
    const built = {
      ...buildCreateRequest({ ...values, env, rm: values.rm || values.rmi }, positionals, process.env),
      ...collectRuntime(values.runtime, globals),
    };
    const request: CreateRequest = values.rmi && !values.rootfs ? { ...built, removeImage: true } : built;
    if (values.detach && values.attach.length > 0) {
      throw new UsageError("conflicting options: cannot specify both --attach and --detach");
    }
    const detachKeys = chooseDetachKeys(values["detach-keys"]);
    const cidFile = openCidFile(values.cidfile);
    if (values.rmi) ensureRemovable(values, given);
    const kept = keptFds(values);
    const run = new Run({ request, values, access: pullAccess(values, given), detachKeys, cidFile, kept });
    try {
      return await withEngine(globals, (engine, calls) => run.start(engine, calls));
    } catch (error) {
      if (!run.started) cidFile?.discard();
      throw error;
    }
  },
});

/** docker: what -a names, else output and error, and input with -i. */
function attachedStreams(values: CreateValues): ReadonlySet<StreamWord> {
  if (values.attach.length > 0) return new Set(values.attach);
  return new Set(values.interactive ? ["stdin", "stdout", "stderr"] : ["stdout", "stderr"]);
}

/** @throws BunkerError where the container stays, and its image with it */
function ensureRemovable(values: RunValues, given: ReadonlySet<string>): void {
  if (given.has("rm") && !values.rm) throw new BunkerError("usage", "the --rmi option does not work without --rm");
}

interface RunOptions {
  request: CreateRequest;
  values: RunValues;
  access: PullAccess;
  detachKeys: string;
  cidFile: CidFile | null;
  kept: number[] | undefined;
}

class Run {
  /** Whether the process ran: from then on a failure is no failed start. */
  started = false;
  #id = "";
  readonly #options: RunOptions;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async start(engine: Engine, calls: EngineCalls): Promise<number> {
    using keeper = calls.hireKeeper(engine);
    const { request, values, detachKeys, kept } = this.#options;
    const { ensureTerminal, Session } = await import("../session.ts");
    const { openPullOutput } = await import("../pull-output.ts");
    const attached = values.detach ? new Set<StreamWord>() : attachedStreams(values);
    const [stdin, stdout, stderr] = [attached.has("stdin"), attached.has("stdout"), attached.has("stderr")];
    ensureTerminal({ stdin, tty: request.tty });
    const session = new Session({
      // `-a stdin` without -i: the container has no input to attach to.
      stdin: stdin && request.openStdin,
      stdout,
      stderr,
      tty: request.tty,
      detachKeys,
      sigProxy: values["sig-proxy"],
      onStarted: () => this.#onStarted(stdout || stderr),
    });
    const pull = openPullOutput({ stream: "stderr", quiet: values.quiet, before: missingImage(request) });
    try {
      const { id, end } = await calls.runContainer(engine, keeper, request, {
        detach: values.detach,
        replace: values.replace,
        access: this.#options.access,
        streams: values.detach ? null : session.streams,
        ...(kept === undefined ? {} : { keptFds: kept }),
        onCreated: (created) => {
          this.#id = created;
          this.#options.cidFile?.write(created);
          pull.finish();
          if (!values.detach) session.begin();
        },
        onWarning: (warning) => session.tell(`WARNING: ${warning}`),
        onPull: pull.onEvent,
      });
      this.started = true;
      if (end !== null) return session.finish(end);
      print(`${id}\n`);
      return 0;
    } finally {
      pull.finish();
      session.end();
    }
  }

  /** docker prints the id when no output will say that something runs (`-a stdin`). */
  #onStarted(hasOutput: boolean): void {
    this.started = true;
    if (!hasOutput) print(`${this.#id}\n`);
  }
}
