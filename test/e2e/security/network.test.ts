// The scenarios of security.md §2g that other engines' networks had: each row, and what must be seen here. V92 and V93 have files of
// their own (network-routers, network-names).

import { beforeEach, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";

import { useGround } from "../../support/network-attack.ts";
import { HOST, HOST6, WORLD, WORLD6 } from "../../support/network-world.ts";

const ground = useGround();
const { it } = ground;

const PORT = 18_095;
const MINE = "127.0.0.1";
/** Tells each who comes to port 80 as whom it is seen. */
const WHO = `while true; do nc -l -p 80 -e sh -c "netstat -tn | awk '/:80 /{print \\$5}'"; done > /dev/null 2>&1 &`;

beforeEach(async () => {
  await ground.ok("network", "create", "--ipv6", "lan");
});

/** Who a container with `WHO` says that one who comes from there is; nothing: nobody was there. */
async function seen(place: "host" | "world", address: string, port = PORT): Promise<string> {
  const script = `for try in $(seq 50); do busybox nc -w 5 ${address} ${port} < /dev/null | grep . && break; sleep 0.1; done`;
  return (await ground.world.command(place, ["timeout", "30", "sh", "-c", script])).stdout
    .trim()
    .replace(/:\d+$/, "")
    .replace("::ffff:", "");
}

/** Of the host's namespace: sockets that others could come to. */
async function listening(): Promise<string[]> {
  const LISTEN = "0A";
  const tables = ["tcp", "tcp6", "udp", "udp6"];
  const { stdout } = await ground.world.command("host", [
    "sh",
    "-c",
    `cd /proc/self/net; for t in ${tables.join(" ")}; do sed "s/^/$t /" $t; done`,
  ]);
  const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/));
  // An unconnected socket of UDP's hears everybody.
  const isOpen = ([table = "", , , to = "", state]: string[]) =>
    table.startsWith("udp") ? /^0*:0000$/.test(to) : state === LISTEN;
  return rows
    .filter(isOpen)
    .map(([table, , own]) => `${table} ${own}`)
    .sort();
}

describe("the network keeper", () => {
  it("ends with nothing that a container sends, in whatever order (V90: CVE-2020-8608 and others of libslirp)", async () => {
    await ground.container("mallory", "--network=lan");
    const keeper = ground.keeper();
    const { gateway } = await ground.ends("mallory");
    // Where others had BOOTP, TFTP, NetBIOS and a name service of their own; an IRC or FTP command that moved ports.
    const ports = [53, 67, 68, 69, 113, 137, 547, 4000];
    const large = "50524956".repeat(300);
    for (const port of ports) {
      for (const address of [gateway, WORLD]) {
        await using crowd = await ground.crowd("mallory", "udp", `${address}:${port}`, "1", "20", "200", large);
        expect(crowd.counts["waits"]).toBe(0);
      }
    }
    expect(await ground.reached("mallory", ...[67, 69, 4000].map((port) => `tcp:${gateway}:${port}`))).toEqual(
      Object.fromEntries([67, 69, 4000].map((port) => [`tcp:${gateway}:${port}`, "errno 111"])),
    );
    await ground.expectWell("mallory");
    expect(ground.keeper().pid).toBe(keeper.pid);
  });

  it("has no privilege of the host's, and nothing of a container's can be its doing there", async () => {
    await ground.container("plain", "--network=lan");
    const { pid } = ground.keeper();
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    expect(/^Uid:\t(\d+)\t(\d+)/m.exec(status)?.slice(1)).toEqual([
      String(ground.env.user.uid),
      String(ground.env.user.uid),
    ]);
    const userNamespaces = [pid, process.pid].map((of) =>
      Bun.spawnSync(["readlink", `/proc/${of}/ns/user`]).stdout.toString(),
    );
    expect(userNamespaces[0]).not.toBe(userNamespaces[1]);
  });
});

describe("a published port", () => {
  it("shows a container the client's own address, and nobody as the loopback (V91: CVE-2021-20199)", async () => {
    await ground.container("web", "--network=lan", "-p", `${PORT}:80`);
    await ground.script("web", WHO);
    const { gateway, gateway6 } = await ground.ends("web");
    expect(await seen("world", HOST)).toBe(WORLD);
    expect(await seen("world", HOST6)).toBe(WORLD6);
    expect(await seen("host", HOST)).toBe(HOST);
    expect(await seen("host", HOST6)).toBe(HOST6);
    expect(await seen("host", MINE)).toBe(gateway);
    expect(await seen("host", "::1")).toBe(gateway6);
  });

  it("of the loopback is the loopback's, whatever becomes of the network meanwhile (V95: CVE-2025-54388)", async () => {
    await ground.container("web", "--network=lan", "-p", `${MINE}:${PORT}:80`, "-p", `[::1]:${PORT}:80`);
    await ground.script("web", WHO);
    const expectOwn = async () => {
      expect(await seen("host", MINE)).not.toBe("");
      expect(await seen("host", "::1")).not.toBe("");
      for (const address of [HOST, HOST6]) {
        await using refused = await ground.strangers(
          "world",
          "tcp",
          `${address.includes(":") ? `[${address}]` : address}:${PORT}`,
          "1",
          "1",
          "5000",
          "",
        );
        expect(refused.counts).toEqual({ "errno 111": 1, ok: 0, waits: 0 });
      }
    };
    await expectOwn();
    process.kill(ground.keeper().pid, "SIGKILL");
    while ((await seen("host", MINE)) === "") await Bun.sleep(50);
    await expectOwn();
  });

  it("is all that listens on the host (V96: CVE-2021-4024)", async () => {
    const before = await listening();
    await ground.container("plain", "--network=lan");
    await ground.container("bound", "--network=lan", "-p", `${MINE}:${PORT}:80`, "-p", `${MINE}:${PORT}:80/udp`);
    await ground.expectWell("plain");
    await ground.script("plain", `ping -c 1 -W 5 ${WORLD} > /dev/null; true`);
    const port = PORT.toString(16).toUpperCase();
    const added = async () => (await listening()).filter((socket) => !before.includes(socket));
    expect(await added()).toEqual([`tcp 0100007F:${port}`, `udp 0100007F:${port}`]);
    await ground.ok("rm", "-f", "-t0", "bound");
    expect(await added()).toEqual([]);
  });

  it("is answered by the container through the host's address, also for itself and for its neighbours", async () => {
    await ground.ok("network", "create", "other");
    await ground.container("web", "--network=lan", "-p", `${PORT}:80`);
    await ground.script("web", WHO);
    await ground.container("neighbour", "--network=lan");
    await ground.container("stranger", "--network=other");
    for (const name of ["web", "neighbour", "stranger"]) {
      const ask = `for try in $(seq 50); do nc -w 5 ${HOST} ${PORT} < /dev/null | grep . && break; sleep 0.1; done`;
      expect(await ground.script(name, ask)).toContain(HOST);
    }
  });
});
