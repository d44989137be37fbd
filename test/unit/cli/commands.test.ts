// The command table and everything in it: what holds for each verb.

import { describe, expect, test } from "bun:test";
import { completionScript } from "../../../src/cli/completion.ts";
import { verbHelp } from "../../../src/cli/help.ts";
import { explainFlag, explainVerb } from "../../../src/cli/mistakes.ts";
import { LATER_FLAGS, LATER_VERBS, POINTLESS_FLAGS } from "../../../src/cli/not-yet.ts";
import { editDistance, nearest } from "../../../src/cli/suggest.ts";
import { FlagError } from "../../../src/cli/usage.ts";
import { GROUPS, VERBS } from "../../../src/cli/verbs.ts";

const ENTRIES = await Promise.all(
  Object.entries(VERBS).map(async ([key, entry]) => ({ key, entry, verb: (await entry.load()).verb })),
);

describe("every verb", () => {
  test.each(ENTRIES)(
    "$key has a summary, examples that start with it, and one short letter per flag",
    ({ entry, key, verb }) => {
      expect(entry.summary).toMatch(/^[A-Z][^.]*[^.]$/);
      expect(verb.examples.length).toBeGreaterThan(0);
      expect(verb.examples.some((example) => example.startsWith(key))).toBe(true);
      const shorts = Object.values(verb.flags).flatMap(({ short }) => (short === undefined ? [] : [short]));
      expect(new Set(shorts).size).toBe(shorts.length);
    },
  );

  test.each(ENTRIES)("$key has help within 80 columns, flags aligned", ({ key, verb }) => {
    const help = verbHelp(key, `bunker ${key}`, verb);
    const options = /\nOptions:\n([^]*?)(?:\n\n|$)/.exec(help)?.[1]?.split("\n") ?? [];
    for (const line of options) expect(line.length).toBeLessThanOrEqual(80);
    const columns = options
      .filter((line) => /^ {2,6}-/.test(line))
      .map((line) => /^ +\S.*? {3,}(?=\S)/.exec(line)?.[0].length);
    expect(new Set(columns).size).toBeLessThanOrEqual(1);
    expect(help).toStartWith(`Usage:  bunker ${key}`);
  });

  test.each(ENTRIES)("$key: no flag is both there and planned", ({ key, verb }) => {
    const planned = LATER_FLAGS[key]?.split(" ").map((word) => word.split("|").at(-1)) ?? [];
    const names = Object.entries(verb.flags).flatMap(([name, { aliases }]) => [name, ...(aliases ?? [])]);
    expect(names.filter((name) => planned.includes(name))).toEqual([]);
    const shorts = Object.values(verb.flags).map(({ short }) => short);
    const plannedShorts =
      LATER_FLAGS[key]?.split(" ").flatMap((word) => (word.includes("|") ? [word.split("|")[0]] : [])) ?? [];
    expect(plannedShorts.filter((short) => shorts.includes(short))).toEqual([]);
  });

  test("in a group is in the table", () => {
    for (const { members } of Object.values(GROUPS)) {
      for (const key of Object.values(members)) expect(Object.hasOwn(VERBS, key)).toBe(true);
    }
  });

  test("that is there is not planned", () => {
    for (const [group, words] of Object.entries(LATER_VERBS)) {
      const there = group === "" ? Object.keys(VERBS) : Object.keys(GROUPS[group]?.members ?? {});
      expect(words.split(" ").filter((word) => there.includes(word))).toEqual([]);
    }
  });
});

test("the help of stop, as a person sees it", async () => {
  const { verb } = await (VERBS["stop"] as (typeof VERBS)[string]).load();
  expect(verbHelp("stop", "bunker stop", verb)).toMatchInlineSnapshot(`
    "Usage:  bunker stop [OPTIONS] CONTAINER [CONTAINER...]

    Stop one or more running containers

    Aliases:
      bunker container stop, bunker stop

    Options:
      -a, --all             Act on all containers that it can act on
          --cidfile file    Read the container ID from the file
      -f, --filter filter   Act on the containers that suit the conditions
      -i, --ignore          Ignore containers that are not there
      -l, --latest          Act on the container that was created last
      -s, --signal string   Signal to send to the container
      -t, --timeout int     Seconds to wait before killing the container

    Examples:
      bunker stop web
      bunker stop -t 2 web db
    "
  `);
});

describe("a flag that is not there", () => {
  const run = ENTRIES.find(({ key }) => key === "run") as (typeof ENTRIES)[number];
  const owner = { key: "run", path: "bunker run", verb: run.verb };
  test.each([
    ["--memory", "--memory is not supported yet", "unsupported", "It is planned. See 'bunker run --help'."],
    ["-m", "-m, --memory is not supported yet", "unsupported", "It is planned. See 'bunker run --help'."],
    ["-m", "-m, --memory is not supported yet", "unsupported", "It is planned. See 'bunker run --help'."],
    ["--tmfps", "unknown flag: --tmfps", "usage", "Did you mean --tmpfs? See 'bunker run --help'."],
    ["--nonsense", "unknown flag: --nonsense", "usage", "See 'bunker run --help'."],
    ["-z", "unknown flag: -z", "usage", "See 'bunker run --help'."],
  ] as const)("%s", (flag, message, code, hint) => {
    const error = explainFlag(owner, new FlagError(`unknown flag: ${flag}`, flag));
    expect({ message: error.message, code: error.code, hint: error.hint, exitCode: error.exitCode }).toEqual({
      message,
      code,
      hint,
      exitCode: 125,
    });
  });
});

test("a flag that would have nothing to do says why, and is not there", () => {
  for (const { key, verb } of ENTRIES) {
    const pointless = POINTLESS_FLAGS[key] ?? {};
    for (const [name, reason] of Object.entries(pointless)) {
      expect(Object.hasOwn(verb.flags, name)).toBe(false);
      const error = explainFlag({ key, path: `bunker ${key}`, verb }, new FlagError("unknown flag", `--${name}`));
      expect([error.message, error.code, error.exitCode]).toEqual([`--${name} is not supported`, "unsupported", 125]);
      expect(error.hint).toStartWith(reason);
    }
  }
});

describe("a verb that is not there", () => {
  test.each([
    [null, "build", '"bunker build" is not available yet', "It is planned. See 'bunker --help'."],
    [null, "network", '"bunker network" is not available yet', "It is planned. See 'bunker --help'."],
    [
      "container",
      "commit",
      '"bunker container commit" is not available yet',
      "It is planned. See 'bunker container --help'.",
    ],
    [null, "rnu", "unknown command: bunker rnu", `Did you mean "bunker run"? See 'bunker --help'.`],
    ["image", "lss", "unknown command: bunker image lss", `Did you mean "bunker image ls"? See 'bunker image --help'.`],
    [null, "constructor", "unknown command: bunker constructor", "See 'bunker --help'."],
  ] as [string | null, string, string, string][])("%s %s", (group, name, message, hint) => {
    expect(explainVerb(group, name)).toMatchObject({ message, hint, exitCode: 1 });
  });
});

test.each([
  ["", "", 0],
  ["abc", "abc", 0],
  ["abc", "abd", 1],
  ["kitten", "sitting", 3],
  ["", "abc", 3],
  ["rnu", "run", 1],
])("from %j to %j: %p letters", (from, to, expected) => {
  expect(editDistance(from, to)).toBe(expected);
});

test("the nearest word is near, or none", () => {
  expect(nearest("pss", ["ps", "pull"])).toBe("ps");
  expect(nearest("x", ["ps", "rm"])).toBeNull();
  expect(nearest("completely", ["ps", "rm"])).toBeNull();
});

describe("completion", () => {
  test.each(["bash", "zsh", "fish"] as const)("for %s knows all verbs and flags", async (shell) => {
    const script = await completionScript(shell);
    for (const word of ["run", "container", "images", "security-opt", "no-trunc"]) expect(script).toContain(word);
  });

  test("for bash is a script that bash understands", async () => {
    const checked = Bun.spawnSync(["bash", "-n"], { stdin: Buffer.from(await completionScript("bash")) });
    expect(checked.stderr.toString()).toBe("");
  });

  test("for bash offers flags of the verb before the cursor", async () => {
    const script = `${await completionScript("bash")}\nCOMP_WORDS=(bunker container ls --no-)\nCOMP_CWORD=3\n_bunker_complete\necho "\${COMPREPLY[@]}"\n`;
    expect(Bun.spawnSync(["bash"], { stdin: Buffer.from(script) }).stdout.toString()).toBe("--no-trunc\n");
  });
});
