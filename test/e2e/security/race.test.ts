// Somebody inside exchanges path components while containers start and commands enter (CVE-2021-30465, CVE-2025-52881): a
// directory that two containers share changes places with a link as fast as the kernel can rename. Whoever looks at a path
// twice loses; who holds a descriptor does not. Every start must either come out right or fail and say so.

import { describe, expect } from "bun:test";
import { chownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { isLong } from "../../support/guards.ts";
import { hostileImage } from "../../support/hostile.ts";
import { useStage } from "../../support/stage.ts";

/** For each way; 300 in all. */
const STARTS = isLong() ? 1000 : 50;
const RIGHT = 0;
const REFUSED = 125;

const stage = useStage({
  needs: ["probe"],
  prepare: async (opened) => {
    await opened.add("hostile", hostileImage());
  },
});

/** A directory of the user's with `a` in it, and a link to take its place. */
function makeShared(name: string, target: string): string {
  const path = join(stage.env.home, name);
  for (const each of [path, join(path, "a")]) {
    mkdirSync(each);
    chownSync(each, stage.env.user.uid, stage.env.user.gid);
  }
  symlinkSync(target, join(path, "b"));
  return path;
}

/** Run in each container: is /proc the kernel's, masked, and the root the image's? Then where the mount went. */
const CHECK = [
  '[ "$(stat -f -c %T /proc)" = proc ] || exit 60',
  "[ -s /proc/keys ] && exit 61",
  "grep -q ' /proc/sys proc\\| /proc/sys .* - proc ' /proc/self/mountinfo || exit 62",
  "[ -x /attack ] && [ -d /sys/class ] && [ -c /dev/null ] || exit 63",
  'case "$(pwd -P)" in /*) ;; *) exit 64 ;; esac',
  "sed -n 's/.* \\(\\/[^ ]*\\) .* - tmpfs .*size=80k.*/\\1/p' /proc/self/mountinfo",
].join("\n");

interface Outcome {
  codes: Map<number, number>;
  /** Where the mount was found. */
  places: Map<string, number>;
}

/** Two victims at a time beside the attacker. */
async function race(shared: string, words: (at: number) => string[], times: number): Promise<Outcome> {
  const { env } = stage;
  const attacker = await env.ok([
    "run",
    "-d",
    "--network",
    "none",
    "-v",
    `${shared}:/s`,
    "hostile",
    "/attack",
    "swap",
    "/stop",
    "/s/a",
    "/s/b",
  ]);
  const outcome: Outcome = { codes: new Map(), places: new Map() };
  const count = <K>(map: Map<K, number>, key: K) => map.set(key, (map.get(key) ?? 0) + 1);
  let started = 0;
  const victim = async () => {
    while (started < times) {
      started += 1;
      const { code, stdout } = await env.run(words(started));
      count(outcome.codes, code ?? -1);
      if (code === RIGHT) count(outcome.places, stdout.trim());
    }
  };
  await Promise.all([victim(), victim()]);
  // It ends the container before it has ended itself.
  await env.run(["exec", attacker, "touch", "/stop"]);
  await env.run(["wait", attacker]);
  expect(JSON.parse(await env.ok(["logs", attacker])).swaps).toBeGreaterThan(times);
  return outcome;
}

function expectOnly(outcome: Outcome, codes: number[]): void {
  expect([...outcome.codes.keys()].filter((code) => !codes.includes(code))).toEqual([]);
}

describe("while a sibling exchanges a shared directory with a link", () => {
  const start = (shared: string, flags: string[]) => [
    "run",
    "--rm",
    "--network",
    "none",
    "-v",
    `${shared}:/s`,
    ...flags,
    "hostile",
    "sh",
    "-c",
    CHECK,
  ];
  /** Link → what is mounted or entered behind it. */
  const WAYS: [string, () => string, string[]][] = [
    ["the root", () => "/", ["--tmpfs", "/s/a/etc:size=80k"]],
    ["/proc", () => "/proc", ["--tmpfs", "/s/a/self/attr:size=80k"]],
    ["/proc itself", () => "/proc", ["--tmpfs", "/s/a:size=80k"]],
    ["outside", () => `${stage.canary.root}/folder`, ["--tmpfs", "/s/a/x:size=80k", "-w", "/s/a/made"]],
    ["outside, by dots", () => `${"../".repeat(20)}${stage.canary.root.slice(1)}`, ["--tmpfs", "/s/a/folder:size=80k"]],
  ];

  for (const [what, target, flags] of WAYS) {
    stage.it(`to ${what}, every start comes out right or is refused`, async () => {
      const shared = makeShared(`start-${WAYS.findIndex(([name]) => name === what)}`, target());
      const outcome = await race(shared, () => start(shared, flags), STARTS);
      expectOnly(outcome, [RIGHT, REFUSED]);
      // What was mounted is there, inside.
      expect([...outcome.places.keys()]).not.toContain("");
      // The race took place: it did not always end the same way.
      expect(outcome.codes.size + outcome.places.size).toBeGreaterThan(2);
    });
  }

  stage.it("every exec is in a directory inside or is refused", async () => {
    const { env } = stage;
    const shared = makeShared("exec", "/proc/1/root/proc/self/cwd");
    const id = await env.ok(["run", "-d", "--network", "none", "-v", `${shared}:/s`, "hostile", "sleep", "600"]);
    const check = 'case "$(pwd -P)" in /s/?|/) exit 0 ;; *) pwd -P; exit 64 ;; esac';
    const outcome = await race(shared, () => ["exec", "-w", "/s/a", id, "sh", "-c", check], STARTS);
    expectOnly(outcome, [RIGHT, 126, 127]);
    expect(outcome.codes.size).toBeGreaterThan(1);
  });
});
