// How the tests' images are made, each by tools other than ours: umoci, skopeo, mmdebstrap, GNU tar. A recipe fills an OCI
// layout whose tag is "latest". image-cache.ts runs them, once per content of this file.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export interface Recipe {
  /** Files besides this one that its content depends on. */
  inputs?: string[];
  /** Made before, and given by path of their layouts. */
  needs?: string[];
  make(layout: string, needed: string[], scratch: string): void;
}

const PROBE = resolve(import.meta.dir, "../../dist/test/probe");
const ARCHITECTURE = process.arch === "x64" ? "amd64" : "arm64";
/** So that a layer made twice is the same. */
const CLOCK = ["--sort=name", "--mtime=@1700000000", "--owner=0", "--group=0", "--numeric-owner"];
/** Of Debian's packages: what is read by people, and postgres' compiler of queries, which is as large as all the rest. */
const LEFT_OUT = [
  "/usr/share/doc/*",
  "/usr/share/locale/*",
  "/usr/share/man/*",
  "*/libLLVM*",
  "*/llvmjit*",
  "*/bitcode/*",
];
const SHELL = ["--config.cmd=sh", "--config.env=PATH=/bin:/sbin:/usr/bin"];

export const RECIPES: Record<string, Recipe> = {
  /** busybox and nothing else: the smallest thing one can work in. */
  busybox: {
    inputs: ["/bin/busybox"],
    make(layout, _needed, scratch) {
      newImage(layout);
      addLayer(layout, tarOf(busyboxRoot(scratch), ["."]));
      configure(layout, SHELL);
    },
  },

  /** Only the posture probe. */
  probe: {
    inputs: [PROBE],
    make(layout, _needed, scratch) {
      newImage(layout);
      addLayer(layout, tarOf(tree(join(scratch, "root"), { probe: PROBE }), ["probe"]));
      configure(layout, ["--config.entrypoint=/probe"]);
    },
  },

  /** Whiteouts, an opaque directory, directories that an archive only implies, a hard link into a lower layer. */
  layered: {
    inputs: ["/bin/busybox"],
    make(layout, _needed, scratch) {
      newImage(layout);
      const base = tree(busyboxRoot(scratch), {
        "data/removed": "lower\n",
        "data/kept": "lower\n",
        "data/replaced": "lower\n",
        "opaque/below": "lower\n",
        "was-directory/inside": "lower\n",
        "was-file": "lower\n",
        "linked/target": "lower\n",
      });
      addLayer(layout, tarOf(base, ["."]));
      const changes = tree(join(scratch, "changes"), {
        "data/.wh.removed": "",
        "data/replaced": "upper\n",
        "opaque/.wh..wh..opq": "",
        "opaque/above": "upper\n",
        ".wh.was-directory": "",
        "was-file/inside": "upper\n",
      });
      addLayer(layout, tarOf(changes, ["."]));
      // No entry for tmp/ itself: its mode and owner are the lower layer's. None for opt/a/ anywhere.
      const implied = tree(join(scratch, "implied"), { "tmp/implied": "upper\n", "opt/a/b": "upper\n" });
      addLayer(layout, tarOf(implied, ["--no-recursion", "tmp/implied", "opt/a/b"]));
      addLayer(layout, tarOfLink(scratch, "linked/target", "linked/name"));
      configure(layout, SHELL);
    },
  },

  /** An index with this machine's platform and a foreign one; /platform says which was taken. */
  index: {
    make(layout, _needed, scratch) {
      newImage(layout);
      const foreign = ARCHITECTURE === "amd64" ? "arm64" : "amd64";
      const manifests = [ARCHITECTURE, foreign].map((architecture) => {
        run(["umoci", "new", `--image=${layout}:${architecture}`]);
        const root = tree(join(scratch, architecture), { platform: `${architecture}\n`, busybox: "/bin/busybox" });
        addLayer(layout, tarOf(root, ["."]), architecture);
        configure(layout, [`--architecture=${architecture}`, "--os=linux", "--config.cmd=/busybox"], architecture);
        return { ...descriptorOf(layout, architecture), platform: { os: "linux", architecture } };
      });
      writeIndex(layout, manifests);
    },
  },

  /** busybox again, its layer compressed with zstd. */
  zstd: {
    needs: ["busybox"],
    make(layout, [busybox = ""]) {
      run([
        "skopeo",
        "--insecure-policy",
        "copy",
        "--dest-compress-format=zstd",
        `oci:${busybox}:latest`,
        `oci:${layout}:latest`,
      ]);
    },
  },

  /** A small Debian. */
  debian: {
    make: (layout, _needed, scratch) => debian(layout, scratch, []),
  },

  /** A Debian with servers that people run, and their clients: some 300 MB. */
  services: {
    make: (layout, _needed, scratch) =>
      debian(layout, scratch, ["curl", "nginx-light", "postgresql", "redis-server", "socat"]),
  },
};

function newImage(layout: string): void {
  run(["umoci", "init", `--layout=${layout}`]);
  run(["umoci", "new", `--image=${layout}:latest`]);
}

function addLayer(layout: string, tar: string, tag = "latest"): void {
  run(["umoci", "raw", "add-layer", `--image=${layout}:${tag}`, tar]);
}

function configure(layout: string, options: string[], tag = "latest"): void {
  run(["umoci", "config", `--image=${layout}:${tag}`, ...options]);
  run(["umoci", "gc", `--layout=${layout}`]);
}

/** The machine's own package sources, so that no host is named here and a mirror or proxy is used where one is. */
function debian(layout: string, scratch: string, packages: string[]): void {
  const release = readFileSync("/etc/os-release", "utf8");
  const suite = /^VERSION_CODENAME=(.*)$/m.exec(release)?.[1] ?? "stable";
  const tar = join(scratch, "root.tar");
  const include = packages.length === 0 ? [] : [`--include=${packages.join(",")}`];
  run([
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    '--aptopt=Acquire::Check-Valid-Until "false"',
    ...include,
    ...LEFT_OUT.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    suite,
    tar,
    ...sources(),
  ]);
  newImage(layout);
  addLayer(layout, tar);
  configure(layout, [
    "--config.cmd=bash",
    "--config.env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ]);
}

function sources(): string[] {
  const folder = "/etc/apt/sources.list.d";
  const listed = readdirSync(folder)
    .filter((name) => /\.(list|sources)$/.test(name))
    .map((name) => join(folder, name));
  // Other vendors' sources have keys and suites of their own.
  const ours = listed.filter((path) => /debian|ubuntu/.test(path));
  const old = "/etc/apt/sources.list";
  return statSync(old, { throwIfNoEntry: false })?.size ? [old, ...ours] : ours;
}

function busyboxRoot(scratch: string): string {
  const root = tree(join(scratch, "busybox"), {
    "bin/busybox": "/bin/busybox",
    "etc/passwd":
      "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nuser:x:1000:1000::/:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\nuser:x:1000:\nextra:x:2000:user\n",
    "root/.keep": "",
  });
  const applets = output(["/bin/busybox", "--list"])
    .split("\n")
    .filter((name) => name !== "" && name !== "busybox");
  for (const name of applets) symlinkSync("busybox", join(root, "bin", name));
  mkdirSync(join(root, "tmp"));
  run(["chmod", "1777", join(root, "tmp")]);
  return root;
}

/** Makes files below `root`. A value that is an absolute path is copied from there. */
function tree(root: string, files: Record<string, string>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (content.startsWith("/")) copyFileSync(content, path);
    else writeFileSync(path, content);
  }
  return root;
}

function tarOf(root: string, what: string[]): string {
  const path = `${root}.tar`;
  run(["tar", ...CLOCK, "-cf", path, "-C", root, ...what]);
  return path;
}

/** An archive that has a hard link but not what it links to. */
function tarOfLink(scratch: string, target: string, name: string): string {
  const root = tree(join(scratch, "link"), { [target]: "lower\n" });
  run(["ln", join(root, target), join(root, name)]);
  const path = `${root}.tar`;
  run(["tar", "--mtime=@1700000000", "--owner=0", "--group=0", "-cf", path, "-C", root, target, name]);
  run(["tar", "--delete", "-f", path, target]);
  return path;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

function descriptorOf(layout: string, tag: string): Descriptor {
  const { manifests } = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as {
    manifests: (Descriptor & { annotations?: Record<string, string> })[];
  };
  const found = manifests.find(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] === tag);
  if (found === undefined) throw new Error(`no image "${tag}" in ${layout}`);
  return { mediaType: found.mediaType, digest: found.digest, size: found.size };
}

/** Makes "latest" an index of these, as no tool at hand does. */
function writeIndex(layout: string, manifests: object[]): void {
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const index = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
  const hex = new Bun.CryptoHasher("sha256").update(index).digest("hex");
  writeFileSync(join(layout, "blobs/sha256", hex), index);
  const latest = {
    mediaType,
    digest: `sha256:${hex}`,
    size: index.length,
    annotations: { "org.opencontainers.image.ref.name": "latest" },
  };
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [latest] }));
}

function output(command: string[]): string {
  const { success, stdout, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

function run(command: string[]): void {
  output(command);
}
