// The data home and the runtime directory: nobody else may look into them, put something in their place or be put there by
// them; what the database says is no path until it is looked at (CVE-2021-41091, CVE-2024-25621).

import { Database } from "bun:sqlite";
import { describe, expect } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { TestEnv } from "../../support/environment.ts";
import { requires } from "../../support/guards.ts";
import { hostileImage } from "../../support/hostile.ts";
import { startRegistry } from "../../support/registry.ts";

const it = requires("root", "bunker", "probe", "userns", "subids", "cgroup2");
/** Another user of the machine. */
const OTHER_UID = 4242;

/** Modes of everything that is not a container's or image's own, that others could use. */
function openToOthers(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const place = join(path, entry.name);
    const { mode } = lstatSync(place);
    const isOpen = !entry.isSymbolicLink() && (mode & 0o022) !== 0;
    return [
      ...(isOpen ? [`${place} ${(mode & 0o7777).toString(8)}`] : []),
      ...(entry.isDirectory() ? openToOthers(place) : []),
    ];
  });
}

describe("the engine's directories", () => {
  it("are the user's alone from the first moment, whatever the umask", async () => {
    using registry = startRegistry();
    const image = registry.push("hostile", "1", hostileImage());
    for (const umask of ["000", "777", "077"]) {
      await using env = await TestEnv.create();
      const withUmask = (...words: string[]) => {
        const { timeoutMs } = { timeoutMs: 60_000 };
        const script = `umask ${umask}; exec "$@"`;
        return env.startOther(["sh", "-c", script, "sh", env.program, ...words], { timeoutMs }).result();
      };
      expect((await withUmask("pull", "--quiet", image)).stderr).toBe("");
      const started = await withUmask("run", "-d", "--network", "none", image, "sleep", "60");
      expect([umask, started.code, started.stderr]).toEqual([umask, 0, ""]);
      const id = started.stdout.trim();
      const runtime = join(env.dataHome, "run");
      const modes = [env.dataHome, runtime, join(env.home, ".local"), join(env.home, ".local/share")];
      expect(modes.map((path) => lstatSync(path).mode & 0o777)).toEqual([0o700, 0o700, 0o700, 0o700]);
      expect(openToOthers(runtime)).toEqual([]);
      // What lies in layers and uppers has the modes that it has inside.
      expect(openToOthers(env.dataHome).filter((line) => !/\/(layers|upper|work|_data)\//.test(line))).toEqual([]);
      await env.ok(["rm", "-f", id]);
    }
  });

  it("are refused where somebody else could change them", async () => {
    await using env = await TestEnv.create();
    const data = join(env.home, "data");
    const make = (path: string, { uid, gid, mode }: { uid: number; gid: number; mode: number }) => {
      mkdirSync(path);
      chownSync(path, uid, gid);
      chmodSync(path, mode);
    };
    const mine = { uid: env.user.uid, gid: env.user.gid, mode: 0o700 };
    const cases: [string, () => void, RegExp][] = [
      ["group-writable", () => make(data, { ...mine, mode: 0o770 }), /is open to others/],
      ["readable", () => make(data, { ...mine, mode: 0o755 }), /is open to others/],
      ["foreign", () => make(data, { uid: OTHER_UID, gid: OTHER_UID, mode: 0o777 }), /belongs to somebody else/],
      ["root's", () => make(data, { uid: 0, gid: 0, mode: 0o777 }), /belongs to somebody else/],
      ["a link", () => symlinkSync(env.home, data), /is not a directory/],
      ["a dangling link", () => symlinkSync("/nowhere/at/all", data), /is not a directory/],
      ["a file", () => writeFileSync(data, ""), /is not a directory/],
    ];
    for (const [what, prepare, message] of cases) {
      for (const option of ["--root", "--runroot"]) {
        prepare();
        const said = await env.fails([option, data, "ps"], 1);
        expect([what, option, said]).toEqual([what, option, expect.stringMatching(message)]);
        rmSync(data, { recursive: true });
      }
    }
  });
});

/** Everything that is answered to one request until the connection is closed. */
async function ask(socket: string, request: object): Promise<string> {
  const text = JSON.stringify(request);
  const frame = Buffer.alloc(4 + text.length);
  frame.writeUInt32LE(text.length);
  frame.write(text, 4);
  const { promise, resolve } = Promise.withResolvers<string>();
  let said = "";
  const connection = connect(socket, () => connection.write(frame));
  connection.on("data", (bytes) => (said += bytes.toString()));
  connection.on("close", () => resolve(said));
  connection.on("error", () => resolve(said));
  setTimeout(() => connection.destroy(), 2000);
  return promise;
}

describe("the control socket", () => {
  it("is a path, closed to others, and closed to other users", async () => {
    using registry = startRegistry();
    const image = registry.push("hostile", "1", hostileImage());
    await using env = await TestEnv.create();
    await env.ok(["pull", "--quiet", image]);
    const id = await env.ok(["run", "-d", "--network", "none", image, "sleep", "60"]);
    const place = join(env.dataHome, "run/c", id);
    expect(lstatSync(place).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(place, "ctl")).isSocket()).toBe(true);
    // Root may open it, but is another user: closed without an answer. Through the directory, as the path may be too long.
    const directory = openSync(place, "r");
    expect(await ask(`/proc/self/fd/${directory}/ctl`, { op: "wait", version: 1 })).toBe("");
    closeSync(directory);
    expect(await env.ok(["exec", id, "echo", "still there"])).toBe("still there");
    await env.ok(["rm", "-f", id]);
  });
});

describe("a database that somebody changed", () => {
  it("leads to no path outside (GHSA-x7pf)", async () => {
    using registry = startRegistry();
    const image = registry.push("hostile", "1", hostileImage({ run: { Volumes: { "/data": {} } } }));
    for (const [table, column] of [
      ["containers", "id"],
      ["volumes", "name"],
    ] as const) {
      await using env = await TestEnv.create();
      await env.ok(["pull", "--quiet", image]);
      const precious = env.makeDirectory("precious");
      writeFileSync(join(precious, "file"), "precious");
      await env.ok(["create", "--name", "changed", image]);
      change(env, table, column, "../../../../../precious");
      for (const words of [["start"], ["logs"], ["inspect"], ["rm", "-f", "-v"]]) {
        const { stderr } = await env.run([...words, "changed"]);
        expect(stderr).not.toContain("this is a bug");
      }
      await env.run(["ps", "-a", "-s"]);
      expect([table, readdirSync(precious)]).toEqual([table, ["file"]]);
    }
  });
});

/** As somebody would who has the user's rights and bad intentions, or a failing disk. */
function change(env: TestEnv, table: string, column: string, value: string): void {
  const database = new Database(join(env.dataHome, "db.sqlite"));
  database.run("PRAGMA foreign_keys = OFF");
  database.run(`UPDATE ${table} SET ${column} = ?`, [value]);
  database.close();
}
