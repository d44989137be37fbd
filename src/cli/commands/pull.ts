// docker pull.

import { formatReference, parsePlatform, parseReference } from "../../image/index.ts";
import { withEngine } from "../engine.ts";
import { interruptible } from "../interrupt.ts";
import { print } from "../output.ts";
import { isTagImplied, pullingFrom, pullStatus } from "../pull-words.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  flags: {
    authfile: { kind: "string", help: "Path of the authentication file" },
    platform: { kind: "string", help: "Set platform if server is multi-platform capable" },
    quiet: { kind: "boolean", short: "q", help: "Suppress verbose output" },
    "tls-verify": {
      kind: "boolean",
      default: true,
      help: "Require HTTPS and verify certificates when contacting registries",
    },
  },
  arguments: { min: 1, max: 1 },
  completes: "image",
  examples: ["pull alpine", "pull --platform linux/arm64 debian:12", "pull --tls-verify=false registry.local:5000/app"],
  async run({ values, given, positionals, globals }) {
    const [name = ""] = positionals;
    const reference = parseReference(name);
    const platform = values.platform === null ? null : parsePlatform(values.platform);
    const tlsVerify = given.has("tls-verify") ? values["tls-verify"] : null;
    const { openPullOutput } = await import("../pull-output.ts");
    if (!values.quiet && isTagImplied(name)) print("Using default tag: latest\n");
    return withEngine(globals, async (engine, { pullImage }) => {
      const output = openPullOutput({ stream: "stdout", quiet: values.quiet, found: [pullingFrom(reference)] });
      try {
        const pulled = await interruptible((signal) => {
          const options = { platform, tlsVerify, authFile: values.authfile, signal };
          return pullImage(engine, formatReference(reference), options, output.onEvent);
        });
        output.finish();
        if (!values.quiet) print(`Digest: ${pulled.digest}\n${pullStatus(reference, pulled.changed)}\n`);
        print(`${formatReference(reference)}\n`);
        return 0;
      } finally {
        output.finish();
      }
    });
  },
});
