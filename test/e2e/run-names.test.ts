// What names mean inside: --add-host, --dns and their like; and other small flags of run: groups, /dev/shm, labels, --replace.

import { describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage();
const { it } = stage;

async function run(...words: string[]): Promise<string> {
  return await stage.env.ok(["run", "--rm", ...words]);
}

async function fails(...words: string[]): Promise<string> {
  return await stage.env.fails(["run", "--rm", ...words], 125);
}

describe("names inside", () => {
  it("come from --add-host, on networks of its own and on the host's", async () => {
    const hosts = ["--add-host", "one:192.0.2.1", "--add-host=two=2001:db8::2", "--add-host", "six:[2001:db8::6]"];
    for (const network of ["none", "host"]) {
      const text = await run(`--network=${network}`, ...hosts, "busybox", "cat", "/etc/hosts");
      expect(text).toContain("localhost");
      expect(text).toEndWith("192.0.2.1\tone\n2001:db8::2\ttwo\n2001:db8::6\tsix");
    }
    expect(await fails("--add-host", "x", "busybox")).toContain('bad format for add-host: "x"');
    expect(await fails("--add-host", "a;b:192.0.2.1", "busybox")).toContain("bad format for add-host");
    expect(await fails("--add-host", "x:nope", "busybox")).toContain('invalid IP address in add-host: "nope"');
    expect(await fails("--add-host", "x:1.2.3.4.5", "busybox")).toContain("invalid IP address");
    expect(await fails(NONE, "--add-host", "x:host-gateway", "busybox")).toContain("has no host-gateway");
    expect(await fails("--no-hosts", "--add-host", "x:1.2.3.4", "busybox")).toContain("cannot be set together");
  });

  it("are asked of the servers that --dns names, in the domains that --dns-search names", async () => {
    const flags = [
      "--dns=192.0.2.53",
      "--dns",
      "2001:db8::53",
      "--dns-search=a.test",
      "--dns-search",
      "b.test",
      "--dns-opt=ndots:2",
    ];
    for (const network of ["none", "host"]) {
      expect(await run(`--network=${network}`, ...flags, "busybox", "cat", "/etc/resolv.conf")).toBe(
        "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch a.test b.test\noptions ndots:2",
      );
    }
    expect(await run(NONE, "--dns-search=.", "busybox", "cat", "/etc/resolv.conf")).not.toContain("search");
    for (const odd of ["x", ":", "1:2", ":::::", "1.2.3", "2001:db8::g"]) {
      expect(await fails("--dns", odd, "busybox")).toContain(`${odd} is not an ip address`);
    }
    expect(await fails("--dns-search", "a b", "busybox")).toContain("a b is not a valid domain");
    expect(await fails("--dns-option", "a\nb", "busybox")).toContain("is not a valid resolver option");
  });

  it("are the image's own with --no-hosts and --no-hostname", async () => {
    expect(await run(NONE, "--no-hosts", "--no-hostname", "busybox", "cat", "/etc/hosts", "/etc/hostname")).toBe("");
    expect(await run(NONE, "--no-hosts", "--hostname=h", "busybox", "hostname")).toBe("h");
  });
});

describe("small flags", () => {
  it("give groups, by number and by the image's name, and a size to /dev/shm", async () => {
    const script = "id -G; df -k /dev/shm | tail -1 | awk '{print $2}'";
    expect(
      await run(
        NONE,
        "-u",
        "1000",
        "--group-add",
        "7",
        "--group-add=1001",
        "--shm-size=1m",
        "busybox",
        "sh",
        "-c",
        script,
      ),
    ).toBe("1000 7 1001 2000\n1024");
    expect(await fails("--group-add", "nosuch", NONE, "busybox", "true")).toContain("nosuch");
    expect(await fails("--group-add=keep-groups", "--group-add=7", "busybox")).toContain(
      "the '--group-add keep-groups' option is not allowed with any other --group-add options",
    );
    expect(await fails("--shm-size", "big", "busybox")).toContain("invalid size: 'big'");
  });

  it("are shown by inspect", async () => {
    const { env } = stage;
    const file = join(env.makeDirectory("labels"), "labels");
    writeFileSync(file, "# a comment\nfrom=file\nboth=file\nbare\n");
    const words = [
      "--label-file",
      file,
      "--label",
      "both=flag",
      "--annotation",
      "a=b",
      "--expose",
      "80-81",
      "--expose",
      "53/UDP",
    ];
    await env.ok(["create", "--name=c", ...words, "--add-host=h:192.0.2.9", "--shm-size=2m", NONE, "busybox"]);
    const show = (field: string) => env.ok(["inspect", "-f", `{{json ${field}}}`, "c"]);
    expect(JSON.parse(await show(".Config.Labels"))).toEqual({ from: "file", both: "flag" });
    expect(JSON.parse(await show(".Config.ExposedPorts"))).toEqual({ "80/tcp": {}, "81/tcp": {}, "53/udp": {} });
    expect(JSON.parse(await show(".HostConfig.Annotations"))).toEqual({ a: "b" });
    expect(JSON.parse(await show(".HostConfig.ExtraHosts"))).toEqual(["h:192.0.2.9"]);
    expect(await show(".HostConfig.ShmSize")).toBe(String(2 * 1024 * 1024));
    expect(await fails("--expose", "90-80", "busybox")).toContain("invalid range format for --expose: 90-80");
  });

  it("let a container take the place of another one of its name", async () => {
    const { env } = stage;
    const old = await env.ok(["run", "-d", "--name=c", NONE, "busybox", "sleep", "1000"]);
    await env.fails(["run", "-d", "--name=c", NONE, "busybox", "sleep", "1000"], 125);
    // One that cannot be had leaves the old one alone.
    await env.fails(["run", "-d", "--replace", "--pull=never", "--name=c", NONE, "nosuch"], 125);
    expect(await env.ok(["ps", "-q", "--no-trunc"])).toBe(old);
    const id = await env.ok(["run", "-d", "--replace", "--name=c", NONE, "busybox", "sleep", "1000"]);
    expect(await env.ok(["ps", "-a", "-q", "--no-trunc"])).toBe(id);
    expect(id).not.toBe(old);
    await env.ok(["create", "--replace", "--name=c", NONE, "busybox"]);
    expect(await fails("--replace", "busybox")).toContain("cannot replace container without --name being set");
  });
});
