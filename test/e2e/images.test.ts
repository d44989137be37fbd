// docker images and inspect: columns, filters, formats, and which names and ids mean what.

import { describe, expect } from "bun:test";

import { makeImage } from "../support/image.ts";
import { app, layer, older, second, shortId, undated, useImageStage } from "../support/image-stage.ts";

const stage = useImageStage();
const { it } = stage;

/** Three images, as their listing has them. */
async function pullAll(): Promise<void> {
  await stage.pull("team/app", "1.0", app);
  await stage.pull("team/older", "old", older);
  await stage.pull("undated", "latest", undated);
}

async function rows(args: string[]): Promise<string[]> {
  const lines = (await stage.env.ok(["images", "--format", "{{.Repository}}:{{.Tag}}", ...args])).split("\n");
  return lines.filter((line) => line !== "");
}

describe("history", () => {
  const long = `/bin/sh -c #(nop)\tADD ${"x".repeat(60)}`;
  const told = makeImage({
    layers: [layer, second],
    config: {
      created: "2026-01-02T03:04:05Z",
      history: [
        { created: "2020-01-02T03:04:05Z", created_by: long },
        { created: "1970-01-01T00:00:00Z", created_by: "ENV A=1", empty_layer: true, comment: "nothing added" },
        { created_by: "COPY second /" },
      ],
    },
  });

  it("tells how an image came about, the last step first", async () => {
    const reference = await stage.pull("told", "1", told);
    const id = shortId(told.config.digest);
    const [head = "", ...steps] = (await stage.env.ok(["history", reference])).split("\n");
    expect(head.split(/ {2,}/)).toEqual(["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"]);
    expect(steps.map((row) => row.split(/ {2,}/))).toEqual([
      [id, "COPY second /", "1B", ""],
      ["<missing>", "ENV A=1", "0B", "nothing added"],
      ["<missing>", expect.stringMatching(/^\d years ago$/), expect.stringMatching(/^\/bin\/sh.*…$/), "1.5MB", ""],
    ]);
    expect(await stage.env.ok(["image", "history", "-q", reference])).toBe(`${id}\n<missing>\n<missing>`);
    expect(await stage.env.ok(["history", "-q", "--no-trunc", reference])).toStartWith(told.config.digest);
    const whole = await stage.env.ok(["history", "--no-trunc", "--human=false", "--format", "json", reference]);
    expect(JSON.parse(whole.split("\n")[2] ?? "")).toEqual({
      Comment: "",
      CreatedAt: "2020-01-02T03:04:05Z",
      CreatedBy: long.replace("\t", " "),
      CreatedSince: "2020-01-02T03:04:05Z",
      ID: "<missing>",
      Size: "1500000",
    });
    expect((await stage.env.ok(["history", "-H=false", reference])).split("\n")[0]).toContain("CREATED AT");
    expect(await stage.env.fails(["history", "nosuch"], 1)).toContain("no such image: nosuch");
  });
});

describe("images", () => {
  it("lists newest first, in docker's columns", async () => {
    await pullAll();
    const [head, ...lines] = (await stage.env.ok(["images"])).split("\n");
    expect(head).toMatch(/^REPOSITORY {3,}TAG {3,}IMAGE ID {3,}CREATED {3,}SIZE$/);
    expect(lines.map((line) => line.split(/ {3,}/))).toEqual([
      [`${stage.host}/team/app`, "1.0", shortId(app.config.digest), expect.stringMatching(/ago$/), "1.5MB"],
      [`${stage.host}/team/older`, "old", shortId(older.config.digest), expect.stringMatching(/ago$/), "1.5MB"],
      // Go's zero time has no age.
      [`${stage.host}/undated`, "latest", shortId(undated.config.digest), "1B"],
    ]);
    const [wide] = (await stage.env.ok(["images", "--digests"])).split("\n");
    expect(wide).toMatch(/^REPOSITORY {3,}TAG {3,}DIGEST {3,}IMAGE ID {3,}CREATED {3,}SIZE$/);
    expect(await stage.env.ok(["images", "--digests", "--no-trunc", `${stage.host}/team/app`])).toContain(
      `${app.manifest.digest}   ${app.config.digest}`,
    );
    expect(await stage.env.ok(["images", "-q"])).toBe(
      [app, older, undated].map(({ config }) => shortId(config.digest)).join("\n"),
    );
    expect(await stage.env.ok(["images", "-q", "--no-trunc", `${stage.host}/undated`])).toBe(undated.config.digest);
  });

  it("filters as docker does", async () => {
    await pullAll();
    for (const [args, expected] of [
      [["-f", "dangling=true"], []],
      [
        ["-f", "dangling=false"],
        ["team/app:1.0", "team/older:old", "undated:latest"],
      ],
      [["-f", "label=tier"], ["team/app:1.0"]],
      [["-f", "label=tier=web", "-f", "label=org.x=y"], ["team/app:1.0"]],
      [["-f", "label=tier=web", "-f", "label=missing"], []],
      [
        ["-f", "reference=*/team/*"],
        ["team/app:1.0", "team/older:old"],
      ],
      [
        ["-f", "reference=*/team/*:old", "-f", "reference=HOST/undated"],
        ["team/older:old", "undated:latest"],
      ],
      [
        ["-f", "before=HOST/team/app:1.0"],
        ["team/older:old", "undated:latest"],
      ],
      [["-f", "since=HOST/team/older:old"], ["team/app:1.0"]],
      [
        ["-f", "since=HOST/undated"],
        ["team/app:1.0", "team/older:old"],
      ],
      [
        ["-f", "until=2025-06-01"],
        ["team/older:old", "undated:latest"],
      ],
      [
        ["-f", "containers=0"],
        ["team/app:1.0", "team/older:old", "undated:latest"],
      ],
      [["HOST/team/app"], ["team/app:1.0"]],
      [["HOST/team/app:1.0"], ["team/app:1.0"]],
      [["HOST/team/app:2.0"], []],
      [["app"], []],
      [["-a"], ["team/app:1.0", "team/older:old", "undated:latest"]],
    ] as const) {
      const words = args.map((word) => word.replace("HOST", stage.host));
      expect([words, await rows(words)]).toEqual([words, expected.map((name) => `${stage.host}/${name}`)]);
    }
  });

  it("--sort and --noheading, as podman has them", async () => {
    await stage.pull("b", "1", app);
    await stage.pull("a", "2", older);
    const sorted = (key: string) => stage.env.ok(["images", "--sort", key, "--format", "{{.Tag}}"]);
    expect(await sorted("repository")).toBe("2\n1");
    expect(await sorted("tag")).toBe("1\n2");
    expect(await sorted("created")).toBe("1\n2");
    expect((await stage.env.ok(["images", "-n"])).split("\n")).toHaveLength(2);
  });

  it("formats as docker does", async () => {
    await stage.pull("team/app", "1.0", app);
    const line = await stage.env.ok(["images", "--format", "json"]);
    expect(JSON.parse(line)).toEqual({
      Containers: "0",
      CreatedAt: "2026-01-02 03:04:05 +0000 UTC",
      CreatedSince: expect.stringMatching(/ago$/),
      Digest: app.manifest.digest,
      ID: shortId(app.config.digest),
      Labels: "org.x=y,tier=web",
      Repository: `${stage.host}/team/app`,
      Tag: "1.0",
      Size: "1.5MB",
      VirtualSize: "1.5MB",
      SharedSize: "N/A",
      UniqueSize: "N/A",
    });
    expect(await stage.env.ok(["images", "--format", "{{json .}}"])).toBe(line);
    expect(await stage.env.ok(["images", "--format", '{{.Label "tier"}} {{upper .Tag}} {{slice .ID 0 4}}'])).toBe(
      `web 1.0 ${shortId(app.config.digest).slice(0, 4)}`,
    );
    expect(await stage.env.ok(["images", "--format", "table {{.Tag}}\\t{{.ID}}"])).toBe(
      `TAG       IMAGE ID\n1.0       ${shortId(app.config.digest)}`,
    );
    expect(await stage.env.ok(["images", "--format", "raw"])).toStartWith(
      `repository: ${stage.host}/team/app\ntag: 1.0\n`,
    );
  });

  it("refuses what it does not understand", async () => {
    await stage.pull("team/app", "1.0", app);
    for (const [args, code, message] of [
      [["-f", "nosuch=1"], 1, "invalid filter 'nosuch'"],
      [["-f", "dangling"], 125, 'invalid argument "dangling" for "-f, --filter" flag: bad format of filter'],
      [["-f", "dangling=maybe"], 1, "invalid filter 'dangling=maybe'"],
      [["-f", "before=nosuch"], 1, "no such image: nosuch"],
      [["--format", "{{.Nosuch}}"], 1, "failed to execute template: "],
      [["--format", "{{"], 1, "failed to parse template: "],
      [["a", "b"], 1, "'bunker images' requires at most 1 argument"],
      [["--nosuch"], 125, "unknown flag: --nosuch"],
    ] as const) {
      expect(await stage.env.fails(["images", ...args], code)).toStartWith(`bunker: ${message}`);
    }
  });
});

describe("inspect", () => {
  it("tells what docker tells", async () => {
    const reference = await stage.pull("team/app", "1.0", app);
    await stage.env.ok(["tag", reference, "localhost/mine"]);
    const text = await stage.env.ok(["inspect", reference]);
    const [inspection] = JSON.parse(text) as Record<string, unknown>[];
    expect(text).toStartWith('[\n    {\n        "Id": "sha256:');
    expect(inspection).toMatchObject({
      Id: app.config.digest,
      RepoTags: [reference, "localhost/mine:latest"],
      RepoDigests: [`${stage.host}/team/app@${app.manifest.digest}`],
      Created: "2026-01-02T03:04:05.678Z",
      Author: "somebody",
      Comment: "the comment",
      Os: "linux",
      Size: 1_500_000,
      Config: {
        User: "1000:1000",
        Env: ["PATH=/bin", "A=1"],
        Cmd: ["app", "-x"],
        Entrypoint: ["/entry"],
        WorkingDir: "/srv",
        Volumes: { "/data": {} },
        ExposedPorts: {
          "80/tcp": {},
          "53/udp": {},
        },
        StopSignal: "SIGQUIT",
        Labels: { tier: "web", "org.x": "y" },
        OnBuild: ["RUN x"],
        Shell: ["/bin/bash", "-c"],
        Healthcheck: { Test: ["CMD", "true"], Interval: 30_000_000_000, Retries: 3 },
      },
      RootFS: { Type: "layers", Layers: [layer.diffId] },
    });
    expect(await stage.env.ok(["image", "inspect", reference])).toBe(text);
    expect(await stage.env.ok(["inspect", "--type", "image", reference])).toBe(text);
    const template =
      '{{index .RepoTags 0}} {{.Config.Labels.tier}} {{index .Config.Labels "org.x"}} {{len .RootFS.Layers}}';
    expect(await stage.env.ok(["inspect", "-f", template, reference])).toBe(`${reference} web y 1`);
    expect(
      await stage.env.ok(["inspect", "-f", "{{range .Config.Env}}<{{.}}>{{end}}{{json .Config.Cmd}}", reference]),
    ).toBe('<PATH=/bin><A=1>["app","-x"]');
  });

  it("takes ids whole, in parts, with and without algorithm, and every form of a name", async () => {
    const reference = await stage.pull("team/app", "1.0", app);
    await stage.pull("undated", "latest", undated);
    for (const name of ["mine", "docker.io/user/theirs:x", "localhost/only:here", "cafe"])
      await stage.env.ok(["tag", reference, name]);
    const hex = app.config.digest.slice("sha256:".length);
    const words = [
      app.config.digest,
      hex,
      hex.slice(0, 12),
      hex.slice(0, 3),
      `sha256:${hex.slice(0, 20)}`,
      reference,
      `${stage.host}/team/app@${app.manifest.digest}`,
      `${reference}@${app.manifest.digest}`,
      "mine",
      "mine:latest",
      "library/mine",
      "docker.io/mine",
      "docker.io/library/mine:latest",
      "index.docker.io/mine",
      "user/theirs:x",
      "localhost/only:here",
      "only:here",
      "cafe",
    ];
    expect(await stage.env.ok(["inspect", "-f", "{{.Id}}", ...words])).toBe(
      words.map(() => app.config.digest).join("\n"),
    );
  });

  it("says what is not there, or cannot be", async () => {
    for (const [args, message] of [
      [["inspect", "nosuch"], "no such object: nosuch\nhint: "],
      [["inspect", "UPPER"], "no such object: UPPER\nhint: "],
      [
        ["inspect", "--type", "image", "UPPER"],
        "invalid reference format: repository name (library/UPPER) must be lowercase",
      ],
      [["inspect", "--type", "image", "nosuch"], "no such image: nosuch\nhint: "],
      [["image", "inspect", "nosuch:tag"], "no such image: nosuch:tag\nhint: "],
      [["image", "inspect", "sha256:00"], "no such image: sha256:00\nhint: "],
      [["inspect", "--type", "bogus", "x"], 'unknown type: "bogus": must be one of "container", "image"'],
    ] as const) {
      expect(await stage.env.fails([...args], 1)).toStartWith(`bunker: ${message}`);
    }
  });

  it("tells what it finds and what it does not, and fails", async () => {
    await stage.pull("team/app", "1.0", app);
    const { code, stdout, stderr } = await stage.env.run([
      "inspect",
      "-f",
      "{{.Id}}",
      "nosuch",
      shortId(app.config.digest),
      "nor",
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${app.config.digest}\n` });
    expect(stderr.split("\n").filter((line) => line.startsWith("bunker: "))).toEqual([
      "bunker: no such object: nosuch",
      "bunker: no such object: nor",
    ]);
  });

  it("will not choose between two ids", async () => {
    // Two configs whose digests begin alike, found by trying.
    const seen = new Map<string, string>();
    for (let at = 0; ; at += 1) {
      const candidate = makeImage({ layers: [second], run: { Env: [`N=${at}`] } });
      const prefix = candidate.config.digest.slice("sha256:".length, "sha256:".length + 3);
      const found = seen.get(prefix);
      if (found === undefined) {
        seen.set(prefix, `N=${at}`);
        continue;
      }
      const twin = makeImage({ layers: [second], run: { Env: [found] } });
      for (const content of [candidate, twin]) {
        await stage.pull("team/twin", crypto.randomUUID(), content);
      }
      expect(await stage.env.fails(["inspect", "--type", "image", prefix], 1)).toStartWith(
        `bunker: multiple images match the id "${prefix}"\nhint: `,
      );
      expect(await stage.env.fails(["rmi", prefix], 1)).toStartWith(
        `bunker: multiple images match the id "${prefix}"\nhint: `,
      );
      return;
    }
  });
});
