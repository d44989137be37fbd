// docker pull.

import { formatReference, parseReference } from "../../image/index.ts";
import { BunkerError } from "../../errors.ts";
import { withEngine } from "../engine.ts";
import { interruptible } from "../interrupt.ts";
import { print } from "../output.ts";
import { ACCESS_FLAGS, parsePullPolicy, parseWantedPlatform, PLATFORM_FLAGS, pullAccess } from "../pull-flags.ts";
import { isTagImplied, pullingFrom, pullStatus } from "../pull-words.ts";
import { CONTENT_TRUST_FLAG, ensureUnverified } from "../start-flags.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  flags: {
    ...ACCESS_FLAGS,
    ...PLATFORM_FLAGS,
    "disable-content-trust": CONTENT_TRUST_FLAG,
    policy: {
      kind: "string",
      help: 'When to ask the registry ("always", "missing", "never", "newer")',
      shownDefault: '"always"',
    },
    quiet: { kind: "boolean", short: "q", help: "Suppress verbose output" },
  },
  arguments: { min: 1, max: 1 },
  completes: "image",
  examples: ["pull alpine", "pull --platform linux/arm64 debian:12", "pull --tls-verify=false registry.local:5000/app"],
  async run({ values, given, positionals, globals }) {
    const [name = ""] = positionals;
    const reference = parseReference(name);
    const platform = parseWantedPlatform(values);
    ensureUnverified(values["disable-content-trust"]);
    const access = pullAccess(values, given);
    const policy = parsePullPolicy(values.policy ?? "always", "pull policy");
    const { openPullOutput } = await import("../pull-output.ts");
    if (!values.quiet && isTagImplied(name)) print("Using default tag: latest\n");
    return withEngine(globals, async (engine, { inspectImage, pullImage }) => {
      const isHere = policy !== "always" && has(() => inspectImage(engine, name));
      if (policy === "never" && !isHere) inspectImage(engine, name);
      if (policy === "never" || (policy === "missing" && isHere)) {
        print(`${formatReference(reference)}\n`);
        return 0;
      }
      const output = openPullOutput({ stream: "stdout", quiet: values.quiet, found: [pullingFrom(reference)] });
      try {
        const pulled = await interruptible((signal) => {
          const options = { platform, ...access, signal };
          return pullImage(engine, formatReference(reference), options, output.onEvent);
        });
        output.finish();
        if (!values.quiet) print(`Digest: ${pulled.digest}\n${pullStatus(reference, pulled.changed)}\n`);
        print(`${formatReference(reference)}\n`);
        return 0;
      } catch (error) {
        if (policy !== "newer" || !isHere || !(error instanceof BunkerError)) throw error;
        print(`${formatReference(reference)}\n`);
        return 0;
      } finally {
        output.finish();
      }
    });
  },
});

function has(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    if (error instanceof BunkerError && error.code === "not-found") return false;
    throw error;
  }
}
