// Servers that people run, from Debian's own packages: started, talked to, stopped, and found as they were.

import { describe, expect } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { servicesImage, useStage } from "../support/stage.ts";

const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 180_000;

const stage = useStage({
  needs: ["mmdebstrap"],
  prepare: (opened) => opened.add("services", servicesImage()),
});
const { it } = stage;

/** Runs a command in a container until it succeeds: the server may still be starting. */
async function eventually(container: string, command: string[]): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { code, stdout, stderr } = await stage.env.run(["exec", container, ...command]);
    if (code === 0) return stdout;
    if (performance.now() > deadline) throw new Error(`${container} does not answer: ${stderr}`);
    await Bun.sleep(100);
  }
}

/** A request for the start page, with nothing but bash. */
const GET = (port: number) =>
  `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET / HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n' >&3 && cat <&3`;

describe("nginx", () => {
  it(
    "answers on a network of its own, logs what it was asked, and ends when told",
    async () => {
      const { env } = stage;
      const logging = "ln -sf /dev/stdout /var/log/nginx/access.log && exec nginx -g 'daemon off;'";
      await env.ok(["run", "-d", "--name=web", "--network=none", "services", "sh", "-c", logging]);
      const page = await eventually("web", ["bash", "-c", GET(80)]);
      expect(page).toContain("HTTP/1.1 200 OK");
      expect(page).toContain("Welcome to nginx!");
      expect(await env.ok(["logs", "web"])).toContain('"GET / HTTP/1.0" 200');
      // Workers run as another user of the image.
      expect(await env.ok(["exec", "web", "stat", "-c", "%U", "/var/lib/nginx/body"])).toBe("www-data");
      await env.ok(["stop", "web"]);
      expect(await env.ok(["inspect", "--format", "{{.State.ExitCode}}", "web"])).toBe("0");
    },
    TIMEOUT_MS,
  );

  it(
    "serves the host's files on the host's network, with a read-only root",
    async () => {
      const { env } = stage;
      const site = env.makeDirectory("site");
      // The server's workers are another user than the one that the directory belongs to.
      chmodSync(site, 0o755);
      writeFileSync(join(site, "index.html"), "from the host\n");
      const settings = join(site, "nginx.conf");
      writeFileSync(
        settings,
        "daemon off; pid /run/nginx.pid; error_log stderr; events {}\n" +
          "http { access_log off; server { listen 127.0.0.1:18080; root /site; } }\n",
      );
      const read = ["--read-only", "--tmpfs=/run", "--tmpfs=/var/lib/nginx", "--network=host"];
      const mounts = ["-v", `${site}:/site:ro`, "-v", `${settings}:/etc/nginx/nginx.conf:ro`];
      await env.ok(["run", "-d", "--name=web", ...read, ...mounts, "services", "nginx"]);
      const [program = "", ...words] = env.host.enter(["bash", "-c", GET(18_080)], "/");
      await eventually("web", ["bash", "-c", GET(18_080)]);
      const answer = Bun.spawnSync([program, ...words]);
      expect(answer.stdout.toString()).toEndWith("from the host\n");
    },
    TIMEOUT_MS,
  );
});

describe("redis", () => {
  it(
    "keeps what it was given over a stop and a start, as a user of the image",
    async () => {
      const { env } = stage;
      const server = ["redis-server", "--dir", "/var/lib/redis", "--appendonly", "yes"];
      await env.ok(["run", "-d", "--name=store", "--network=none", "-u", "redis", "services", ...server]);
      expect(await eventually("store", ["redis-cli", "PING"])).toBe("PONG\n");
      await env.ok(["exec", "store", "redis-cli", "SET", "key", "value"]);
      await env.ok(["stop", "store"]);
      await env.ok(["start", "store"]);
      await eventually("store", ["redis-cli", "PING"]);
      expect(await env.ok(["exec", "store", "redis-cli", "GET", "key"])).toBe("value");
      expect(await env.ok(["exec", "store", "stat", "-c", "%U", "/proc/1"])).toBe("redis");
    },
    TIMEOUT_MS,
  );
});

describe("postgres", () => {
  it(
    "makes its cluster, answers, and finds its data after a kill -9",
    async () => {
      const { env } = stage;
      const start =
        'PATH=$PATH:$(echo /usr/lib/postgresql/*/bin); [ -f "$PGDATA/PG_VERSION" ] || initdb --auth=trust >/dev/null; exec postgres -k /tmp';
      const home = ["-e", "PGDATA=/var/lib/postgresql/data", "-u", "postgres"];
      await env.ok(["run", "-d", "--name=db", "--network=none", ...home, "services", "sh", "-c", start]);
      const sql = (text: string) => ["psql", "-h", "/tmp", "-At", "-c", text, "postgres"];
      await eventually("db", sql("SELECT 1"));
      await env.ok(["exec", "db", ...sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")]);
      expect(await env.ok(["exec", "db", ...sql("SELECT sum(n) FROM t")])).toBe("500500");
      await env.ok(["kill", "db"]);
      await env.ok(["wait", "db"]);
      await env.ok(["start", "db"]);
      await eventually("db", sql("SELECT 1"));
      expect(await env.ok(["exec", "db", ...sql("SELECT sum(n) FROM t")])).toBe("500500");
      await env.ok(["stop", "--time=30", "db"]);
      expect(await env.ok(["inspect", "--format", "{{.State.ExitCode}}", "db"])).toBe("0");
    },
    TIMEOUT_MS,
  );
});
