// What every way out must do, asked of each alike: those of networks, and a container's own.
//
// A network namespace stands for the host, another one for the world (network-world.ts), so that nothing depends on the machine's
// own network. Programs that are not asked for are hidden, as on a machine where they are not installed.

import { describe, expect } from "bun:test";

import type { Need } from "../support/guards.ts";
import { sidRoot } from "../../scripts/bench/debian-root.ts";
import { patternOf } from "../support/network-server.ts";
import { ASK, NETWORK, NetworkStage } from "../support/network-stage.ts";
import { HOST, PORT, WORLD, WORLD6, WORLD_NAME } from "../support/network-world.ts";

interface BackEnd {
  name: string;
  /** None for what needs nothing installed. */
  program: "slirp4netns" | "pasta" | null;
  /** Of run and create. */
  flags: string[];
  /** $BUNKER_WAY_OUT */
  way?: string;
  needs: Need[];
  /** Another distribution's, with the program in its version of today. */
  root?: () => string;
  /** Besides the gateway: where the host itself might be reached. */
  hostAddresses: string[];
  /** pasta of 2023 stalls once one side has sent its last byte, and is silent where it should refuse. */
  isComplete: boolean;
  /** pasta has nothing to copy where the host has no route. */
  needsRoute: boolean;
}

/** Debian 12's does not know its own version. */
const PASTA_OF_2023 = /^pasta unknown version/;
const isPastaComplete = !PASTA_OF_2023.test(Bun.spawnSync(["sh", "-c", "pasta --version"]).stdout.toString());
const OF_SLIRP = ["10.0.2.2", "10.0.2.3", "fd00::2"];
const OF_NETWORKS = ["169.254.1.2", "fd00:6275:6e6b::2", "172.17.0.1"];
const BACK_ENDS: BackEnd[] = [
  {
    name: "our relay",
    program: null,
    flags: NETWORK,
    needs: [],
    hostAddresses: OF_NETWORKS,
    isComplete: true,
    needsRoute: false,
  },
  {
    name: "slirp4netns for all networks",
    program: "slirp4netns",
    flags: NETWORK,
    way: "slirp4netns",
    needs: ["slirp4netns"],
    hostAddresses: [...OF_NETWORKS, ...OF_SLIRP],
    isComplete: true,
    needsRoute: false,
  },
  {
    name: "pasta for all networks",
    program: "pasta",
    flags: NETWORK,
    way: "pasta",
    needs: ["pasta"],
    hostAddresses: [...OF_NETWORKS, "169.254.1.1", HOST],
    isComplete: isPastaComplete,
    needsRoute: true,
  },
  {
    name: "slirp4netns",
    program: "slirp4netns",
    flags: ["--network=slirp4netns"],
    needs: ["slirp4netns"],
    hostAddresses: OF_SLIRP,
    isComplete: true,
    needsRoute: false,
  },
  {
    name: "pasta",
    program: "pasta",
    flags: ["--network=pasta"],
    needs: ["pasta"],
    hostAddresses: ["169.254.1.1", HOST],
    isComplete: isPastaComplete,
    needsRoute: true,
  },
  {
    name: "today's pasta",
    program: "pasta",
    flags: ["--network=pasta"],
    needs: ["mmdebstrap"],
    root: sidRoot,
    hostAddresses: ["169.254.1.1", HOST],
    isComplete: true,
    needsRoute: true,
  },
];
const AMOUNT = 3_000_000;
/** An address takes a while to be known as nobody else's. */
const IPV6_PATIENCE_MS = 10_000;

function hex(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

for (const backEnd of BACK_ENDS) {
  describe(`the way out by ${backEnd.name}`, () => {
    const network = new NetworkStage(backEnd.program === null ? [] : [backEnd.program], backEnd);
    const { it } = network.stage;

    it("carries bytes both ways, whole and in order", async () => {
      const down = `{ echo get ${AMOUNT}; sleep 1; } | nc ${WORLD} ${PORT} | sha256sum | cut -d' ' -f1`;
      expect(await network.script(down)).toBe(hex(patternOf(AMOUNT)));
      const up = `{ echo take ${AMOUNT}; head -c ${AMOUNT} /dev/zero; sleep 1; } | nc ${WORLD} ${PORT}`;
      expect(await network.script(up)).toBe(hex(new Uint8Array(AMOUNT)));
    });

    const whole = (name: string, action: () => Promise<void>): void => {
      if (backEnd.isComplete) it(name, action);
    };

    whole("passes on that one side has sent its last byte", async () => {
      const put = `{ echo put; head -c ${AMOUNT} /dev/zero; } | nc ${WORLD} ${PORT}`;
      expect(await network.script(put)).toBe(hex(new Uint8Array(AMOUNT)));
      expect(await network.script(`echo get ${AMOUNT} | nc ${WORLD} ${PORT} | sha256sum | cut -d' ' -f1`)).toBe(
        hex(patternOf(AMOUNT)),
      );
    });

    it("comes from the host's own address", async () => {
      expect(await network.script(ASK)).toContain(HOST);
    });

    whole("refuses what the world refuses, at once", async () => {
      const started = performance.now();
      expect(await network.script(`nc ${WORLD} ${PORT + 1} < /dev/null || echo refused`)).toContain("refused");
      expect(performance.now() - started).toBeLessThan(IPV6_PATIENCE_MS);
    });

    it("resolves names, wherever the host's name service is, with the host's search list", async () => {
      for (const address of [WORLD, "127.0.0.1"]) {
        network.nameserver(address);
        const found = await network.script(
          `nslookup ${WORLD_NAME}; grep -v '^nameserver' /etc/resolv.conf; nslookup nosuch.test | grep -c NXDOMAIN`,
        );
        expect(found).toContain(`Address: ${WORLD}`);
        expect(found).toContain(`Address: ${WORLD6}`);
        expect(found).toContain("search example.org\noptions timeout:3\n");
        expect(found).toMatch(/\n[1-9]$/);
      }
      network.nameserver(WORLD);
    });

    it("does not lead to what listens on the host's loopback alone", async () => {
      const gateway = "$(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p')";
      const addresses = ["127.0.0.1", "::1", ...backEnd.hostAddresses].join(" ");
      const knock = `for a in ${addresses}; do { echo who; sleep 0.2; } | timeout 1 nc $a ${PORT} && echo "reached at $a"; done`;
      expect(await network.script(`exec 2>/dev/null; ${knock}; true`)).toBe("");
      // The gateway may be the world itself: then what answers is the world, which sees the host's address.
      const answer = await network.script(
        `exec 2>/dev/null; { echo who; sleep 0.2; } | timeout 1 nc ${gateway} ${PORT}; true`,
      );
      expect(answer).not.toContain("127.0.0.1");
    });

    it("has IPv6 where the host has", async () => {
      const started = performance.now();
      // An answer counts, even if its connection was closed late.
      const ask = `{ echo who; sleep 0.2; } | timeout 2 nc ${WORLD6} ${PORT} 2>/dev/null`;
      const script = `exec 2>/dev/null; until answer=$(${ask}); [ -n "$answer" ]; do sleep 0.2; done; echo "$answer"`;
      expect(await network.script(script)).toBe("fd99::1");
      expect(performance.now() - started).toBeLessThan(IPV6_PATIENCE_MS);
    });

    it("serves several containers at once, each in a network of its own, and execs in them", async () => {
      await Promise.all(
        ["a", "b", "c"].map((name) => network.ok(["run", "-d", "--name", name, "busybox", "sleep", "60"])),
      );
      const listen = "nc -l -p 5000 -e echo mine > /dev/null 2>&1 & sleep 0.2; true";
      await network.ok(["exec", "a", "sh", "-c", listen]);
      expect(await network.ok(["exec", "a", "sh", "-c", "nc 127.0.0.1 5000 < /dev/null"])).toBe("mine");
      expect((await network.run(["exec", "b", "nc", "127.0.0.1", "5000"])).code).toBe(1);
      const answers = ["a", "b", "c"].map((name) => network.ok(["exec", name, "sh", "-c", ASK]));
      for (const answer of await Promise.all(answers)) expect(answer).toContain(HOST);
    });

    it("is there at once, and again after a restart", async () => {
      await network.ok(["create", "--name", "c", "busybox", "sh", "-c", ASK]);
      for (let round = 0; round < 2; round += 1) expect(await network.ok(["start", "-a", "c"])).toContain(HOST);
    });

    it("does not depend on PATH", async () => {
      const { env } = network.stage;
      const words = [
        "env",
        "PATH=/nowhere",
        env.program,
        ...network.words(["run", "--rm", "busybox", "sh", "-c", ASK]),
      ];
      expect((await env.startOther(words, network.options()).result()).stdout).toContain(HOST);
    });

    it("is no reason for a container not to start while the host has none itself, unless it needs one", async () => {
      network.world.disconnect();
      try {
        const { code, stdout } = await network.run(["run", "--rm", "busybox", "echo", "started"]);
        expect({ code, stdout }).toEqual(
          backEnd.needsRoute ? { code: 125, stdout: "" } : { code: 0, stdout: "started\n" },
        );
      } finally {
        network.world.connect();
      }
    });
  });
}
