// An image is data, never policy: nothing in it weakens isolation, names something of the host or reads from there.

import { describe, expect } from "bun:test";

import { CONFIG_FIELDS, KEYS, TOP_FIELDS } from "../../support/engine-keys.ts";
import { isLong } from "../../support/guards.ts";
import { hostileImage } from "../../support/hostile.ts";
import { descriptorOf, type Image, type Index, makeIndex } from "../../support/image.ts";
import { comparePostures, type Posture, readPosture } from "../../support/posture.ts";
import { startRegistry } from "../../support/registry.ts";
import { useStage } from "../../support/stage.ts";
import { directory, file, symlink } from "../../support/tar.ts";

const SECRET = "host-secret-7d1e";
const stage = useStage({
  needs: ["probe"],
  environment: { environment: { HOST_SECRET: SECRET, SECRET_OTHER: SECRET } },
  prepare: async (opened) => {
    await opened.add("clean", hostileImage());
  },
});

const run = (...words: string[]) => ["run", "--rm", "--network", "none", ...words];

async function postureOf(image: string): Promise<Posture> {
  return readPosture(await stage.env.ok(run(image, "/probe")));
}

/** The image with every key wherever there is room for one. */
function annotated(image: Image): Index {
  const { manifest, layers, config } = image;
  const document = JSON.parse(Buffer.from(manifest.bytes).toString()) as Record<string, unknown>;
  const withKeys = (descriptor: object) => ({ ...descriptor, annotations: KEYS, ...CONFIG_FIELDS });
  const changed = {
    ...document,
    annotations: KEYS,
    config: withKeys(descriptorOf(config)),
    layers: layers.map((layer) => withKeys(descriptorOf(layer))),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(changed));
  const digest = `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
  const hostile = { ...image, manifest: { ...manifest, bytes, digest, size: bytes.byteLength } };
  const descriptors = [withKeys({ ...descriptorOf(hostile.manifest), platform: image.platform })];
  return makeIndex([hostile], { index: { annotations: KEYS, manifests: descriptors } });
}

/** What docker shows of a container, without what is never the same. */
async function inspected(image: string): Promise<Record<string, unknown>> {
  const id = await stage.env.ok(["create", "--network", "none", image]);
  const text = await stage.env.ok(["inspect", id]);
  const name = /"Name": "\/(\w+)"/.exec(text)?.[1] ?? "";
  const [shown] = JSON.parse(
    text.replaceAll(id, "ID").replaceAll(id.slice(0, 12), "SHORT").replaceAll(name, "NAME").replaceAll(image, "IMAGE"),
  ) as [Record<string, unknown>];
  const { Config: config, ...rest } = shown;
  return { ...rest, Config: { ...(config as object), Labels: {} }, Created: "", Image: "" };
}

describe("labels, annotations and fields of other engines (CVE-2026-94603)", () => {
  stage.it("change nothing of a container, wherever they stand", async () => {
    using registry = startRegistry();
    const clean = await postureOf("clean");
    const images: Record<string, Image> = {
      labels: hostileImage({ run: { Labels: KEYS } }),
      fields: hostileImage({ run: CONFIG_FIELDS, config: TOP_FIELDS }),
      docker: hostileImage({ family: "docker", run: { ...CONFIG_FIELDS, Labels: KEYS } }),
    };
    for (const [name, image] of Object.entries(images)) {
      await stage.add(name, image);
      expect([name, comparePostures(clean, await postureOf(name))]).toEqual([name, []]);
      expect([name, await inspected(name)]).toEqual([name, await inspected("clean")]);
    }
    const everywhere = annotated(hostileImage({ run: { ...CONFIG_FIELDS, Labels: KEYS }, config: TOP_FIELDS }));
    const reference = registry.push("everywhere", "1", everywhere);
    await stage.env.ok(["pull", "--quiet", reference]);
    expect(comparePostures(clean, await postureOf(reference))).toEqual([]);
  });

  stage.it("are kept as labels, and a user's label wins", async () => {
    await stage.add("labels", hostileImage({ run: { Labels: KEYS } }));
    const id = await stage.env.ok(["create", "--label", "io.bunker.privileged=mine", "labels"]);
    const labels = JSON.parse(await stage.env.ok(["inspect", "--format", "{{json .Config.Labels}}", id])) as object;
    expect(labels).toEqual({ ...KEYS, "io.bunker.privileged": "mine" });
  });
});

describe("the image's environment", () => {
  stage.it("takes nothing from the host's (CVE-2026-57231)", async () => {
    const env = [
      "*",
      "HOST_SECRET",
      "SECRET*",
      "HOME",
      "=x",
      "",
      "A",
      "B=\0c",
      "PATH=/bin",
      "OK=1",
      "*=star",
      "$(id)=x",
    ];
    await stage.add("env", hostileImage({ run: { Env: env } }));
    const said = (await stage.env.ok(run("env", "env"))).split("\n").sort();
    expect(said.filter((line) => !line.startsWith("HOSTNAME="))).toEqual(
      ["$(id)=x", "*=star", "HOME=/root", "OK=1", "PATH=/bin", "container=bunker"].sort(),
    );
    expect(await stage.env.ok(run("-e", "HOST_SECRET", "env", "sh", "-c", "echo $HOST_SECRET"))).toBe(SECRET);
  });

  stage.it("reaches the container's process alone, whatever it is called", async () => {
    const names = ["LD_PRELOAD", "LD_LIBRARY_PATH", "BUN_OPTIONS", "NODE_OPTIONS", "XDG_RUNTIME_DIR", "HOME", "TMPDIR"];
    await stage.add("preload", hostileImage({ run: { Env: ["PATH=/bin", ...names.map((name) => `${name}=/evil`)] } }));
    expect(await stage.env.ok(run("--init", "preload", "sh", "-c", "echo $LD_PRELOAD $XDG_RUNTIME_DIR"))).toBe(
      "/evil /evil",
    );
  });

  stage.it("is each container's own (CVE-2020-14370)", async () => {
    const numbers = Array.from({ length: isLong() ? 200 : 24 }, (_, at) => String(at));
    const said = await Promise.all(
      numbers.map((at) => stage.env.ok(run("-e", `OWN=${at}`, "clean", "sh", "-c", "echo $OWN; env | grep -c OWN"))),
    );
    expect(said).toEqual(numbers.map((at) => `${at}\n1`));
  });
});

describe("the image's volumes (CVE-2022-23648)", () => {
  const volume = (path: string, files = [directory("seed", { mode: 0o755 })]) =>
    hostileImage({ files, run: { Volumes: { [path]: {} } } });

  const REFUSED: Record<string, [Image, RegExp]> = {
    root: [volume("/"), /"\/" leads to the container's root/],
    "root-by-dots": [volume("/a/../.."), /leads to the container's root/],
    "root-by-link": [volume("/link", [symlink("link", "/")]), /leads to the container's root/],
    "root-by-relative-link": [volume("/link", [symlink("link", "../../..")]), /leads to the container's root/],
    proc: [volume("/proc"), /leads into the container's \/proc/],
    "proc-below": [volume("/proc/sys/kernel"), /leads into the container's \/proc/],
    "proc-by-link": [volume("/link", [symlink("link", "proc")]), /leads into the container's \/proc/],
    "proc-own": [volume("/link/x", [symlink("link", "/proc/self")]), /mount point|leads into/],
    file: [volume("/etc/passwd"), /mount point "\/etc\/passwd"/],
  };

  stage.it("are refused over the root and in /proc, and leave nothing", async () => {
    for (const [name, [image, message]] of Object.entries(REFUSED)) {
      await stage.add(name, image);
      expect([name, await stage.env.fails(run(name, "true"), 125)]).toEqual([name, expect.stringMatching(message)]);
    }
  });

  stage.it("are filled from the image alone, by the place they lead to inside", async () => {
    const { root } = stage.canary;
    const seeded = [directory("seed"), file("seed/file", "image\n"), symlink("seed/out", `${root}/private`)];
    const cases: Record<string, [Image, string]> = {
      above: [volume("/../../seed", seeded), "file\nout"],
      "by-link": [volume("/link", [...seeded, symlink("link", "/seed")]), "file\nout"],
      outward: [volume("/link", [symlink("link", root)]), ""],
      "outward-relative": [volume("/link/folder", [symlink("link", `../../../../..${root}`)]), ""],
      dev: [volume("/dev"), ""],
      sys: [volume("/sys"), ""],
      shm: [volume("/dev/shm"), ""],
      colon: [volume("/a:b"), ""],
    };
    for (const [name, [image, list]] of Object.entries(cases)) {
      await stage.add(name, image);
      const [place = ""] = Object.keys(
        (JSON.parse(Buffer.from(image.config.bytes).toString()) as { config: { Volumes: object } }).config.Volumes,
      );
      expect([name, await stage.env.ok(run(name, "ls", place))]).toEqual([name, list]);
    }
    // A link that was copied is a link, and leads nowhere inside.
    await stage.env.fails(run("above", "cat", "/seed/out"), 1);
  });

  stage.it("that are no absolute paths are none", async () => {
    const Volumes = { data: {}, "": {}, "C:\\data": {}, "./x": {}, "~/x": {}, "/ok": {} };
    await stage.add("odd", hostileImage({ run: { Volumes } }));
    const id = await stage.env.ok(["create", "odd"]);
    expect(await stage.env.ok(["inspect", "--format", "{{range .Mounts}}{{.Destination}} {{end}}", id])).toBe("/ok ");
  });

  stage.it("may be many", async () => {
    const count = isLong() ? 1024 : 128;
    const Volumes = Object.fromEntries(Array.from({ length: count }, (_, at) => [`/v/${at}`, {}]));
    await stage.add("many", hostileImage({ run: { Volumes } }));
    expect(await stage.env.ok(run("many", "sh", "-c", "grep -c ' /v/' /proc/self/mountinfo"))).toBe(String(count));
  });
});
