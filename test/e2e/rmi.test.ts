// docker tag and rmi: names given and taken, and what goes when a name goes.

import { describe, expect } from "bun:test";

import { makeImage, makeIndex, makeLayer } from "../support/image.ts";
import { app, layer, older, second, shortId, undated, useImageStage } from "../support/image-stage.ts";
import { file } from "../support/tar.ts";

const stage = useImageStage();
const { it } = stage;

async function names(...args: string[]): Promise<string[]> {
  const lines = (await stage.env.ok(["images", "--format", "{{.Repository}}:{{.Tag}}", ...args])).split("\n");
  return lines.filter((line) => line !== "");
}

describe("tag", () => {
  it("gives an image another name, which may have been another image's", async () => {
    const reference = await stage.pull("team/app", "1.0", app);
    const another = await stage.pull("undated", "latest", undated);
    expect(await stage.env.ok(["tag", reference, "mine:1"])).toBe("");
    await stage.env.ok(["tag", "mine:1", "mine:1"]);
    await stage.env.ok(["tag", another, "mine:1"]);
    expect(await stage.env.ok(["inspect", "-f", "{{.Id}}", "mine:1"])).toBe(undated.config.digest);
    await stage.env.ok(["tag", reference, another]);
    // Nothing but the id is left of the image whose last name went to another... but for the one it got before.
    expect(await stage.env.ok(["inspect", "-f", "{{.RepoTags}}", undated.config.digest])).toBe("[mine:1]");
    expect(await stage.env.ok(["inspect", "-f", "{{.RepoTags}}", app.config.digest])).toBe(`[${reference} ${another}]`);
  });

  it("of an index stays one", async () => {
    const index = makeIndex([app]);
    const reference = await stage.pull("team/index", "1", index);
    await stage.env.ok(["tag", reference, `${stage.host}/team/index:2`]);
    expect(await stage.env.ok(["images", "--digests", "--format", "{{.Tag}} {{.Digest}}"])).toBe(
      `1 ${index.manifest.digest}\n2 ${index.manifest.digest}`,
    );
  });

  it("refuses names that are none, and images that are not there", async () => {
    await stage.pull("team/app", "1.0", app);
    const before = await stage.env.ok(["images", "-a"]);
    const words =
      /^bunker: (no such image|invalid reference|invalid repository name|refusing to create a tag with a digest)/;
    for (const [source, target] of [
      ["APP", "x"],
      ["nosuch", "x"],
      ["HOST/team/app:1.0", "UPPER"],
      ["HOST/team/app:1.0", "x:y:z"],
      ["HOST/team/app:1.0", `x@sha256:${"a".repeat(64)}`],
      ["HOST/team/app:1.0", "a".repeat(64)],
      ["HOST/team/app:1.0", ""],
    ] as const) {
      expect(await stage.env.fails(["tag", source.replace("HOST", stage.host), target], 1)).toMatch(words);
    }
    expect(await stage.env.ok(["images", "-a"])).toBe(before);
  });
});

describe("untag", () => {
  it("takes names away, and leaves the image", async () => {
    const reference = await stage.pull("team/app", "1.0", app);
    const other = await stage.pull("undated", "latest", undated);
    await stage.env.ok(["tag", reference, "mine:1"]);
    await stage.env.ok(["tag", reference, "mine:2"]);
    expect(await stage.env.ok(["untag", reference, "mine:1"])).toBe("");
    expect((await names()).sort()).toEqual([reference, "mine:2", other].sort());
    expect(await stage.env.fails(["untag", "mine:2", other], 1)).toContain(`${other}: no name of image`);
    expect(await stage.env.fails(["untag", "mine:2", "nosuch"], 1)).toContain("nosuch: no name of image");
    await stage.env.ok(["image", "untag", "mine:2"]);
    expect((await names()).sort()).toEqual(["<none>:<none>", other].sort());
    await stage.env.ok(["image", "inspect", app.config.digest]);
    expect(await stage.env.fails(["untag", "nosuch"], 1)).toContain("no such image: nosuch");
  });
});

describe("rmi", () => {
  it("takes a name away, and the image with the last one", async () => {
    const reference = await stage.pull("team/app", "1.0", app);
    await stage.env.ok(["tag", reference, "mine"]);
    expect(await stage.env.ok(["rmi", "mine"])).toBe("Untagged: mine:latest");
    expect(await stage.env.ok(["rmi", reference])).toBe(
      [
        `Untagged: ${reference}`,
        `Untagged: ${stage.host}/team/app@${app.manifest.digest}`,
        `Deleted: ${app.config.digest}`,
        `Deleted: ${layer.diffId}`,
      ].join("\n"),
    );
    expect(await names()).toEqual([]);
  });

  it("keeps what other images need", async () => {
    const one = await stage.pull("team/app", "1.0", app);
    const two = await stage.pull("team/older", "1", older);
    expect(await stage.env.ok(["rmi", two])).toEndWith(`Deleted: ${older.config.digest}\nDeleted: ${second.diffId}`);
    expect(await stage.env.ok(["rmi", one])).toEndWith(`Deleted: ${layer.diffId}`);
  });

  it("by id takes an image with its one name, or with several when forced", async () => {
    const reference = await stage.pull("team/app", "1.0", app);
    await stage.env.ok(["tag", reference, "mine"]);
    const id = shortId(app.config.digest);
    expect(await stage.env.fails(["rmi", id], 1)).toBe(
      `bunker: conflict: unable to delete ${id} (must be forced) - image is referenced in multiple repositories\n` +
        "hint: Remove its names one by one, or all of them with -f.\n",
    );
    expect((await stage.env.ok(["rmi", "-f", id])).split("\n")).toEqual([
      `Untagged: ${reference}`,
      `Untagged: ${stage.host}/team/app@${app.manifest.digest}`,
      "Untagged: mine:latest",
      `Untagged: mine@${app.manifest.digest}`,
      `Deleted: ${app.config.digest}`,
      `Deleted: ${layer.diffId}`,
    ]);
  });

  it("takes several, tells what is not there, and goes on", async () => {
    await stage.pull("team/app", "1.0", app);
    await stage.pull("team/older", "old", older);
    await stage.pull("undated", "latest", undated);
    const { code, stdout, stderr } = await stage.env.run([
      "rmi",
      "nosuch",
      `${stage.host}/undated`,
      "UPPER",
      `${stage.host}/team/app:1.0`,
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain(`Deleted: ${undated.config.digest}`);
    expect(stdout).toContain(`Deleted: ${app.config.digest}`);
    expect(stderr).toContain("bunker: no such image: nosuch\n");
    expect(stderr).toContain("bunker: invalid reference format: repository name (library/UPPER) must be lowercase\n");
    expect(await names()).toEqual([`${stage.host}/team/older:old`]);
    expect((await stage.env.run(["rmi", "-f", "nosuch"])).code).toBe(0);
    expect(await stage.env.fails(["rmi"], 1)).toStartWith("bunker: 'bunker rmi' requires at least 1 argument");
  });

  it("--all takes every name, --ignore minds none that is missing", async () => {
    const reference = await stage.pull("team/app", "1.0", app);
    await stage.pull("undated", "latest", undated);
    await stage.env.ok(["tag", reference, "another:1"]);
    expect(await stage.env.run(["rmi", "-i", "nosuch"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await stage.env.fails(["rmi", "-a", "x"], 1)).toContain("--all cannot be used together with names");
    expect(await stage.env.fails(["rmi"], 1)).toContain("requires at least 1 argument");
    const said = await stage.env.ok(["rmi", "--all"]);
    expect(said).toContain("Untagged: another:1");
    expect(said).toContain(`Deleted: ${undated.config.digest}`);
    expect(await names()).toEqual([]);
    expect(await stage.env.ok(["rmi", "-a"])).toBe("");
  });

  it("leaves an image that a container was made from, in docker's words", async () => {
    const reference = await stage.pull("team/app", "1.0", app);
    const container = await stage.env.ok(["create", "--name", "user", reference]);
    const [id, used] = [shortId(app.config.digest), container.slice(0, 12)];
    expect(await stage.env.ok(["images", "--format", "{{.Containers}}"])).toBe("1");
    expect(await stage.env.fails(["rmi", reference], 1)).toBe(
      `bunker: conflict: unable to remove repository reference "${reference}" (must force) - ` +
        `container ${used} is using its referenced image ${id}\nhint: Remove that container first: \`bunker rm user\`.\n`,
    );
    expect(await stage.env.fails(["rmi", id], 1)).toStartWith(
      `bunker: conflict: unable to delete ${id} (must be forced) - image is being used by stopped container ${used}\n`,
    );
    // One name of two is nobody's loss.
    await stage.env.ok(["tag", reference, "mine"]);
    expect(await stage.env.ok(["rmi", "mine"])).toBe("Untagged: mine:latest");
    // Forced, it loses its name and stays for the container's sake.
    expect(await stage.env.ok(["rmi", "-f", reference])).toBe(`Untagged: ${reference}`);
    expect(await names("-f", "dangling=true")).toEqual(["<none>:<none>"]);
    expect(await stage.env.ok(["inspect", "-f", "{{.Image}}", "user"])).toBe(app.config.digest);
    await stage.env.ok(["rm", "-v", "user"]);
    expect(await stage.env.ok(["rmi", id])).toBe(`Deleted: ${app.config.digest}\nDeleted: ${layer.diffId}`);
  });

  it("never takes the image of a running container by its id", async () => {
    const busybox = new Uint8Array(await Bun.file("/bin/busybox").arrayBuffer());
    const tool = makeImage({
      layers: [makeLayer([file("sleep", busybox, { mode: 0o755 })])],
      run: { Cmd: ["/sleep", "60"] },
    });
    const reference = await stage.pull("team/sleep", "1", tool);
    const container = await stage.env.ok(["run", "-d", "--name", "sleeper", "--network", "none", "-q", reference]);
    const [id, used] = [shortId(tool.config.digest), container.slice(0, 12)];
    expect(await stage.env.fails(["rmi", "-f", id], 1)).toStartWith(
      `bunker: conflict: unable to delete ${id} (cannot be forced) - image is being used by running container ${used}\n`,
    );
    expect(await names()).toEqual([reference]);
    expect(await stage.env.ok(["rmi", "-f", reference])).toBe(`Untagged: ${reference}`);
    expect(await stage.env.ok(["exec", "sleeper", "/sleep", "0"])).toBe("");
    await stage.env.ok(["rm", "-f", "sleeper"]);
  });
});
