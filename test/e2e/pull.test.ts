// docker pull: what is printed, what is asked of the registry, what the store has afterwards. The registry is in the test's own
// process, so every request can be looked at.

import { afterEach, beforeEach, describe, expect } from "bun:test";
import { join } from "node:path";

import { TestEnv } from "../support/environment.ts";
import { describeFiles } from "../support/file-tree.ts";
import { requires } from "../support/guards.ts";
import { type Image, makeImage, makeIndex, makeLayer } from "../support/image.ts";
import { Invariants } from "../support/invariants.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { device, directory, file } from "../support/tar.ts";

const it = requires("root", "bunker", "subids", "userns");

const base = makeLayer([directory("etc"), file("etc/base", "base")]);
const top = makeLayer([file("etc/top", "top")]);
const other = makeLayer([file("etc/other", "other")]);
const image = makeImage({ layers: [base, top], run: { Cmd: ["true"] } });

const short = ({ digest }: { digest: string }): string => digest.slice("sha256:".length, "sha256:".length + 12);

let env: TestEnv;
let registry: TestRegistry;
let watch: Invariants;
beforeEach(async () => {
  registry = startRegistry();
  env = await TestEnv.create();
  watch = await Invariants.watch(env);
});
afterEach(async () => {
  try {
    await watch.check();
  } finally {
    await env[Symbol.asyncDispose]();
    registry.stop();
  }
});

const blobRequests = (): string[] => registry.requestsTo(/\/blobs\//).map(({ path }) => path.split("/").at(-1) ?? "");

describe("what pull prints", () => {
  it("elsewhere than on a terminal: a line per step, each layer's in their order", async () => {
    const reference = registry.push("team/app", "1.0", image);
    const { code, stdout, stderr } = await env.run(["pull", reference]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("1.0: Pulling from team/app");
    expect(lines.slice(-4)).toEqual([
      `Digest: ${image.manifest.digest}`,
      `Status: Downloaded newer image for ${reference}`,
      reference,
      "",
    ]);
    for (const layer of image.layers) {
      const said = lines.filter((line) => line.startsWith(`${short(layer)}: `)).map((line) => line.slice(14));
      expect(said).toEqual(["Pulling fs layer", "Downloading", "Extracting", "Pull complete"]);
    }
  });

  it("with -q the full reference alone", async () => {
    const reference = registry.push("team/app", "latest", image);
    const { stdout, stderr } = await env.run(["pull", "-q", reference.replace(":latest", "")]);
    expect({ stdout, stderr }).toEqual({ stdout: `${reference}\n`, stderr: "" });
  });

  it("which tag it took, when none was named", async () => {
    const reference = registry.push("team/app", "latest", image);
    const lines = (await env.ok(["pull", reference.replace(":latest", "")])).split("\n");
    expect(lines.slice(0, 2)).toEqual(["Using default tag: latest", "latest: Pulling from team/app"]);
    expect(lines.slice(-2)).toEqual([`Status: Downloaded newer image for ${reference}`, reference]);
  });

  it("by digest, the digest", async () => {
    const tagged = registry.push("team/app", "1.0", image);
    const reference = tagged.replace(":1.0", `@${image.manifest.digest}`);
    const lines = (await env.ok(["pull", reference])).split("\n");
    expect(lines[0]).toBe(`${reference}: Pulling from team/app`);
    expect(lines.at(-1)).toBe(reference);
    // Of a tag and a digest the digest says which; the tag is not kept.
    expect(await env.ok(["pull", "-q", `${tagged}@${image.manifest.digest}`])).toBe(
      `${tagged}@${image.manifest.digest}`,
    );
    expect(await env.ok(["images", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}}"])).toBe(
      `${registry.host}/team/app:<none>@${image.manifest.digest}`,
    );
  });

  it("on a terminal a bar per layer, and their last state stays", async () => {
    const reference = registry.push("team/app", "1.0", image);
    const session = env.terminal(["pull", reference]);
    expect(await session.exited()).toEqual({ code: 0, signal: null });
    const last = session.output.split("\u001b[J").at(-1)?.replaceAll("\r", "") ?? "";
    expect(last).toBe(
      [
        `${short(base)}: Pull complete`,
        `${short(top)}: Pull complete`,
        `Digest: ${image.manifest.digest}`,
        `Status: Downloaded newer image for ${reference}`,
        reference,
        "",
      ].join("\n"),
    );
  });

  it("warnings beside the results, also with -q", async () => {
    const layer = makeLayer([device("dev-a", "char"), device("dev-b", "block"), file("c")]);
    const run = { Env: ["no-value", "A=1"], ExposedPorts: { "99999/tcp": {} } };
    const reference = registry.push("team/odd", "1", makeImage({ layers: [layer], run }));
    const { code, stdout, stderr } = await env.run(["pull", "-q", reference]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${reference}\n` });
    expect(stderr.split("\n")).toEqual([
      'WARNING: the image\'s environment entry "no-value" was ignored: it is not NAME=value',
      'WARNING: the image\'s exposed port "99999/tcp" was ignored: it is not a port',
      `WARNING: layer ${short(layer)}: 2 device nodes were left out: no container could use them`,
      "",
    ]);
  });

  it("nothing of a foreign image that steers the terminal", async () => {
    const evil = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e";
    const run = {
      Labels: { [evil]: evil, fine: "yes" },
      Env: [`A=${evil}`, evil],
      Cmd: [evil],
      ExposedPorts: { [evil]: {} },
    };
    const config = { author: evil, history: [{ created_by: evil, comment: evil }] };
    const reference = registry.push("team/evil", "1", makeImage({ layers: [base], run, config }));
    const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
    const pulled = await env.run(["pull", reference]);
    expect(pulled.code).toBe(0);
    expect(pulled.stdout + pulled.stderr).not.toMatch(control);
    await env.ok(["create", "--name", "evil", reference]);
    for (const args of [
      ["images"],
      ["images", "--format", 'table {{.Labels}} {{.Label "fine"}}'],
      ["images", "--format", "json"],
      ["images", "--filter", `label=${evil}`],
      ["inspect", reference],
      ["inspect", "evil"],
      ["inspect", "--format", "json", reference],
      ["inspect", "--format", "{{json .Config}}", reference],
      ["ps", "-a", "--no-trunc"],
      ["ps", "-a", "--format", "table {{.Command}} {{.Labels}}"],
      ["ps", "-a", "--format", "json"],
    ]) {
      expect(await env.ok(args)).not.toMatch(control);
    }
    // What goes raw elsewhere is made visible on a terminal.
    for (const args of [
      ["images", "--format", "{{.Labels}}"],
      ["inspect", "--format", "{{.Config.Env}} {{.Author}} {{.Comment}}", reference],
      ["ps", "-a", "--format", "{{.Command}} {{.Labels}}"],
    ]) {
      const session = env.terminal(args);
      expect((await session.exited()).code).toBe(0);
      expect(session.output.replaceAll("\r\n", "\n")).not.toMatch(control);
      expect(session.output).toContain("\\x1b");
    }
    await env.ok(["rm", "evil"]);
  });
});

describe("pulling again", () => {
  it("downloads nothing when nothing has changed, neither for an index", async () => {
    const foreign = makeImage({ layers: [other], platform: { os: "linux", architecture: "s390x" } });
    const index = makeIndex([foreign, image]);
    for (const [tag, content] of [
      ["single", image],
      ["index", index],
    ] as const) {
      const reference = registry.push(`team/${tag}`, "1", content);
      await env.ok(["pull", reference]);
      registry.requests.length = 0;
      const lines = (await env.ok(["pull", reference])).split("\n");
      expect(lines).toEqual([
        `1: Pulling from team/${tag}`,
        `${short(base)}: Already exists`,
        `${short(top)}: Already exists`,
        `Digest: ${content.manifest.digest}`,
        `Status: Image is up to date for ${reference}`,
        reference,
      ]);
      expect(registry.requestsTo(/\/(manifests|blobs)\//).map(({ path }) => path)).toEqual([
        `/v2/team/${tag}/manifests/1`,
      ]);
    }
  });

  it("takes a tag's new image; the old one stays, without a name", async () => {
    const reference = registry.push("team/app", "1", image);
    await env.ok(["pull", reference]);
    const newer = makeImage({ layers: [base, other] });
    registry.push("team/app", "1", newer);
    registry.requests.length = 0;
    const lines = (await env.ok(["pull", reference])).split("\n");
    expect(lines).toContain(`${short(base)}: Already exists`);
    expect(lines.at(-2)).toBe(`Status: Downloaded newer image for ${reference}`);
    expect(blobRequests().sort()).toEqual([newer.config.digest, other.digest].sort());
    const rows = (await env.ok(["images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"])).split("\n");
    expect(rows.sort()).toEqual([`${newer.config.digest} ${reference}`, `${image.config.digest} <none>:<none>`].sort());
    expect(await env.ok(["images", "-q", "--no-trunc", "-f", "dangling=true"])).toBe(image.config.digest);
    expect(await env.ok(["inspect", "-f", "{{.RepoTags}} {{.RepoDigests}}", image.config.digest])).toBe("[] []");
  });

  it("downloads a layer that two images share once, and one that stands twice in an image once", async () => {
    await env.ok(["pull", "-q", registry.push("team/a", "1", makeImage({ layers: [base, top] }))]);
    await env.ok(["pull", "-q", registry.push("team/b", "1", makeImage({ layers: [base, other, base, other] }))]);
    const layers = new Set([base, top, other].map(({ digest }) => digest));
    expect(
      blobRequests()
        .filter((digest) => layers.has(digest))
        .sort(),
    ).toEqual([...layers].sort());
  });

  it("knows a layer by what is in it, however it is compressed", async () => {
    const entries = [file("etc/same", "same content")];
    const [gzip, zstd] = [makeLayer(entries), makeLayer(entries, { compression: "zstd" })];
    await env.ok(["pull", "-q", registry.push("team/gzip", "1", makeImage({ layers: [gzip] }))]);
    const again = await env.ok(["pull", registry.push("team/zstd", "1", makeImage({ layers: [zstd] }))]);
    expect(again).toContain(`${short(zstd)}: Already exists`);
    expect(blobRequests()).not.toContain(zstd.digest);
    // One image, as its config is one: both names lead to it.
    expect((await env.ok(["images", "-q"])).split("\n")).toHaveLength(2);
    expect(new Set((await env.ok(["images", "-q"])).split("\n")).size).toBe(1);
  });

  it("makes no name but the one asked for, whatever the image says", async () => {
    const annotations = { "org.opencontainers.image.ref.name": "docker.io/library/alpine:latest" };
    const run = { Labels: { ...annotations, "io.containerd.image.name": "docker.io/library/busybox:latest" } };
    const reference = registry.push("team/app", "1", makeImage({ layers: [base], run, manifest: { annotations } }));
    await env.ok(["pull", reference]);
    expect(await env.ok(["images", "--format", "{{.Repository}}:{{.Tag}}"])).toBe(reference);
    expect(await env.fails(["inspect", "alpine"], 1)).toStartWith("bunker: no such object: alpine\n");
  });
});

describe("an index of several platforms", () => {
  const [, foreignName] = process.arch === "x64" ? ["amd64", "arm64"] : ["arm64", "amd64"];
  const foreign = makeImage({ layers: [other], platform: { os: "linux", architecture: foreignName ?? "" } });
  const push = (): string => registry.push("team/multi", "1", makeIndex([foreign, image]));
  const idOf = (reference: string): Promise<string> => env.ok(["inspect", "-f", "{{.Id}}", reference]);

  it("gives this machine's image, or the one asked for", async () => {
    const reference = push();
    await env.ok(["pull", reference]);
    expect(await idOf(reference)).toBe(image.config.digest);
    // The name then means the other image; it is the same index, and has changed all the same.
    const lines = (await env.ok(["pull", "--platform", `linux/${foreignName}`, reference])).split("\n");
    expect(lines.at(-2)).toBe(`Status: Downloaded newer image for ${reference}`);
    expect(await idOf(reference)).toBe(foreign.config.digest);
    expect(await env.ok(["inspect", "-f", "{{.Architecture}}", reference])).toBe(foreignName ?? "");
    // The same in parts; the system is this machine's.
    await env.ok(["pull", reference]);
    await env.ok(["pull", "--arch", foreignName ?? "", reference]);
    expect(await idOf(reference)).toBe(foreign.config.digest);
    expect(await env.ok(["inspect", "-f", "{{.RepoDigests}}", reference])).toBe(
      `[${registry.host}/team/multi@${makeIndex([foreign, image]).manifest.digest}]`,
    );
  });

  it.each([
    ["linux/s390x", "no matching manifest for linux/s390x in the manifest list entries\nhint: Its platforms are: "],
    ["windows/amd64", "no matching manifest for windows/amd64 in the manifest list entries\n"],
    ["linux/amd64/v9/x", 'bunker: invalid platform "linux/amd64/v9/x"\n'],
    ["nonsense", 'bunker: invalid platform "nonsense": unknown operating system or architecture\n'],
  ])("has nothing for %s, and says what it has", async (platform, message) => {
    const stderr = await env.fails(["pull", "--platform", platform, push()], 1);
    expect(stderr).toContain(message);
    await watch.check({ unchanged: true });
  });

  it("an image without one is taken with a warning, or refused when another was asked for", async () => {
    const reference = registry.push("team/foreign", "1", foreign);
    const { code, stderr } = await env.run(["pull", reference]);
    expect(code).toBe(0);
    expect(stderr).toStartWith(`WARNING: the image is for linux/${foreignName}, this machine is linux/`);
    const mine = registry.push("team/mine", "1", image);
    expect(await env.fails(["pull", "--platform", `linux/${foreignName}`, mine], 1)).toContain(
      `does not match the specified platform (linux/${foreignName})`,
    );
    expect(await env.ok(["images", "-q", mine])).toBe("");
  });
});

it("without subordinate ids everything in an image belongs to the user", async () => {
  await using plain = await TestEnv.create({ user: "plain" });
  const theirs = { uid: 1000, gid: 70_000 };
  const layer = makeLayer([
    directory("home/u", theirs),
    file("home/u/f", "x", theirs),
    file("su", "x", { mode: 0o4755 }),
  ]);
  const reference = registry.push("team/owned", "1", makeImage({ layers: [layer] }));
  // With them an id that nobody has is an error that says what is missing.
  expect(await env.fails(["pull", "-q", reference], 1)).toContain(
    'entry "home/u": gid 70000 is not mapped; the user needs a larger range in /etc/subgid',
  );
  const pulled = await plain.run(["pull", "-q", reference]);
  expect(pulled).toMatchObject({ code: 0, stdout: `${reference}\n` });
  expect(pulled.stderr).toStartWith("WARNING: 2 files of other users in the image belong to you here, ");
  const root = join(plain.dataHome, "layers/single", layer.diffId.slice("sha256:".length), "root");
  const { uid, gid } = plain.user;
  const entries = describeFiles(root).map((line) => line.split(" "));
  expect(entries.map(([type, mode, owner]) => [type, mode, owner])).toEqual([
    ["d", "755", `${uid}:${gid}`],
    ["d", "755", `${uid}:${gid}`],
    ["d", "755", `${uid}:${gid}`],
    ["f", "644", `${uid}:${gid}`],
    ["f", "4755", `${uid}:${gid}`],
  ]);
  expect(await plain.ok(["rmi", reference])).toContain(`Deleted: ${layer.diffId}`);
});

describe("layers that stand in each other's way", () => {
  const busybox = file("bin/busybox", new Uint8Array(), { mode: 0o755 });

  async function listing(content: Image): Promise<string> {
    const reference = registry.push("team/layers", crypto.randomUUID(), content);
    await env.ok(["pull", reference]);
    return env.ok(["run", "--rm", "--network", "none", reference]);
  }

  it("a layer whose root is opaque hides all below it, and one that stands twice counts where it stands last", async () => {
    busybox.content = new Uint8Array(await Bun.file("/bin/busybox").arrayBuffer());
    const tool = makeLayer([busybox]);
    const run = { Entrypoint: ["/bin/busybox", "find", "/", "-xdev", "-name", "mark*"] };
    const mark = (name: string) => makeLayer([file(`mark-${name}`)]);
    const opaque = makeLayer([file(".wh..wh..opq"), file("mark-after")]);
    const hidden = { layers: [mark("lower"), tool, opaque, tool], run };
    expect(await listing(makeImage(hidden))).toBe("/mark-after");
    // Again from the store: what is hidden is known without looking.
    expect(await listing(makeImage({ ...hidden, run: { ...run, Env: ["A=1"] } }))).toBe("/mark-after");
    const remove = makeLayer([file(".wh.mark-a")]);
    const again = makeImage({ layers: [tool, mark("a"), remove, mark("a"), mark("b")], run });
    expect((await listing(again)).split("\n").sort()).toEqual(["/mark-a", "/mark-b"]);
  });

  it("more layers than a process may have files", async () => {
    const layers = Array.from({ length: 80 }, (_, at) => makeLayer([file(`f${at}`)]));
    const reference = registry.push("team/many", "1", makeImage({ layers: [...layers, ...layers] }));
    const limited = ["sh", "-c", 'ulimit -n 128; exec "$0" pull -q "$1"', env.program, reference];
    expect(await env.startOther(limited).result()).toMatchObject({ code: 0, stderr: "" });
    expect(await env.ok(["inspect", "-f", "{{len .RootFS.Layers}}", reference])).toBe("160");
  });

  it("an image without layers has an empty root", async () => {
    const reference = registry.push("team/empty", "1", makeImage({ run: { Cmd: ["/nothing"] } }));
    await env.ok(["pull", reference]);
    expect(await env.ok(["inspect", "-f", "{{.RootFS.Layers}} {{.Size}}", reference])).toBe("[] 0");
    expect(await env.fails(["run", "--rm", "--network", "none", reference], 127)).toContain(
      "no such file or directory",
    );
  });
});
