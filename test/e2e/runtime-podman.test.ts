// Rootless podman with our sandbox as its runtime: what it runs with crun, it runs with ours.

import { describe, expect } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";

import { configurePodman } from "../support/podman.ts";
import { startRegistry } from "../support/registry.ts";
import { busyboxWith, useStage } from "../support/stage.ts";

/** podman's own processes start slowly. */
const TIMEOUT_MS = 240_000;

let image = "";
let registry: ReturnType<typeof startRegistry> | null = null;
const stage = useStage({
  needs: ["podman"],
  async prepare(opened) {
    const { env } = opened;
    configurePodman(env);
    registry = startRegistry();
    opened.onClose(async () => registry?.[Symbol.dispose]());
    image = registry.push("guest", "latest", await busyboxWith({}));
    symlinkSync(env.program, join(env.home, "bunker-runtime"));
    await podman("pull", "--quiet", "--tls-verify=false", image);
  },
});
const { it } = stage;

async function run(words: string[]) {
  const { env } = stage;
  return env.startOther(["podman", "--runtime", join(env.home, "bunker-runtime"), ...words]).result();
}

async function podman(...words: string[]): Promise<string> {
  const ended = await run(words);
  if (ended.code !== 0) throw new Error(`${words.join(" ")}: ${ended.code}\n${ended.stdout}\n${ended.stderr}`);
  return ended.stdout.trim();
}

const QUIET = ["--rm", "--network=none"];

describe("podman --runtime bunker-runtime", () => {
  it(
    "runs containers with their output and exit codes",
    async () => {
      expect(await podman("run", ...QUIET, image, "echo", "hello")).toBe("hello");
      expect((await run(["run", ...QUIET, image, "sh", "-c", "exit 9"])).code).toBe(9);
      expect((await run(["run", ...QUIET, image, "nosuch"])).code).toBe(127);
      expect((await run(["run", ...QUIET, image, "/etc"])).code).toBe(126);
    },
    TIMEOUT_MS,
  );

  it(
    "gives them what flags ask for",
    async () => {
      const { env } = stage;
      const flags = [
        "--user=7:8",
        "--group-add=9",
        "--read-only",
        "--tmpfs=/scratch",
        `--volume=${env.makeDirectory("shared")}:/shared`,
      ];
      const more = [
        "--hostname=mine",
        "--sysctl=net.ipv4.ping_group_range=0 1",
        "--ulimit=nofile=99:99",
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
      ];
      const script =
        "id -u; id -G; hostname; ulimit -n; cat /proc/sys/net/ipv4/ping_group_range; grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; touch /x || touch /scratch/x && echo done; ls -d /shared";
      const output = await podman("run", ...QUIET, ...flags, ...more, image, "sh", "-c", script);
      expect(output.split("\n").map((line) => line.replaceAll("\t", " "))).toEqual([
        "7",
        "8 9",
        "mine",
        "99",
        "0 1",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "done",
        "/shared",
      ]);
    },
    TIMEOUT_MS,
  );

  it(
    "maps ids, and shares the host's namespaces",
    async () => {
      const { uid } = stage.env.user;
      expect(await podman("run", ...QUIET, "--userns=keep-id", image, "id", "-u")).toBe(String(uid));
      expect(await podman("run", "--rm", "--network=host", "--pid=host", "--uts=host", image, "echo", "shared")).toBe(
        "shared",
      );
      expect(await podman("run", "-t", ...QUIET, image, "tty")).toBe("/dev/pts/0");
    },
    TIMEOUT_MS,
  );

  it(
    "keeps them in the background: exec, kill, stop, rm",
    async () => {
      const waits = ["sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done"];
      await podman("run", "-d", "--name=web", "--network=none", image, ...waits);
      expect(await podman("exec", "web", "echo", "in")).toBe("in");
      expect((await run(["exec", "web", "sh", "-c", "exit 4"])).code).toBe(4);
      expect((await run(["exec", "web", "nosuch"])).code).toBe(127);
      expect(await podman("exec", "-t", "--user=5", "web", "id", "-u")).toBe("5");
      expect(await podman("logs", "web")).toBe("up");
      await podman("stop", "--time=20", "web");
      expect(await podman("inspect", "--format={{.State.Status}} {{.State.ExitCode}}", "web")).toBe("exited 5");
      await podman("start", "web");
      await podman("kill", "--signal=KILL", "web");
      expect(await podman("wait", "web")).toBe("137");
      await podman("rm", "web");
    },
    TIMEOUT_MS,
  );
});
