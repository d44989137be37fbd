// podman's flags for the environment, and what exec has of its own: --env-file and --privileged.

import { describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { busyboxWith, useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage({
  prepare: (opened) => opened.add("given", busyboxWith({ Env: ["PATH=/bin", "A=image", "B=image"] })),
});
const { it } = stage;

/** The environment inside, sorted. */
async function environmentOf(words: string[], environment: Record<string, string> = {}): Promise<string[]> {
  const text = await stage.env.ok(["run", "--rm", NONE, ...words, "given", "/bin/env"], { environment });
  return text
    .split("\n")
    .filter((line) => !/^(HOSTNAME|SHLVL|PWD|container)=/.test(line))
    .sort();
}

describe("the caller's environment", () => {
  it("stays outside, unless --env-host says otherwise; what the image says wins", async () => {
    const caller = { A: "caller", OURS: "x", http_proxy: "http://proxy.test" };
    const image = ["A=image", "B=image", "HOME=/root", "PATH=/bin"];
    expect(await environmentOf([], caller)).toEqual(image);
    const all = await environmentOf(["--env-host"], caller);
    expect(all).toContain("OURS=x");
    expect(all).toContain("A=image");
    expect(await environmentOf(["--env-host", "-e", "OURS=y"], caller)).toContain("OURS=y");
  });

  it("gives its proxies with --http-proxy, and no more", async () => {
    const caller = { OURS: "x", http_proxy: "http://proxy.test", NO_PROXY: "a,b" };
    const image = ["A=image", "B=image", "HOME=/root", "PATH=/bin"];
    expect(await environmentOf(["--http-proxy"], caller)).toEqual(
      [...image, "http_proxy=http://proxy.test", "NO_PROXY=a,b"].sort(),
    );
    expect(await environmentOf(["--http-proxy=false"], caller)).toEqual(image);
  });
});

describe("the image's environment", () => {
  it("is changed by --env-merge, and left out by --unsetenv", async () => {
    expect(await environmentOf(["--env-merge", "A=${A}-$B", "--unsetenv", "B"])).toEqual([
      "A=image-image",
      "HOME=/root",
      "PATH=/bin",
    ]);
    expect(await environmentOf(["--unsetenv-all", "-e", "C=c"])).toEqual(["C=c", "HOME=/root"]);
    const wrong = await stage.env.fails(["run", "--rm", NONE, "--env-merge", "A=${", "given"], 125);
    expect(wrong).toContain("unable to process variables for --env-merge A=${");
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
    const flags = ["--unsetenv=HOSTNAME", "--unsetenv=container"];
    expect(await stage.env.ok(["run", "--rm", NONE, ...flags, "given", "env"])).not.toMatch(/^(HOSTNAME|container)=/m);
  });

  it("is what inspect and exec show", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=c", NONE, "--env-merge=A=$A+", "--unsetenv=B", "given", "sleep", "1000"]);
    expect(JSON.parse(await env.ok(["inspect", "-f", "{{json .Config.Env}}", "c"]))).toEqual(["PATH=/bin", "A=image+"]);
    expect(await env.ok(["exec", "c", "sh", "-c", "echo $A ${B-none}"])).toBe("image+ none");
  });
});

describe("exec", () => {
  it("reads --env-file, below -e", async () => {
    const { env } = stage;
    const file = join(env.makeDirectory("variables"), "env");
    writeFileSync(file, "# a comment\nA=file\nC=file\n");
    await env.ok(["run", "-d", "--name=c", NONE, "given", "sleep", "1000"]);
    expect(await env.ok(["exec", "--env-file", file, "-e", "C=flag", "c", "sh", "-c", "echo $A $B $C"])).toBe(
      "file image flag",
    );
  });

  it("has all capabilities with --privileged, as root, and the container's walls all the same", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=c", NONE, "given", "sleep", "1000"]);
    const capabilities = (...flags: string[]) =>
      env.ok(["exec", ...flags, "c", "sh", "-c", "sed -n 's/^Cap\\(Eff\\|Bnd\\):.//p' /proc/self/status"]);
    const few = "00000000800405fb";
    expect(await capabilities()).toBe(`${few}\n${few}`);
    const [effective = "", bounding] = (await capabilities("--privileged")).split("\n");
    expect(effective).toMatch(/^000001f{10}$/);
    expect(bounding).toBe(effective);
    expect(await capabilities("--privileged", "-u", "1000")).toBe(`${"0".repeat(16)}\n${effective}`);
    const script = "mkdir -p /m && mount -t tmpfs none /m && umount /m && echo mounted";
    expect(await env.ok(["exec", "--privileged", "c", "sh", "-c", script])).toBe("mounted");
    await env.fails(["exec", "c", "sh", "-c", script], 1);
    await env.fails(["exec", "--privileged", "c", "sh", "-c", "echo 1 > /proc/sys/kernel/panic"], 1);
    await env.fails(["exec", "--privileged", "c", "mknod", "/dev/sda", "b", "8", "0"], 1);
  });
});
