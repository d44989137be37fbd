// docker images, tag, rmi and inspect: columns, filters, formats, which names and ids mean what, and what goes when a name goes.

import { afterAll, afterEach, beforeAll, describe, expect } from "bun:test";

import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";
import { makeImage, makeIndex, makeLayer } from "../support/image.ts";
import { Invariants } from "../support/invariants.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { file } from "../support/tar.ts";

const it = requires("root", "bunker", "subids", "userns");

const layer = makeLayer([file("data", new Uint8Array(1_500_000))]);
const second = makeLayer([file("second", "x")]);
const app = makeImage({
  layers: [layer],
  run: {
    Cmd: ["app", "-x"],
    Entrypoint: ["/entry"],
    Env: ["PATH=/bin", "A=1"],
    Labels: {
      tier: "web",
      "org.x": "y",
    },
    WorkingDir: "/srv",
    User: "1000:1000",
    Volumes: { "/data": {} },
    ExposedPorts: {
      "80/tcp": {},
      "53/udp": {},
    },
    StopSignal: "SIGQUIT",
    OnBuild: ["RUN x"],
    Shell: ["/bin/bash", "-c"],
    Healthcheck: {
      Test: ["CMD", "true"],
      Interval: 3e10,
      Retries: 3,
    },
  },
  config: { created: "2026-01-02T03:04:05.678Z", author: "somebody", history: [{ comment: "the comment" }] },
});
const older = makeImage({ layers: [layer, second], config: { created: "2025-01-01T00:00:00Z" } });
const undated = makeImage({ layers: [second], config: { created: undefined } });
const short = (digest: string): string => digest.slice("sha256:".length, "sha256:".length + 12);

let env: TestEnv;
let registry: TestRegistry;
let host: string;
let watch: Invariants;
const usable = it !== (it.skip as unknown);
beforeAll(async () => {
  if (!usable) return;
  registry = startRegistry();
  ({ host } = registry);
  env = await TestEnv.create();
  watch = await Invariants.watch(env);
});
afterEach(async () => {
  if (!usable) return;
  // Each test begins with an empty store.
  const ids = [...new Set((await env.ok(["images", "-aq", "--no-trunc"])).split("\n"))].filter((id) => id !== "");
  if (ids.length > 0) await env.ok(["rmi", "-f", ...ids]);
  await watch.check({ unchanged: true });
});
afterAll(async () => {
  if (!usable) return;
  await env[Symbol.asyncDispose]();
  registry.stop();
});

async function pullAll(): Promise<void> {
  for (const [repository, tag, content] of [
    ["team/app", "1.0", app],
    ["team/older", "old", older],
    ["undated", "latest", undated],
  ] as const) {
    await env.ok(["pull", "-q", registry.push(repository, tag, content)]);
  }
}

const rows = async (args: string[]): Promise<string[]> =>
  (await env.ok(["images", "--format", "{{.Repository}}:{{.Tag}}", ...args])).split("\n").filter((line) => line !== "");

describe("images", () => {
  it("lists newest first, in docker's columns", async () => {
    await pullAll();
    const [head, ...lines] = (await env.ok(["images"])).split("\n");
    expect(head).toMatch(/^REPOSITORY {3,}TAG {3,}IMAGE ID {3,}CREATED {3,}SIZE$/);
    expect(lines.map((line) => line.split(/ {3,}/))).toEqual([
      [`${host}/team/app`, "1.0", short(app.config.digest), expect.stringMatching(/ago$/), "1.5MB"],
      [`${host}/team/older`, "old", short(older.config.digest), expect.stringMatching(/ago$/), "1.5MB"],
      // Go's zero time has no age.
      [`${host}/undated`, "latest", short(undated.config.digest), "1B"],
    ]);
    const [wide] = (await env.ok(["images", "--digests"])).split("\n");
    expect(wide).toMatch(/^REPOSITORY {3,}TAG {3,}DIGEST {3,}IMAGE ID {3,}CREATED {3,}SIZE$/);
    expect(await env.ok(["images", "--digests", "--no-trunc", `${host}/team/app`])).toContain(
      `${app.manifest.digest}   ${app.config.digest}`,
    );
    expect(await env.ok(["images", "-q"])).toBe(
      [app, older, undated].map(({ config }) => short(config.digest)).join("\n"),
    );
    expect(await env.ok(["images", "-q", "--no-trunc", `${host}/undated`])).toBe(undated.config.digest);
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
      const words = args.map((word) => word.replace("HOST", host));
      expect([words, await rows(words)]).toEqual([words, expected.map((name) => `${host}/${name}`)]);
    }
  });

  it("formats as docker does", async () => {
    await env.ok(["pull", "-q", registry.push("team/app", "1.0", app)]);
    const line = await env.ok(["images", "--format", "json"]);
    expect(JSON.parse(line)).toEqual({
      Containers: "0",
      CreatedAt: "2026-01-02 03:04:05 +0000 UTC",
      CreatedSince: expect.stringMatching(/ago$/),
      Digest: app.manifest.digest,
      ID: short(app.config.digest),
      Labels: "org.x=y,tier=web",
      Repository: `${host}/team/app`,
      Tag: "1.0",
      Size: "1.5MB",
      VirtualSize: "1.5MB",
      SharedSize: "N/A",
      UniqueSize: "N/A",
    });
    expect(await env.ok(["images", "--format", "{{json .}}"])).toBe(line);
    expect(await env.ok(["images", "--format", '{{.Label "tier"}} {{upper .Tag}} {{slice .ID 0 4}}'])).toBe(
      `web 1.0 ${short(app.config.digest).slice(0, 4)}`,
    );
    expect(await env.ok(["images", "--format", "table {{.Tag}}\\t{{.ID}}"])).toBe(
      `TAG       IMAGE ID\n1.0       ${short(app.config.digest)}`,
    );
    expect(await env.ok(["images", "--format", "raw"])).toStartWith(`repository: ${host}/team/app\ntag: 1.0\n`);
  });

  it("refuses what it does not understand", async () => {
    await env.ok(["pull", "-q", registry.push("team/app", "1.0", app)]);
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
      expect(await env.fails(["images", ...args], code)).toStartWith(`bunker: ${message}`);
    }
  });
});

describe("inspect", () => {
  it("tells what docker tells", async () => {
    const reference = registry.push("team/app", "1.0", app);
    await env.ok(["pull", "-q", reference]);
    await env.ok(["tag", reference, "localhost/mine"]);
    const text = await env.ok(["inspect", reference]);
    const [inspection] = JSON.parse(text) as Record<string, unknown>[];
    expect(text).toStartWith('[\n    {\n        "Id": "sha256:');
    expect(inspection).toMatchObject({
      Id: app.config.digest,
      RepoTags: [reference, "localhost/mine:latest"],
      RepoDigests: [`${host}/team/app@${app.manifest.digest}`],
      Created: "2026-01-02T03:04:05.678Z",
      Author: "somebody",
      Comment: "the comment",
      Os: "linux",
      Size: 15e5,
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
        Labels: {
          tier: "web",
          "org.x": "y",
        },
        OnBuild: ["RUN x"],
        Shell: ["/bin/bash", "-c"],
        Healthcheck: {
          Test: ["CMD", "true"],
          Interval: 3e10,
          Retries: 3,
        },
      },
      RootFS: {
        Type: "layers",
        Layers: [layer.diffId],
      },
    });
    expect(await env.ok(["image", "inspect", reference])).toBe(text);
    expect(await env.ok(["inspect", "--type", "image", reference])).toBe(text);
    const template =
      '{{index .RepoTags 0}} {{.Config.Labels.tier}} {{index .Config.Labels "org.x"}} {{len .RootFS.Layers}}';
    expect(await env.ok(["inspect", "-f", template, reference])).toBe(`${reference} web y 1`);
    expect(await env.ok(["inspect", "-f", "{{range .Config.Env}}<{{.}}>{{end}}{{json .Config.Cmd}}", reference])).toBe(
      '<PATH=/bin><A=1>["app","-x"]',
    );
  });

  it("takes ids whole, in parts, with and without algorithm, and every form of a name", async () => {
    const reference = registry.push("team/app", "1.0", app);
    await env.ok(["pull", "-q", reference]);
    await env.ok(["pull", "-q", registry.push("undated", "latest", undated)]);
    for (const name of ["mine", "docker.io/user/theirs:x", "localhost/only:here", "cafe"])
      await env.ok(["tag", reference, name]);
    const hex = app.config.digest.slice("sha256:".length);
    const words = [
      app.config.digest,
      hex,
      hex.slice(0, 12),
      hex.slice(0, 3),
      `sha256:${hex.slice(0, 20)}`,
      reference,
      `${host}/team/app@${app.manifest.digest}`,
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
    expect(await env.ok(["inspect", "-f", "{{.Id}}", ...words])).toBe(words.map(() => app.config.digest).join("\n"));
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
      expect(await env.fails([...args], 1)).toStartWith(`bunker: ${message}`);
    }
  });

  it("tells what it finds and what it does not, and fails", async () => {
    await env.ok(["pull", "-q", registry.push("team/app", "1.0", app)]);
    const { code, stdout, stderr } = await env.run([
      "inspect",
      "-f",
      "{{.Id}}",
      "nosuch",
      short(app.config.digest),
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
        await env.ok(["pull", "-q", registry.push("team/twin", crypto.randomUUID(), content)]);
      }
      expect(await env.fails(["inspect", "--type", "image", prefix], 1)).toStartWith(
        `bunker: multiple images match the id "${prefix}"\nhint: `,
      );
      expect(await env.fails(["rmi", prefix], 1)).toStartWith(
        `bunker: multiple images match the id "${prefix}"\nhint: `,
      );
      return;
    }
  });
});

describe("tag", () => {
  it("gives an image another name, which may have been another image's", async () => {
    const reference = registry.push("team/app", "1.0", app);
    const another = registry.push("undated", "latest", undated);
    for (const name of [reference, another]) await env.ok(["pull", "-q", name]);
    expect(await env.ok(["tag", reference, "mine:1"])).toBe("");
    await env.ok(["tag", "mine:1", "mine:1"]);
    await env.ok(["tag", another, "mine:1"]);
    expect(await env.ok(["inspect", "-f", "{{.Id}}", "mine:1"])).toBe(undated.config.digest);
    await env.ok(["tag", reference, another]);
    // Nothing but the id is left of the image whose last name went to another... but for the one it got before.
    expect(await env.ok(["inspect", "-f", "{{.RepoTags}}", undated.config.digest])).toBe("[mine:1]");
    expect(await env.ok(["inspect", "-f", "{{.RepoTags}}", app.config.digest])).toBe(`[${reference} ${another}]`);
  });

  it("of an index stays one", async () => {
    const index = makeIndex([app]);
    const reference = registry.push("team/index", "1", index);
    await env.ok(["pull", "-q", reference]);
    await env.ok(["tag", reference, `${host}/team/index:2`]);
    expect(await env.ok(["images", "--digests", "--format", "{{.Tag}} {{.Digest}}"])).toBe(
      `1 ${index.manifest.digest}\n2 ${index.manifest.digest}`,
    );
  });

  it("refuses names that are none, and images that are not there", async () => {
    await env.ok(["pull", "-q", registry.push("team/app", "1.0", app)]);
    const before = await env.ok(["images", "-a"]);
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
      expect(await env.fails(["tag", source.replace("HOST", host), target], 1)).toMatch(words);
    }
    expect(await env.ok(["images", "-a"])).toBe(before);
  });
});

describe("rmi", () => {
  it("takes a name away, and the image with the last one", async () => {
    const reference = registry.push("team/app", "1.0", app);
    await env.ok(["pull", "-q", reference]);
    await env.ok(["tag", reference, "mine"]);
    expect(await env.ok(["rmi", "mine"])).toBe("Untagged: mine:latest");
    expect(await env.ok(["rmi", reference])).toBe(
      [
        `Untagged: ${reference}`,
        `Untagged: ${host}/team/app@${app.manifest.digest}`,
        `Deleted: ${app.config.digest}`,
        `Deleted: ${layer.diffId}`,
      ].join("\n"),
    );
    expect(await rows([])).toEqual([]);
  });

  it("keeps what other images need", async () => {
    const [one, two] = [registry.push("team/app", "1.0", app), registry.push("team/older", "1", older)];
    for (const reference of [one, two]) await env.ok(["pull", "-q", reference]);
    expect(await env.ok(["rmi", two])).toEndWith(`Deleted: ${older.config.digest}\nDeleted: ${second.diffId}`);
    expect(await env.ok(["rmi", one])).toEndWith(`Deleted: ${layer.diffId}`);
  });

  it("by id takes an image with its one name, or with several when forced", async () => {
    const reference = registry.push("team/app", "1.0", app);
    await env.ok(["pull", "-q", reference]);
    await env.ok(["tag", reference, "mine"]);
    const id = short(app.config.digest);
    expect(await env.fails(["rmi", id], 1)).toBe(
      `bunker: conflict: unable to delete ${id} (must be forced) - image is referenced in multiple repositories\n` +
        "hint: Remove its names one by one, or all of them with -f.\n",
    );
    expect((await env.ok(["rmi", "-f", id])).split("\n")).toEqual([
      `Untagged: ${reference}`,
      `Untagged: ${host}/team/app@${app.manifest.digest}`,
      "Untagged: mine:latest",
      `Untagged: mine@${app.manifest.digest}`,
      `Deleted: ${app.config.digest}`,
      `Deleted: ${layer.diffId}`,
    ]);
  });

  it("takes several, tells what is not there, and goes on", async () => {
    await pullAll();
    const { code, stdout, stderr } = await env.run([
      "rmi",
      "nosuch",
      `${host}/undated`,
      "UPPER",
      `${host}/team/app:1.0`,
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain(`Deleted: ${undated.config.digest}`);
    expect(stdout).toContain(`Deleted: ${app.config.digest}`);
    expect(stderr).toContain("bunker: no such image: nosuch\n");
    expect(stderr).toContain("bunker: invalid reference format: repository name (library/UPPER) must be lowercase\n");
    expect(await rows([])).toEqual([`${host}/team/older:old`]);
    expect((await env.run(["rmi", "-f", "nosuch"])).code).toBe(0);
    expect(await env.fails(["rmi"], 1)).toStartWith("bunker: 'bunker rmi' requires at least 1 argument");
  });

  it("leaves an image that a container was made from, in docker's words", async () => {
    const reference = registry.push("team/app", "1.0", app);
    await env.ok(["pull", "-q", reference]);
    const container = await env.ok(["create", "--name", "user", reference]);
    const [id, used] = [short(app.config.digest), container.slice(0, 12)];
    expect(await env.ok(["images", "--format", "{{.Containers}}"])).toBe("1");
    expect(await env.fails(["rmi", reference], 1)).toBe(
      `bunker: conflict: unable to remove repository reference "${reference}" (must force) - ` +
        `container ${used} is using its referenced image ${id}\nhint: Remove that container first: \`bunker rm user\`.\n`,
    );
    expect(await env.fails(["rmi", id], 1)).toStartWith(
      `bunker: conflict: unable to delete ${id} (must be forced) - image is being used by stopped container ${used}\n`,
    );
    // One name of two is nobody's loss.
    await env.ok(["tag", reference, "mine"]);
    expect(await env.ok(["rmi", "mine"])).toBe("Untagged: mine:latest");
    // Forced, it loses its name and stays for the container's sake.
    expect(await env.ok(["rmi", "-f", reference])).toBe(`Untagged: ${reference}`);
    expect(await rows(["-f", "dangling=true"])).toEqual(["<none>:<none>"]);
    expect(await env.ok(["inspect", "-f", "{{.Image}}", "user"])).toBe(app.config.digest);
    await env.ok(["rm", "-v", "user"]);
    expect(await env.ok(["rmi", id])).toBe(`Deleted: ${app.config.digest}\nDeleted: ${layer.diffId}`);
  });

  it("never takes the image of a running container by its id", async () => {
    const busybox = new Uint8Array(await Bun.file("/bin/busybox").arrayBuffer());
    const tool = makeImage({
      layers: [makeLayer([file("sleep", busybox, { mode: 0o755 })])],
      run: { Cmd: ["/sleep", "60"] },
    });
    const reference = registry.push("team/sleep", "1", tool);
    const container = await env.ok(["run", "-d", "--name", "sleeper", "--network", "none", "-q", reference]);
    const [id, used] = [short(tool.config.digest), container.slice(0, 12)];
    expect(await env.fails(["rmi", "-f", id], 1)).toStartWith(
      `bunker: conflict: unable to delete ${id} (cannot be forced) - image is being used by running container ${used}\n`,
    );
    expect(await rows([])).toEqual([reference]);
    expect(await env.ok(["rmi", "-f", reference])).toBe(`Untagged: ${reference}`);
    expect(await env.ok(["exec", "sleeper", "/sleep", "0"])).toBe("");
    await env.ok(["rm", "-f", "sleeper"]);
  });
});
