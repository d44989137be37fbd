// Hostile image configuration (security.md §3.4), by what comes of it: commands that are none or too long, programs that no
// kernel runs, signals, ports, times and histories that make no sense. Each runs, or is refused with docker's code and a reason
// that names what is wrong.

import { expect } from "bun:test";

import { hostileImage } from "../../support/hostile.ts";
import type { ImageOptions } from "../../support/image.ts";
import { useStage } from "../../support/stage.ts";
import { directory, file, symlink } from "../../support/tar.ts";

/** execve(2): one word may have 128 KiB, all together a quarter of the stack's limit, mostly 2 MiB. */
const TOO_LONG = "x".repeat(128 * 1024);
function many<Item>(count: number, item: Item): Item[] {
  return Array.from({ length: count }, () => item);
}

const ELF_OF_ANOTHER_MACHINE = new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, ...many(10, 0), 0xf3, 0]);

const stage = useStage({ needs: ["probe"] });

const PROGRAMS = [
  directory("odd", { mode: 0o755 }),
  file("odd/loop", "#!/odd/loop\n", { mode: 0o755 }),
  file("odd/chain", "#!/odd/loop\n", { mode: 0o755 }),
  file("odd/foreign", ELF_OF_ANOTHER_MACHINE, { mode: 0o755 }),
  file("odd/no-end", `#!/bin/${"x".repeat(5000)}`, { mode: 0o755 }),
  file("odd/setuid", "#!/bin/sh\nid -u\n", { mode: 0o4755 }),
  file("odd/closed", "#!/bin/sh\n", { mode: 0o000 }),
  symlink("odd/link", "/odd/other"),
  symlink("odd/other", "/odd/link"),
];

type Run = NonNullable<ImageOptions["run"]>;

const COMMANDS: Readonly<Record<string, [run: Run, code: number, says: RegExp]>> = {
  "empty word": [{ Cmd: [""] }, 127, /exec: "": executable file not found/],
  "nothing at all": [{ Cmd: null }, 125, /no command specified/],
  "empty list": [{ Cmd: [], Entrypoint: [] }, 125, /no command specified/],
  "a word too long": [{ Cmd: ["true", TOO_LONG] }, 126, /argument list too long/],
  "too many words": [{ Cmd: ["true", ...many(90_000, "0123456789012345678901234567")] }, 126, /argument list too long/],
  "a directory": [{ Entrypoint: ["/odd"] }, 126, /permission denied/],
  "a loop of interpreters": [{ Entrypoint: ["/odd/loop"] }, 126, /exec: "\/odd\/loop"/],
  "a chain into a loop": [{ Entrypoint: ["/odd/chain"] }, 126, /exec: "\/odd\/chain"/],
  "another machine's": [{ Entrypoint: ["/odd/foreign"] }, 126, /exec format error/],
  "an interpreter without end": [{ Entrypoint: ["/odd/no-end"] }, 126, /exec: "\/odd\/no-end"/],
  "a file nobody may run": [{ Entrypoint: ["/odd/closed"] }, 126, /permission denied/],
  "a loop of links": [{ Entrypoint: ["/odd/link"] }, 126, /exec: "\/odd\/link"/],
  "a directory that is a file": [
    { Cmd: ["true"], WorkingDir: "/etc/passwd" },
    125,
    /working directory "\/etc\/passwd"/,
  ],
  "a directory of megabytes": [
    { Cmd: ["true"], WorkingDir: "/a".repeat(100_000) },
    125,
    /working directory .*ENAMETOOLONG/,
  ],
  "a relative directory": [{ Cmd: ["true"], WorkingDir: "tmp" }, 0, /^$/],
  "control characters in a name": [{ Cmd: ["\u001b[2Jx"] }, 127, /exec: ".*x": executable file not found/],
};

stage.it("commands that are none are told as docker does, and nothing is left", async () => {
  for (const [name, [run, code, says]] of Object.entries(COMMANDS)) {
    await stage.add("odd", hostileImage({ files: PROGRAMS, run }));
    const result = await stage.env.run(["run", "--rm", "--network", "none", "odd"]);
    expect([name, result.code, result.stderr.split("\n")[0]]).toEqual([name, code, expect.stringMatching(says)]);
    expect([name, /[\0-\x08\x0b-\x1f\x7f]/.test(result.stderr)]).toEqual([name, false]);
    expect(result.stderr.length).toBeLessThan(8192);
  }
});

stage.it("a setuid script is run as whoever runs it", async () => {
  await stage.add("odd", hostileImage({ files: PROGRAMS, run: { Entrypoint: ["/odd/setuid"], User: "1000" } }));
  expect(await stage.env.ok(["run", "--rm", "--network", "none", "odd"])).toBe("1000");
});

const SETTINGS: Readonly<Record<string, ImageOptions>> = {
  "a signal that is none": { run: { StopSignal: "SIGFOO" } },
  "a signal too large": { run: { StopSignal: "999" } },
  "no signal": { run: { StopSignal: "" } },
  "ports that are none": {
    run: { ExposedPorts: { "99999/tcp": {}, "-1": {}, "80/xyz": {}, "": {}, "1-65535/udp": {} } },
  },
  "a healthcheck of no time": {
    run: { Healthcheck: { Test: ["CMD", "true"], Interval: -1, Timeout: 0, Retries: -5 } },
  },
  "a healthcheck for ever": { run: { Healthcheck: { Test: ["CMD", "true"], Interval: 1e18, StartPeriod: 9e18 } } },
  "words for a build": { run: { OnBuild: many(10_000, "RUN touch /built") } },
  "a shell of its own": { run: { Shell: ["/nowhere"] } },
  "many labels": { run: { Labels: Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`l${at}`, "x"])) } },
  "another time": { config: { created: "9999999-99-99T99:99:99Z" } },
  "more history than layers": { config: { history: many(1000, { created_by: "x", empty_layer: false }) } },
  "an author who steers terminals": { config: { author: "\u001b[31m", comment: "\u0007" } },
};

stage.it("settings that make no sense neither hinder a container nor reach a terminal", async () => {
  for (const [name, options] of Object.entries(SETTINGS)) {
    await stage.add("odd", hostileImage({ ...options, run: { Cmd: ["sleep", "1000"], ...options.run } }));
    const { env } = stage;
    expect([name, (await env.run(["run", "-d", "--name", "c", "--network", "none", "odd"])).code]).toEqual([name, 0]);
    const shown = await Promise.all([
      env.ok(["ps", "-a"]),
      env.ok(["images"]),
      env.ok(["inspect", "c"]),
      env.ok(["image", "inspect", "odd"]),
    ]);
    expect([name, shown.some((text) => /[\0-\x08\x0b-\x1f\x7f]/.test(text))]).toEqual([name, false]);
    expect([name, (await env.run(["stop", "-t", "0", "c"])).code]).toEqual([name, 0]);
    await env.ok(["rm", "-f", "c"]);
  }
});
