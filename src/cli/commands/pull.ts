// docker pull.

import type { PullPolicy } from "../../container/index.ts";
import type { Engine, PullAccess } from "../../engine/index.ts";
import { formatReference, parseReference, type Platform } from "../../image/index.ts";
import { BunkerError } from "../../errors.ts";
import { type EngineCalls, withEngine } from "../engine.ts";
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
    "all-tags": { kind: "boolean", short: "a", help: "Download all tagged images in the repository" },
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
    const all = values["all-tags"];
    const isTagged = !isTagImplied(name);
    if (all && isTagged) throw new BunkerError("usage", "tag can't be used with --all-tags/-a");
    if (!values.quiet && !all && !isTagged) print("Using default tag: latest\n");
    const options = { platform, access, policy, quiet: values.quiet };
    return withEngine(globals, async (engine, calls) => {
      if (!all) return pullOne({ engine, calls }, formatReference(reference), options);
      const { repositoryTags } = await calls.loadTags();
      const names = await interruptible((signal) => repositoryTags(name, access, signal));
      for (const each of names) await pullOne({ engine, calls }, each, options);
      return 0;
    });
  },
});

interface Wanted {
  platform: Platform | null;
  access: PullAccess;
  policy: PullPolicy;
  quiet: boolean;
}

/** @returns the exit code */
async function pullOne(
  { engine, calls: { inspectImage, pullImage } }: { engine: Engine; calls: EngineCalls },
  name: string,
  { platform, access, policy, quiet }: Wanted,
): Promise<number> {
  const reference = parseReference(name);
  const isHere = policy !== "always" && has(() => inspectImage(engine, name));
  if (policy === "never" && !isHere) inspectImage(engine, name);
  if (policy === "never" || (policy === "missing" && isHere)) {
    print(`${name}\n`);
    return 0;
  }
  const { openPullOutput } = await import("../pull-output.ts");
  const output = openPullOutput({ stream: "stdout", quiet, found: [pullingFrom(reference)] });
  try {
    const pulled = await interruptible((signal) =>
      pullImage(engine, name, { platform, ...access, signal }, output.onEvent),
    );
    output.finish();
    if (!quiet) print(`Digest: ${pulled.digest}\n${pullStatus(reference, pulled.changed)}\n`);
  } catch (error) {
    if (policy !== "newer" || !isHere || !(error instanceof BunkerError)) throw error;
  } finally {
    output.finish();
  }
  print(`${name}\n`);
  return 0;
}

function has(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    if (error instanceof BunkerError && error.code === "not-found") return false;
    throw error;
  }
}
