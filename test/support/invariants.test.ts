// The checker must see what it is there to see: each kind of damage is done on purpose, by hand or by a stand-in for the
// engine (bash), and must be named.

import { describe, expect } from "bun:test";
import { appendFileSync, chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { TestEnv } from "./environment.ts";
import { requires } from "./guards.ts";
import { Invariants } from "./invariants.ts";
import { createStore, withStore } from "./store-stand-in.ts";

const it = requires("root", "userns", "cgroup2");

const CONTENT = "some blob";
const HASH = new Bun.CryptoHasher("sha256").update(CONTENT).digest("hex");
const LAYER = `layers/user/${HASH}`;

async function createEnv(): Promise<TestEnv> {
  const env = await TestEnv.create({ program: "/bin/bash" });
  makeStore(env);
  return env;
}

/** A small valid store. */
function makeStore({ dataHome, user }: TestEnv): void {
  for (const folder of ["", `blobs/sha256`, `${LAYER}/root`, "containers", "volumes", "staging", "trash", "partial"]) {
    mkdirSync(join(dataHome, folder), { recursive: true });
  }
  chmodSync(dataHome, 0o700);
  chownSync(dataHome, user.uid, user.gid);
  writeFileSync(join(dataHome, `blobs/sha256/${HASH}`), CONTENT);
  writeFileSync(join(dataHome, LAYER, "manifest"), "");
  createStore(dataHome);
  withStore(
    dataHome,
    `INSERT INTO blobs VALUES ('sha256:${HASH}', ${CONTENT.length}, 'now');
     INSERT INTO images (id) VALUES ('image');
     INSERT INTO blob_links VALUES ('image', 'image', 'sha256:${HASH}');
     INSERT INTO layers VALUES ('user', '${HASH}');
     INSERT INTO image_layers VALUES ('image', 'user', '${HASH}');`,
  );
}

/** What the checker says after `damage`. */
async function verdict(damage: (env: TestEnv, watch: Invariants) => unknown, options = {}): Promise<string> {
  await using env = await createEnv();
  const watch = await Invariants.watch(env);
  await damage(env, watch);
  return await watch.check({ unchanged: true, settleMs: 200, ...options }).then(
    () => "all well",
    (error: Error) => error.message,
  );
}

function put(env: TestEnv, path: string, content = ""): void {
  mkdirSync(dirname(join(env.dataHome, path)), { recursive: true });
  writeFileSync(join(env.dataHome, path), content);
}

describe("the invariant checker", () => {
  it("finds nothing where nothing is wrong", async () => {
    expect(await verdict(() => {})).toBe("all well");
    expect(await verdict((env) => rmSync(env.dataHome, { recursive: true }), { unchanged: false })).toBe("all well");
    expect(await verdict((env) => withStore(env.dataHome, "UPDATE blobs SET created_at = 'later'"))).toBe("all well");
    expect(await verdict((env) => put(env, "partial/sha256:00", "so far"))).toBe("all well");
  });

  const canaryDamage: [string, (path: string) => unknown][] = [
    ["written", (path) => appendFileSync(`${path}/regular`, "x")],
    ["given another mode", (path) => chmodSync(`${path}/read-only`, 0o666)],
    ["given another owner", (path) => chownSync(`${path}/of-another`, 0, 0)],
    ["removed", (path) => rmSync(`${path}/folder/inside`)],
    ["added to", (path) => writeFileSync(`${path}/sticky/new`, "")],
  ];
  for (const [what, damage] of canaryDamage) {
    it(`sees the canary ${what} (I1)`, async () => {
      expect(await verdict((_env, watch) => damage(watch.canary.root))).toContain("I1: canary");
    });
  }

  it("sees the secret in output and in the store's logs (I1)", async () => {
    await using env = await createEnv();
    const watch = await Invariants.watch(env);
    const { stdout } = await env.run(["-c", `cat ${watch.canary.root}/private`]);
    await expect(watch.check({ outputs: [stdout] })).rejects.toThrow("I1: secret in output");
    expect(
      await verdict((other, { canary }) => put(other, "events.jsonl", readFileSync(`${canary.root}/private`, "utf8"))),
    ).toContain("I1: secret in");
  });

  const storeDamage: [string, string, (env: TestEnv) => unknown][] = [
    ["a changed row", "I2: new row of blobs", ({ dataHome }) => withStore(dataHome, "UPDATE blobs SET size = 1")],
    ["a wrong size", "I3: blob with another size", ({ dataHome }) => withStore(dataHome, "UPDATE blobs SET size = 1")],
    [
      "a half-made container",
      "I3: container that is neither made nor gone: c",
      ({ dataHome }) => withStore(dataHome, "INSERT INTO containers VALUES ('c', 'creating')"),
    ],
    [
      "a layer that no image has",
      "I3: layer that no image has",
      ({ dataHome }) => withStore(dataHome, "DELETE FROM image_layers"),
    ],
    [
      "a blob that nothing needs",
      "I3: blob that nothing needs",
      ({ dataHome }) => withStore(dataHome, "DELETE FROM blob_links"),
    ],
    [
      "a new row",
      "I2: new row of volumes",
      (env) => {
        put(env, "volumes/v/_data/x");
        withStore(env.dataHome, "INSERT INTO volumes VALUES ('v', 1)");
      },
    ],
    [
      "a lost layer",
      "I2: lost file: layers/user",
      ({ dataHome }) => rmSync(join(dataHome, LAYER), { recursive: true }),
    ],
    [
      "a row without its blob",
      "I3: blob with a row but not on disk",
      ({ dataHome }) => rmSync(join(dataHome, `blobs/sha256/${HASH}`)),
    ],
    ["a blob without a row", "I3: blob without a row", (env) => put(env, `blobs/sha256/${"0".repeat(64)}`)],
    ["a damaged blob", "I3: content is not what its name says", (env) => put(env, `blobs/sha256/${HASH}`, "other")],
    ["a layer without its manifest", "has no manifest", ({ dataHome }) => rmSync(join(dataHome, LAYER, "manifest"))],
    ["a container without a row", "I3: container without a row", (env) => put(env, "containers/abc/config.json")],
    ["remains in staging", "I3: left over: staging/1", (env) => put(env, "staging/1/x")],
    ["remains in the trash", "I3: left over: trash/1", (env) => put(env, "trash/1/x")],
    ["something unknown", "I3: unknown entry", (env) => put(env, "core.123")],
    ["a data home that others may enter", "I3: the data home is not", ({ dataHome }) => chmodSync(dataHome, 0o755)],
    [
      "a broken reference between rows",
      "I3: foreign_key_check",
      ({ dataHome }) => withStore(dataHome, "PRAGMA foreign_keys = OFF; UPDATE image_layers SET image_id = 'gone'"),
    ],
  ];
  for (const [what, message, damage] of storeDamage) {
    it(`sees ${what}`, async () => {
      expect(await verdict(damage)).toContain(message);
    });
  }

  it("lets a kill leave things for the next command to tidy up, but no row without its thing", async () => {
    const options = { afterKill: true, unchanged: false };
    expect(await verdict((env) => put(env, "staging/1/x"), options)).toBe("all well");
    expect(await verdict((env) => put(env, `layers/user/${"0".repeat(64)}/manifest`), options)).toContain(
      "has no root",
    );
    expect(await verdict(({ dataHome }) => rmSync(join(dataHome, LAYER), { recursive: true }), options)).toContain(
      "not on disk",
    );
  });

  const leaks: [string, string, string][] = [
    ["a process", "new processes", "setsid sleep 600 > /dev/null 2>&1 < /dev/null &"],
    ["a cgroup", "new groups: /child", "mkdir /sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/../child"],
    ["a file in /tmp", "new temporary: /tmp/x", "touch /tmp/x"],
    ["shared memory", "new temporary: /dev/shm/x", "touch /dev/shm/x"],
    ["a container's runtime directory", "new runtime: run/c/id", "mkdir -p ~/.local/share/bunker/run/c/id"],
  ];
  for (const [what, message, script] of leaks) {
    it(`sees ${what} left behind (I4)`, async () => {
      expect(await verdict((env) => env.ok(["-c", script]), { unchanged: false })).toContain(message);
    });
  }

  it("sees a mount left behind (I4)", async () => {
    const mount = ({ host }: TestEnv) => Bun.spawnSync(host.enter(["mount", "-t", "tmpfs", "none", "/mnt"], "/"));
    expect(await verdict(mount)).toContain("new mounts");
  });
});
