// Which image a word means: --platform of verbs about one that is here, $DOCKER_DEFAULT_PLATFORM, pull --policy and run --pull newer; and
// --config, which says where docker's settings are.

import { describe, expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { busyboxWith, useStage } from "../support/stage.ts";

const NONE = "--network=none";
const HERE = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";

const stage = useStage();
const { it } = stage;

describe("--platform", () => {
  it("is that of the image that is here, or nothing is done with it", async () => {
    const { env } = stage;
    expect(await env.ok(["image", "inspect", "--platform", HERE, "-f", "{{.Os}}", "busybox"])).toBe("linux");
    expect(await env.ok(["history", "-q", "--platform", HERE, "busybox"])).not.toBe("");
    for (const words of [["image", "inspect"], ["history"], ["rmi"]]) {
      expect(await env.fails([...words, "--platform=linux/s390x", "busybox"], 1)).toContain(
        `image with reference busybox was found but its platform (${HERE}) does not match the specified platform (linux/s390x)`,
      );
    }
    await env.ok(["tag", "busybox", "other"]);
    await env.ok(["rmi", "--platform", HERE, "other"]);
    expect(await env.fails(["rmi", "--platform=nonsense", "busybox"], 1)).toContain("nonsense");
  });

  it("is $DOCKER_DEFAULT_PLATFORM's where no flag says another", async () => {
    const { env } = stage;
    const environment = { DOCKER_DEFAULT_PLATFORM: "linux/s390x" };
    const words = ["run", "--rm", NONE, "--pull=never"];
    expect(await env.fails([...words, "busybox", "true"], 125, { environment })).toContain("no such image: busybox");
    await env.ok([...words, "--platform", HERE, "busybox", "true"], { environment });
    await env.ok([...words, "busybox", "true"], { environment: { DOCKER_DEFAULT_PLATFORM: "" } });
  });
});

describe("pull --policy", () => {
  it("asks the registry always, when there is nothing here, never, or as long as it answers", async () => {
    const { env } = stage;
    let registry: TestRegistry | null = startRegistry();
    try {
      const name = registry.push("policy", "latest", await busyboxWith({ Labels: { v: "1" } }));
      const label = (): Promise<string> => env.ok(["image", "inspect", "-f", "{{.Config.Labels.v}}", name]);
      expect(await env.fails(["pull", "--policy=never", name], 1)).toContain("no such image");
      await env.ok(["pull", "-q", "--policy=missing", name]);
      registry.push("policy", "latest", await busyboxWith({ Labels: { v: "2" } }));
      await env.ok(["pull", "-q", "--policy=missing", name]);
      expect(await env.ok(["pull", "--policy=never", name])).toBe(name);
      expect(await label()).toBe("1");
      await env.ok(["pull", "-q", "--policy=newer", name]);
      expect(await label()).toBe("2");
      registry[Symbol.dispose]();
      registry = null;
      await env.ok(["pull", "-q", "--policy=newer", "--retry=0", name]);
      expect(await env.ok(["run", "--rm", NONE, "--pull=newer", "--retry=0", name, "echo", "here"])).toBe("here");
      await env.fails(["pull", "-q", "--retry=0", name], 1);
      await env.fails(["run", "--rm", NONE, "--pull=always", "--retry=0", name, "true"], 125);
      expect(await env.fails(["pull", "--policy=x", name], 1)).toContain("invalid pull policy: 'x'");
    } finally {
      registry?.[Symbol.dispose]();
    }
  });
});

describe("pull --all-tags", () => {
  it("pulls each image of the repository, and no tag that is none", async () => {
    const { env } = stage;
    using registry = startRegistry();
    const tags = ["v1", "v2", "v3", "v4", "v5"];
    for (const tag of tags) registry.push("many", tag, await busyboxWith({ Labels: { tag } }));
    const name = `${registry.host}/many`;
    expect((await env.ok(["pull", "-a", "-q", name])).split("\n")).toEqual(tags.map((tag) => `${name}:${tag}`));
    const shown = await env.ok(["images", "--format", "{{.Tag}}", name]);
    expect(shown.split("\n").sort()).toEqual(tags);
    expect(await env.ok(["pull", "--all-tags", name])).toContain(`v3: Pulling from many`);
    expect(await env.fails(["pull", "-a", `${name}:v1`], 1)).toContain("tag can't be used with --all-tags/-a");
    expect(await env.fails(["pull", "-a", `${registry.host}/none`], 1)).toContain("none");
    await env.ok(["rmi", ...tags.map((tag) => `${name}:${tag}`)]);
  });
});

describe("--config", () => {
  it("says where docker's settings are", async () => {
    const { env } = stage;
    const place = join(env.home, "settings");
    mkdirSync(place);
    writeFileSync(join(place, "config.json"), JSON.stringify({ psFormat: "{{.Names}}!" }));
    await env.ok(["create", "--name=c", NONE, "busybox"]);
    expect(await env.ok(["--config", place, "ps", "-a"])).toBe("c!");
    expect(await env.ok(["--config", "settings", "ps", "-a"])).toBe("c!");
    expect(await env.ok(["ps", "-a"])).toContain("CONTAINER ID");
  });
});
