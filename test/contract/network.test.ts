// What every back end of the default network must do, asked of each alike; then what is true of the network whatever serves it.
//
// A network namespace stands for the host, another one for the world (network-world.ts), so that nothing depends on the machine's
// own network. A back end is chosen by hiding the programs of the others, as on a machine where only that one is installed.

import { describe, expect } from "bun:test";
import { chownSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { CommandResult } from "../support/command.ts";
import type { RunOptions } from "../support/environment.ts";
import type { Need } from "../support/guards.ts";
import { sidRoot } from "../../scripts/bench/debian-root.ts";
import { patternOf } from "../support/network-server.ts";
import { HOST, PORT, World, WORLD, WORLD6, WORLD_NAME } from "../support/network-world.ts";
import { type Stage, useStage } from "../support/stage.ts";

interface BackEnd {
  name: string;
  /** None for what needs nothing installed. */
  program: "slirp4netns" | "pasta" | null;
  /** Of run and create. */
  flags?: string[];
  needs: Need[];
  /** Another distribution's, with the program in its version of today. */
  root?: () => string;
  /** Besides the gateway: where the host itself might be reached. */
  hostAddresses: string[];
  /** pasta of 2023 stalls once one side has sent its last byte, and is silent where it should refuse. */
  isComplete: boolean;
}

/** Debian 12's does not know its own version. */
const PASTA_OF_2023 = /^pasta unknown version/;
const PROGRAMS = ["slirp4netns", "pasta"];
const BACK_ENDS: BackEnd[] = [
  {
    name: "our relay",
    program: null,
    flags: ["--network=out"],
    needs: [],
    hostAddresses: ["169.254.1.2", "fd00:6275:6e6b::2", "172.17.0.1"],
    isComplete: true,
  },
  {
    name: "slirp4netns",
    program: "slirp4netns",
    needs: ["slirp4netns"],
    hostAddresses: ["10.0.2.2", "10.0.2.3", "fd00::2"],
    isComplete: true,
  },
  {
    name: "pasta",
    program: "pasta",
    needs: ["pasta"],
    hostAddresses: ["169.254.1.1", HOST],
    isComplete: !PASTA_OF_2023.test(Bun.spawnSync(["sh", "-c", "pasta --version"]).stdout.toString()),
  },
  {
    name: "today's pasta",
    program: "pasta",
    needs: ["mmdebstrap"],
    root: sidRoot,
    hostAddresses: ["169.254.1.1", HOST],
    isComplete: true,
  },
];
const DIRECTORIES = ["/usr/bin", "/usr/local/bin", "/usr/sbin"];
const AMOUNT = 3_000_000;
/** Input that stays open for a while: half-closed connections are a question of their own. */
const ASK = `{ echo who; sleep 0.2; } | nc ${WORLD} ${PORT}`;
/** An address takes a while to be known as nobody else's. */
const IPV6_PATIENCE_MS = 10_000;

/** A stage on the host of a world of its own, with only these programs of the back ends. */
class Network {
  readonly stage: Stage;
  #world: World | null = null;
  readonly #flags: string[];

  constructor(programs: string[], { needs, root, flags = [] }: Pick<BackEnd, "needs" | "root" | "flags">) {
    this.#flags = flags;
    this.stage = useStage({
      needs: ["ip", ...needs],
      environment: root === undefined ? {} : () => ({ root: root() }),
      prepare: async (stage) => {
        this.#world = await World.create();
        stage.onClose(async () => await this.#world?.[Symbol.asyncDispose]());
        for (const program of PROGRAMS) if (!programs.includes(program)) this.hide(program);
        this.nameserver(WORLD);
        if (flags.length > 0) await this.ok(["network", "create", "--ipv6", "out"]);
      },
    });
  }

  get world(): World {
    if (this.#world === null) throw new Error("the world is there during tests only");
    return this.#world;
  }

  /** As on a machine where it is not installed. */
  hide(program: string): void {
    for (const path of this.#placesOf(program)) this.#asRoot(["mount", "--bind", "/dev/null", path]);
  }

  show(program: string): void {
    for (const path of this.#placesOf(program)) this.#asRoot(["umount", path]);
  }

  #placesOf(program: string): string[] {
    const { host } = this.stage.env;
    return DIRECTORIES.map((directory) => join(directory, program)).filter((path) => existsSync(host.view(path)));
  }

  /** The host's resolv.conf. */
  nameserver(address: string): void {
    const { env } = this.stage;
    const path = join(env.home, "resolv.conf");
    const isNew = !existsSync(path);
    writeFileSync(path, `# the host's\nnameserver ${address}\nsearch example.org\noptions timeout:3\n`);
    chownSync(path, env.user.uid, env.user.gid);
    if (isNew) this.#asRoot(["mount", "--bind", path, "/etc/resolv.conf"]);
  }

  #asRoot(command: string[]): void {
    const { success, stderr } = Bun.spawnSync(this.stage.env.host.enter(command, "/"));
    if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  }

  options(options: RunOptions = {}): RunOptions {
    return { ...options, launcher: this.world.launcher(this.stage.env) };
  }

  run(args: string[], options: RunOptions = {}): Promise<CommandResult> {
    return this.stage.env.run(this.words(args), this.options(options));
  }

  ok(args: string[], options: RunOptions = {}): Promise<string> {
    return this.stage.env.ok(this.words(args), this.options(options));
  }

  /** A command, with what chooses the network where it makes a container. */
  words([verb = "", ...rest]: string[]): string[] {
    return /^(?:run|create)$/.test(verb) ? [verb, ...this.#flags, ...rest] : [verb, ...rest];
  }

  /** What a script in a container prints. */
  async script(script: string, ...flags: string[]): Promise<string> {
    const { stdout, stderr } = await this.run(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);
    return stderr === "" ? stdout.trimEnd() : `${stdout}${stderr}`;
  }
}

function hex(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

for (const backEnd of BACK_ENDS) {
  describe(`the way out by ${backEnd.name}`, () => {
    const network = new Network(backEnd.program === null ? [] : [backEnd.program], backEnd);
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

    it("is no reason for a container not to start while the host has none itself", async () => {
      network.world.disconnect();
      try {
        const { code, stdout } = await network.run(["run", "--rm", "busybox", "echo", "started"]);
        expect({ code, stdout }).toEqual({ code: 0, stdout: "started\n" });
      } finally {
        network.world.connect();
      }
    });
  });
}

describe("the network", () => {
  const network = new Network(["slirp4netns", "pasta"], { needs: ["slirp4netns", "pasta"] });
  const { it } = network.stage;
  const nameserver = "grep ^nameserver /etc/resolv.conf || echo none";

  it("that is asked for as default is decided at each start, and names resolve by what was decided", async () => {
    await network.ok([
      "create",
      "--name",
      "c",
      "busybox",
      "sh",
      "-c",
      `${nameserver}; nslookup ${WORLD_NAME} 2>&1 | grep -c ${WORLD}`,
    ]);
    expect(await network.ok(["inspect", "-f", "{{.HostConfig.NetworkMode}}", "c"])).toBe("default");
    expect(await network.ok(["start", "-a", "c"])).toBe("nameserver 10.0.2.3\n1");
    network.hide("slirp4netns");
    try {
      expect(await network.ok(["start", "-a", "c"])).toBe("nameserver 169.254.1.1\n1");
      network.hide("pasta");
      try {
        const { stdout, stderr } = await network.run(["start", "-a", "c"]);
        expect(stdout).toStartWith("none\n");
        expect(stderr).toBe(
          "WARNING: no way out of the container: neither slirp4netns nor pasta is installed (apt install slirp4netns), so it has no network\n",
        );
        expect((await network.run(["run", "-d", "busybox", "true"])).stderr).toContain(
          "WARNING: no way out of the container",
        );
        expect((await network.run(["run", "--rm", "--network", "none", "busybox", "true"])).stderr).toBe("");
      } finally {
        network.show("pasta");
      }
    } finally {
      network.show("slirp4netns");
    }
    expect(await network.ok(["start", "-a", "c"])).toBe("nameserver 10.0.2.3\n1");
  });

  it("needs a device that may be missing, and says so", async () => {
    const asRoot = (...words: string[]) => Bun.spawnSync(network.stage.env.host.enter(words, "/"));
    asRoot("chmod", "600", "/dev/net/tun");
    try {
      const { code, stdout, stderr } = await network.run(["run", "--rm", "busybox", "echo", "started"]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: "started\n" });
      expect(stderr).toContain("WARNING: no way out of the container: /dev/net/tun is missing or not yours to use");
    } finally {
      asRoot("chmod", "666", "/dev/net/tun");
    }
  });

  it("files that the container has changed itself stay as they are", async () => {
    await network.ok([
      "create",
      "--name",
      "c",
      "busybox",
      "sh",
      "-c",
      "cat /etc/resolv.conf; echo nameserver 192.0.2.1 > /etc/resolv.conf",
    ]);
    expect(await network.ok(["start", "-a", "c"])).toContain("nameserver 10.0.2.3");
    expect(await network.ok(["start", "-a", "c"])).toBe("nameserver 192.0.2.1");
  });

  it("none is a loopback interface that works, and nothing else", async () => {
    const script =
      "ip -o link | cut -d: -f2; nc -l -p 5000 -e echo mine & sleep 0.2; nc 127.0.0.1 5000 < /dev/null; ip route | wc -l";
    expect(await network.script(script, "--network", "none")).toBe(" lo\nmine\n0");
    expect(await network.script(`nc ${WORLD} ${PORT} < /dev/null`, "--network", "none")).toContain(
      "Network is unreachable",
    );
  });

  it("host is the host's: interfaces, loopback, name service, hosts file and name", async () => {
    const script = `ip -o addr | grep -c ${HOST}; { echo who; sleep 0.1; } | nc 127.0.0.1 ${PORT}; ${nameserver}; nslookup ${WORLD_NAME} | grep -c ${WORLD}; cat /etc/hosts`;
    const output = await network.script(script, "--network", "host");
    expect(output).toStartWith(`1\n127.0.0.1\nnameserver ${WORLD}\n`);
    expect(output).toContain(
      await Bun.file("/etc/hosts")
        .text()
        .then((text) => text.trimEnd()),
    );
    expect(await network.script("hostname", "--network", "host")).toBe(
      (await Bun.file("/proc/sys/kernel/hostname").text()).trim(),
    );
    expect(await network.script("hostname", "--network", "host", "--hostname", "own")).toBe("own");
  });

  it("helper that dies takes nothing with it but the way out", async () => {
    await network.ok(["run", "-d", "--name", "c", "busybox", "sleep", "60"]);
    Bun.spawnSync(
      network.stage.env.command(["pkill", "-KILL", "-u", String(network.stage.env.user.uid), "slirp4netns"]),
    );
    expect(await network.ok(["exec", "c", "echo", "alive"])).toBe("alive");
    await network.ok(["rm", "-f", "c"]);
  });

  it("that nobody has made is not found", async () => {
    const complaint = await network.stage.env.fails(["run", "--network", "mine", "busybox"], 125);
    expect(complaint).toContain("network mine not found");
    expect(complaint).toContain("hint: `bunker network ls` lists the networks there are.");
  });
});
