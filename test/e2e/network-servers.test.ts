// Servers and clients that people use, each from Debian's packages, across all ways: between containers by name, from the host and
// from the world by published ports, and from a container to the host; both versions of IP, and every server sees who comes.

import { describe, expect } from "bun:test";

import { imageRoot } from "../support/image-cache.ts";
import { HOST, HOST6, type Place, WORLD, WORLD6, WORLD_NAME } from "../support/network-world.ts";
import { servicesImage } from "../support/stage.ts";
import { useWorldStage } from "../support/world-stage.ts";

const PATIENCE_MS = 60_000;
const PUBLISHED = 18_090;
/** Of what is sent at once. */
const MEGABYTES = 4;

/** The image's files: its programs run on the host and in the world, too. */
let root: string;

const { it, ok, world } = useWorldStage({
  needs: ["ip", "mmdebstrap"],
  prepare: async (opened) => {
    root = await imageRoot("services");
    await opened.add("services", servicesImage());
    await ok("network", "create", "--ipv6", "app");
  },
});

/** A server, published, and a container beside it for its clients. */
async function serve(name: string, port: string, command: string): Promise<void> {
  const flags = ["--name", name, "--network=app", "-p", `${PUBLISHED}:${port}`];
  await ok("run", "-d", ...flags, "services", "bash", "-c", command);
  await ok("run", "-d", "--name=client", "--network=app", "services", "sleep", "1000");
}

/** What a script prints that runs as root of the image's files. @throws when it fails */
async function script(place: Place | "client", text: string): Promise<string> {
  if (place === "client") return await ok("exec", "client", "bash", "-c", text);
  const { code, stdout } = await world().command(place, ["chroot", root, "bash", "-c", text]);
  if (code !== 0) throw new Error(`${place}: ${text}: exit code ${code}: ${stdout}`);
  return stdout.trimEnd();
}

/** The server may still be starting. */
async function eventually(text: string): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await script("client", text);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await Bun.sleep(100);
    }
  }
}

async function addressesOf(container: string): Promise<[string, string]> {
  const place = '(index .NetworkSettings.Networks "app")';
  const both = await ok("inspect", "-f", `{{${place}.IPAddress}} {{${place}.GlobalIPv6Address}}`, container);
  return both.split(" ") as [string, string];
}

async function gateways(): Promise<[string, string]> {
  const [first, second] = (await ok("network", "inspect", "-f", "{{range .IPAM.Config}}{{.Gateway}} {{end}}", "app"))
    .trim()
    .split(" ");
  return [first ?? "", second ?? ""];
}

interface Way {
  from: Place | "client";
  to: string;
  /** Who the server sees. */
  seen: string;
}

/** Every way to a published port of one server, of both versions of IP. */
async function waysIn(): Promise<Way[]> {
  const [gateway, gateway6] = await gateways();
  return [
    { from: "world", to: HOST, seen: WORLD },
    { from: "world", to: HOST6, seen: WORLD6 },
    { from: "host", to: HOST, seen: HOST },
    { from: "host", to: HOST6, seen: HOST6 },
    { from: "host", to: "127.0.0.1", seen: gateway },
    { from: "host", to: "::1", seen: gateway6 },
    { from: "client", to: HOST, seen: HOST },
    { from: "client", to: HOST6, seen: HOST6 },
  ];
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

describe("nginx", () => {
  it("serves pages, large ones and many at once, and writes down who has come", async () => {
    const page = `head -c ${MEGABYTES}M /dev/urandom > /var/www/html/page; sha256sum < /var/www/html/page`;
    const log = "ln -sf /dev/stdout /var/log/nginx/access.log";
    await serve("web", "80", `${page}; ${log}; exec nginx -g 'daemon off;'`);
    const get = (url: string) => `set -o pipefail; curl -sSf -A "$RANDOM" '${url}' | sha256sum`;
    const sum = await eventually(get("http://web/page"));
    const [four, six] = await addressesOf("client");
    const logged = async () => (await ok("logs", "web")).split("\n").filter((line) => line.includes('"GET /page'));
    for (const [flag, seen] of [
      ["-4", four],
      ["-6", six],
    ]) {
      expect(await script("client", get("http://web/page").replace("curl", `curl ${flag}`))).toBe(sum);
      expect((await logged()).at(-1)).toStartWith(`${seen} `);
    }
    for (const { from, to, seen } of await waysIn()) {
      expect(await script(from, get(`http://${bracketed(to)}:${PUBLISHED}/page`))).toBe(sum);
      expect((await logged()).at(-1)).toStartWith(`${seen} `);
    }
    const many = (url: string) =>
      `curl -sS -Z --parallel-max 40 -o /dev/null -w '%{http_code} %{size_download}\\n' '${url}?[1-80]' | sort | uniq -c`;
    const all = `80 200 ${MEGABYTES * 1024 * 1024}`;
    expect((await script("client", many("http://web/page"))).trim()).toBe(all);
    expect((await script("world", many(`http://${HOST}:${PUBLISHED}/page`))).trim()).toBe(all);
  });
});

describe("redis", () => {
  const big = (flags: string) =>
    `head -c ${MEGABYTES}M /dev/urandom | base64 -w0 > /tmp/value; redis-cli ${flags} -x set big < /tmp/value > /dev/null
     redis-cli ${flags} --raw get big | head -c -1 | cmp - /tmp/value && echo same; rm /tmp/value`;
  const bench = (flags: string) =>
    `redis-benchmark ${flags} -q -c 50 -n 10000 -d 500 -t set,get | tr '\\r' '\\n' | grep -c 'per second'`;
  const who = (flags: string) =>
    `redis-cli ${flags} client info | sed 's/.* addr=\\([^ ]*\\) .*/\\1/; s/:[0-9]*$//; s/[][]//g'`;

  it("keeps what it is given and answers fifty at once", async () => {
    await serve("store", "6379", "exec redis-server --protected-mode no --save ''");
    await eventually("redis-cli -h store ping");
    expect(await script("client", who("-h store"))).toBe((await addressesOf("client"))[0]);
    for (const { from, to, seen } of await waysIn()) {
      expect(await script(from, who(`-h ${to} -p ${PUBLISHED}`))).toBe(seen);
    }
    for (const [from, flags] of [
      ["client", "-h store"],
      ["world", `-h ${HOST} -p ${PUBLISHED}`],
      ["world", `-h ${HOST6} -p ${PUBLISHED}`],
    ] as const) {
      expect(await script(from, big(flags))).toBe("same");
      expect(await script(from, bench(flags))).toBe("2");
    }
  });

  it("on the host is reached by its addresses there, and sees the host's own", async () => {
    await ok("run", "-d", "--name=client", "--network=app", "services", "sleep", "1000");
    const server = Bun.spawn(
      world().enter("host", ["chroot", root, "redis-server", "--protected-mode", "no", "--save", "", "--port", "6380"]),
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    );
    try {
      for (const address of [HOST, HOST6]) {
        const flags = `-h ${address} -p 6380`;
        await eventually(`redis-cli ${flags} ping`);
        expect(await script("client", who(flags))).toBe(address);
        expect(await script("client", big(flags))).toBe("same");
        expect(await script("client", bench(flags))).toBe("2");
      }
    } finally {
      server.kill();
      await server.exited;
    }
  });
});

describe("postgres", () => {
  it("takes and gives megabytes, and serves twenty clients at once", async () => {
    const home = "/var/lib/postgresql/data";
    const initialize = `initdb --auth=trust ${home} > /dev/null; echo 'host all all all trust' >> ${home}/pg_hba.conf`;
    const start = `PATH=$PATH:$(echo /usr/lib/postgresql/*/bin); ${initialize}; exec postgres -D ${home} -k /tmp -c listen_addresses='*' -c fsync=off`;
    await serve(
      "db",
      "5432",
      `exec setpriv --reuid=postgres --regid=postgres --clear-groups bash -c "${start.replaceAll("$", "\\$")}"`,
    );
    const sql = (flags: string, text: string) => `psql -U postgres ${flags} -At -c "${text}"`;
    await eventually(sql("-h db", "select 1"));
    const seen = "select host(inet_client_addr())";
    expect(await addressesOf("client")).toContain(await script("client", sql("-h db", seen)));
    for (const way of await waysIn()) {
      expect(await script(way.from, sql(`-h ${way.to} -p ${PUBLISHED}`, seen))).toBe(way.seen);
    }
    for (const [from, flags] of [
      ["client", "-h db"],
      ["world", `-h ${HOST} -p ${PUBLISHED}`],
      ["world", `-h ${HOST6} -p ${PUBLISHED}`],
    ] as const) {
      const copies = [
        sql(flags, "drop table if exists t; create table t (line text)"),
        `seq 500000 > /tmp/lines; psql -q -U postgres ${flags} -c '\\copy t from /tmp/lines'`,
        `psql -q -U postgres ${flags} -c '\\copy (select line from t order by line::int) to stdout' | cmp - /tmp/lines && echo same`,
        "rm /tmp/lines",
      ];
      expect(await script(from, copies.join("\n"))).toEndWith("same");
      expect(await script(from, `pgbench -U postgres ${flags} -i -q -s 1 postgres 2>&1`)).toContain("done");
      const many = `pgbench -U postgres ${flags} -n -c 20 -j 2 -t 20 postgres 2>&1`;
      expect(await script(from, many)).toContain("400/400");
    }
  });
});

describe("a UDP echo", () => {
  it("answers everybody, and knows who has come", async () => {
    await serve("echo", "7777/udp", "exec socat UDP6-RECVFROM:7777,fork,ipv6only=0 SYSTEM:'echo $SOCAT_PEERADDR; cat'");
    // socat waits so long for an answer; a busy machine may need longer.
    const say = (to: string) =>
      `for wait in 0.1 1 5; do
         answer=$(head -c 1000 /dev/zero | tr '\\0' x | socat -t $wait - ${to}); [ -z "$answer" ] || break
       done; echo "$answer"`;
    const answer = (address: string) => `${address}\n${"x".repeat(1000)}`;
    /** socat writes `[fd99:0000:…]`, and IPv4 as IPv6. */
    const told = async (place: Place | "client", text: string) => {
      const said = await script(place, text);
      const [, address = "", rest = ""] = /^\[(.*)\]\n(.*)$/s.exec(said) ?? [];
      return `${new URL(`http://[${address}]`).hostname.slice(1, -1)}\n${rest}`;
    };
    const mapped = (address: string) =>
      address.includes(":") ? address : new URL(`http://[::ffff:${address}]`).hostname.slice(1, -1);
    const [four, six] = await addressesOf("client");
    expect(await told("client", say("UDP4:echo:7777"))).toBe(answer(mapped(four)));
    expect(await told("client", say("UDP6:echo:7777"))).toBe(answer(six));
    for (const { from, to, seen } of await waysIn()) {
      const kind = to.includes(":") ? 6 : 4;
      expect(await told(from, say(`UDP${kind}:${bracketed(to)}:${PUBLISHED}`))).toBe(answer(mapped(seen)));
    }
  });
});

describe("a name server in a container", () => {
  it("is asked by others who name it", async () => {
    const serveNames = `exec socat UDP-RECVFROM:53,fork UDP:${WORLD}:53`;
    await ok("run", "-d", "--name=resolver", "--network=app", "services", "bash", "-c", serveNames);
    const [address] = await addressesOf("resolver");
    const ask = `for try in 1 2 3 4 5; do getent ahostsv4 ${WORLD_NAME} && break; sleep 0.5; done`;
    const found = await ok("run", "--rm", "--network=app", `--dns=${address}`, "services", "bash", "-c", ask);
    expect(found).toContain(WORLD);
  });
});
