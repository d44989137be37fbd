// The house rules that a machine can hold: who may import what, names, sizes, where unsafe code lies. The tables are the
// rules; change them only together with what README's map says.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = normalize(join(import.meta.dir, "../.."));

/** Which modules a module may import; `type:x` allows only types of x. Files directly in src are modules of their own. */
const MAY_IMPORT: Record<string, string[]> = {
  errors: [],
  log: ["errors"],
  image: ["errors"],
  build: ["image", "errors"],
  // A container's model holds the mounts it was asked for.
  container: ["image", "errors", "type:network", "type:volume"],
  host: ["errors"],
  network: ["image", "errors"],
  volume: ["image", "errors"],
  systemd: ["image", "errors"],
  registry: ["image", "errors", "log"],
  native: ["errors"],
  // The records hold a container's and a network's model; what is in them is not the store's business.
  store: ["image", "errors", "log", "native", "type:container", "type:network"],
  engine: [
    "errors",
    "log",
    "image",
    "build",
    "container",
    "host",
    "network",
    "volume",
    "systemd",
    "registry",
    "store",
    "native",
  ],
  // Words become typed requests here, by the pure modules' parsers.
  cli: ["engine", "errors", "log", "native", "image", "build", "container", "host", "network", "volume", "systemd"],
  api: ["engine", "errors", "log", "image", "build", "container", "network", "volume", "systemd"],
  main: ["cli", "api", "engine", "errors", "log", "native"],
};

/** Packages of others, and the one place that knows each. */
const ONLY_IN: Record<string, RegExp> = {
  citty: /^src\/cli\//,
  consola: /^src\/log\.ts$/,
  hyperid: /^src\/(engine|store)\//,
  "bun:sqlite": /^src\/store\//,
};

const PURE = new Set(["image", "build", "container", "host", "network", "volume", "systemd"]);
const EFFECT =
  /\b(fetch|Bun\.(spawn|spawnSync|file|write|serve|connect|listen)|Date\.now|Math\.random|crypto\.)\b|new Date\(\)/;

/** A whole name, or its last word where that says nothing either. */
const FORBIDDEN_NAME = /^(helpers?|common|misc|core|managers?|(.*[-_])?utils?)$/;
/** The habit is 300; a file above this is two files. */
const LONGEST_FILE = 400;
const WORTH_SPLITTING = 300;

const RUST_MAY_DEPEND: Record<string, string[]> = {
  "bunker-sys": [],
  "bunker-network": ["bunker-sys"],
  "bunker-runtime": ["bunker-sys"],
  "bunker-keeper": ["bunker-network", "bunker-runtime", "bunker-sys"],
  "bunker-napi": ["bunker-sys"],
  "bunker-probe": [],
};
const RUST_MAY_BE_UNSAFE = /^crates\/(sys|probe)\//;

function filesUnder(folder: string, suffix: string): string[] {
  const glob = new Bun.Glob(`${folder}/**/*${suffix}`);
  return [...glob.scanSync({ cwd: ROOT })].filter((path) => !path.includes("/target/")).sort();
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The module of a path below src: its first folder, or its own name. */
function moduleOf(path: string): string {
  return (path.split("/")[1] ?? "").replace(/\.ts$/, "");
}

interface Import {
  from: string;
  target: string;
  typeOnly: boolean;
}

const transpiler = new Bun.Transpiler({ loader: "ts" });

/** What a file imports. The transpiler drops imports of types, so those are what the text has beyond it. */
function importsOf(path: string): Import[] {
  const source = read(path);
  const values = new Set(transpiler.scanImports(source).map((found) => found.path));
  const written = [...source.matchAll(/^\s*(?:import|export)\b[^;]*?from\s+"([^"]+)"/gms)].map(
    ([, name]) => name ?? "",
  );
  const targets = new Set([...values, ...written]);
  return [...targets].map((name) => ({
    from: path,
    target: name.startsWith(".") ? normalize(join(dirname(path), name)) : name,
    typeOnly: !values.has(name),
  }));
}

const SOURCES = filesUnder("src", ".ts");
const IMPORTS = SOURCES.flatMap(importsOf);
const WITHIN = IMPORTS.filter(({ target }) => target.startsWith("src/"));
const ACROSS = WITHIN.filter(({ from, target }) => moduleOf(from) !== moduleOf(target));

function show({ from, target, typeOnly }: Import): string {
  return `${from} imports ${typeOnly ? "types of " : ""}${target}`;
}

describe("TypeScript modules", () => {
  test("import only what the table allows", () => {
    const wrong = ACROSS.filter(({ from, target, typeOnly }) => {
      const allowed = MAY_IMPORT[moduleOf(from)] ?? [];
      const name = moduleOf(target);
      return !allowed.includes(name) && !(typeOnly && allowed.includes(`type:${name}`));
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test("are all in the table", () => {
    expect(SOURCES.map(moduleOf).filter((name) => MAY_IMPORT[name] === undefined)).toEqual([]);
  });

  test("are entered through their index.ts only", () => {
    const wrong = ACROSS.filter(
      ({ target }) => target.split("/").length > 2 && !/^src\/[^/]+\/index\.ts$/.test(target),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test.each(Object.entries(ONLY_IN))("only one place imports %s", (name, place) => {
    const users = IMPORTS.filter(({ target }) => target === name || target.startsWith(`${name}/`));
    expect(users.filter(({ from }) => !place.test(from)).map(show)).toEqual([]);
  });

  test("that are pure have no effects", () => {
    const pure = SOURCES.filter((path) => PURE.has(moduleOf(path)));
    expect(pure.filter((path) => EFFECT.test(withoutComments(read(path))))).toEqual([]);
    const outside = IMPORTS.filter(({ from, target }) => PURE.has(moduleOf(from)) && !target.startsWith("src/"));
    expect(outside.map(show)).toEqual([]);
  });

  test("fetch only in the registry client", () => {
    const users = SOURCES.filter((path) => /(?<![.\w])fetch\(/.test(withoutComments(read(path))));
    expect(users.filter((path) => moduleOf(path) !== "registry")).toEqual([]);
  });
});

function withoutComments(source: string): string {
  return source.replace(/\/\*.*?\*\//gs, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

describe("Rust crates", () => {
  const manifests = filesUnder("crates", "/Cargo.toml");
  const crates = manifests.map((path) => Bun.TOML.parse(read(path)) as CargoManifest).filter((crate) => crate.package);

  test("depend only downwards", () => {
    const wrong = crates.flatMap(({ package: { name }, ...tables }) => {
      const ours = Object.keys({ ...tables.dependencies, ...tables["build-dependencies"] }).filter(isOurs);
      return ours.filter((target) => !RUST_MAY_DEPEND[name]?.includes(target)).map((target) => `${name} → ${target}`);
    });
    expect(wrong).toEqual([]);
    expect(crates.map((crate) => crate.package.name).filter((name) => RUST_MAY_DEPEND[name] === undefined)).toEqual([]);
  });

  test("other than bunker-napi know nothing of napi", () => {
    const users = crates.filter((crate) => Object.keys(crate.dependencies ?? {}).some((name) => /^napi\b/.test(name)));
    expect(users.map((crate) => crate.package.name)).toEqual(["bunker-napi"]);
  });

  test("other than sys and the probe have no unsafe code", () => {
    const unsafe = filesUnder("crates", ".rs").filter((path) => /\bunsafe\b/.test(withoutComments(read(path))));
    expect(unsafe.filter((path) => !RUST_MAY_BE_UNSAFE.test(path))).toEqual([]);
  });
});

describe("paths with an image's or a container's data", () => {
  /** Where such paths are handled: by descriptor, through inroot, never by the standard library, which follows every link. */
  const HOSTILE =
    /^crates\/(runtime\/src\/(sandbox|layer|inroot|tree|usage)|keeper\/src\/worker)\b(?!.*(_test|\/test_\w+)\.rs$)/;
  /** Reading an open file to its end. */
  const HARMLESS = /\bfs::File::from\(/g;

  test("are never given to std::fs", () => {
    const handlers = filesUnder("crates", ".rs").filter((path) => HOSTILE.test(path));
    expect(handlers.length).toBeGreaterThan(20);
    const users = handlers.filter((path) => /\bfs::/.test(withoutComments(read(path)).replace(HARMLESS, "")));
    expect(users).toEqual([]);
  });
});

interface CargoManifest {
  package: { name: string };
  dependencies?: Record<string, unknown>;
  "build-dependencies"?: Record<string, unknown>;
}

function isOurs(name: string): boolean {
  return name.startsWith("bunker-");
}

describe("files", () => {
  const ours = ["src", "test", "scripts"]
    .flatMap((folder) => filesUnder(folder, ".ts"))
    .concat(filesUnder("crates", ".rs"));

  test("have names that say what is in them", () => {
    const parts = (path: string) => path.split(/[/.]/);
    expect(ours.filter((path) => parts(path).some((part) => FORBIDDEN_NAME.test(part)))).toEqual([]);
  });

  test("are short enough to read", () => {
    const sizes = ours.map((path) => ({ path, lines: read(path).split("\n").length - 1 }));
    for (const { path, lines } of sizes) {
      if (lines > WORTH_SPLITTING) console.warn(`${path} has ${lines} lines: is it two files?`);
    }
    expect(sizes.filter(({ lines }) => lines > LONGEST_FILE)).toEqual([]);
  });

  test("open with what they are for", () => {
    const opening = (path: string) =>
      read(path)
        .replace(/^#!.*\n/, "")
        .trimStart();
    // A test file's name and its tests' names are sentences already.
    const silent = (path: string) => isGenerated(path) || /(\.test\.ts|_test\.rs)$/.test(path);
    const mute = ours.filter((path) => !silent(path) && !/^(\/\/|\/\*\*)/.test(opening(path)));
    expect(mute).toEqual([]);
  });

  test("say the licence once, at the top of the tree", () => {
    expect(readdirSync(ROOT)).toContain("LICENSE");
  });
});

function isGenerated(path: string): boolean {
  return path === "src/native/types.d.ts";
}
