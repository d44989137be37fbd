// docker create: everything of run but the start. Prints the id.

import { openCidFile } from "../cid-file.ts";
import { CREATE_FLAGS } from "../create-flags.ts";
import { buildCreateRequest } from "../create-request.ts";
import { dockerConfig, withProxies } from "../docker-config.ts";
import { withEngine } from "../engine.ts";
import { print, printable, warn } from "../output.ts";
import { pullAccess } from "../pull-flags.ts";
import { missingImage } from "../pull-words.ts";
import { collectRuntime } from "../runtime-flag.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  flags: CREATE_FLAGS,
  arguments: { min: 1, max: ANY_NUMBER },
  interspersed: false,
  completes: "image",
  examples: ["create --name job alpine echo hello", "start -a job"],
  async run({ values, given, positionals, globals }) {
    const env = withProxies(values.env, dockerConfig().proxies);
    const request = {
      ...buildCreateRequest({ ...values, env }, positionals, process.env),
      ...collectRuntime(values.runtime, globals),
    };
    const cidFile = openCidFile(values.cidfile);
    const { openPullOutput } = await import("../pull-output.ts");
    try {
      return await withEngine(globals, async (engine, calls) => {
        const pull = openPullOutput({ stream: "stderr", quiet: values.quiet, before: missingImage(request) });
        try {
          const { id, warnings } = await calls.createContainer(engine, request, {
            replace: values.replace,
            access: pullAccess(values, given),
            onPull: pull.onEvent,
          });
          pull.finish();
          for (const warning of warnings) warn(`WARNING: ${printable(warning)}\n`);
          cidFile?.write(id);
          print(`${id}\n`);
          return 0;
        } finally {
          pull.finish();
        }
      });
    } catch (error) {
      cidFile?.discard();
      throw error;
    }
  },
});
