// bunker ps: docker's columns and words, which containers, in which order, in which form.

import { describe, expect } from "bun:test";

import { busyboxWith, useStage } from "../support/stage.ts";

const stage = useStage({
  prepare: async (opened) => {
    await opened.add(
      "labelled",
      busyboxWith({ Labels: { from: "image" }, Volumes: { "/data": {} }, ExposedPorts: { "80/tcp": {} } }),
    );
  },
});
const { it } = stage;

function ps(...words: string[]): Promise<string> {
  return stage.env.ok(["ps", ...words]);
}

/** Sorted. */
async function names(...words: string[]): Promise<string[]> {
  const output = await ps("--format", "{{.Names}}", ...words);
  return output === "" ? [] : output.split("\n").sort();
}

/** One of each state. */
async function makeSome(): Promise<Record<"running" | "exited" | "created" | "failed", string>> {
  const run = (...words: string[]) => stage.env.ok(["run", "-d", "--network", "none", ...words]);
  const running = await run("--name", "running", "--label", "a=1", "--label", "b=x", "busybox", "sleep", "600");
  const exited = await run("--name", "exited", "--label", "a=2", "labelled", "sh", "-c", "exit 3");
  await stage.env.ok(["wait", "exited"]);
  const created = await stage.env.ok([
    "create",
    "--name",
    "created",
    "-v",
    `${stage.env.home}:/home/me:ro`,
    "busybox",
    "a-command",
    "of",
    "many words",
  ]);
  await stage.env.fails(["run", "-d", "--name", "failed", "--network", "host", "busybox", "nosuch"], 127);
  const failed = await stage.env.ok(["inspect", "-f", "{{.Id}}", "failed"]);
  return { running, exited, created, failed };
}

describe("ps", () => {
  it("with nothing to show has docker's headings", async () => {
    expect(await ps()).toBe("CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES");
    expect(await ps("-a", "--format", "table {{.Names}}\t{{.State}}")).toBe("NAMES     STATE");
    expect(await ps("-aq")).toBe("");
    expect(await ps("-a", "--format", "json")).toBe("");
  });

  it("shows those that run, with -a all, the newest first, in docker's columns and words", async () => {
    const ids = await makeSome();
    const short = (id: string) => id.slice(0, 12);
    const lines = (await ps("-a"))
      .split("\n")
      .map((line) => line.replace(/(Less than a second|About a minute|\d+ seconds?)( ago)?/g, "T$2"));
    const cells = lines.map((line) => line.split(/ {2,}/));
    expect(cells).toEqual([
      ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"],
      [short(ids.failed), "busybox", '"nosuch"', "T ago", "Created", "failed"],
      [short(ids.created), "busybox", '"a-command of \'many …"', "T ago", "Created", "created"],
      [short(ids.exited), "labelled", "\"sh -c 'exit 3'\"", "T ago", "Exited (3) T ago", "exited"],
      [short(ids.running), "busybox", '"sleep 600"', "T ago", "Up T", "running"],
    ]);
    expect(await names()).toEqual(["running"]);
    expect(await ps("-q")).toBe(short(ids.running));
    expect(await ps("-q", "--no-trunc")).toBe(ids.running);
    expect(await ps("-a", "--no-trunc", "--format", "{{.ID}} {{.Command}}")).toContain(
      `${ids.created} "a-command of 'many words'"`,
    );
    // Columns stand below each other.
    const [head = "", ...rows] = (await ps("-a")).split("\n");
    for (const row of rows) expect(row.indexOf(row.trimEnd().split(" ").at(-1) ?? "")).toBe(head.indexOf("NAMES"));
  });

  it("-n, -l and -s", async () => {
    await makeSome();
    expect(await ps("-l", "--format", "{{.Names}}")).toBe("failed");
    expect(await ps("-n", "2", "--format", "{{.Names}}")).toBe("failed\ncreated");
    expect(await names("-n", "-1")).toEqual(["running"]);
    expect(await names("-n", "0")).toEqual(["running"]);
    await stage.env.ok(["exec", "running", "sh", "-c", "head -c 1000000 /dev/zero > /big"]);
    expect(await ps("-s", "--format", "{{.Size}}")).toMatch(/^1MB \(virtual \d[.\d]*MB\)$/);
    expect((await ps("-s")).split("\n")[0]).toMatch(/NAMES +SIZE$/);
    expect(await ps("-as", "--filter", "name=created", "--format", "{{.Size}}")).toMatch(/^0B \(virtual /);
  });

  it("filters as docker does", async () => {
    const ids = await makeSome();
    for (const [words, expected] of [
      [["-a", "-f", "status=exited"], ["exited"]],
      // A state asked for means all of them.
      [
        ["-f", "status=created"],
        ["created", "failed"],
      ],
      [
        ["-f", "status=exited", "-f", "status=running"],
        ["exited", "running"],
      ],
      [["-a", "-f", "exited=3"], ["exited"]],
      [["-a", "-f", "exited=0"], []],
      [
        ["-a", "-f", "label=a"],
        ["exited", "running"],
      ],
      [["-a", "-f", "label=a=1"], ["running"]],
      [["-a", "-f", "label=a", "-f", "label=b"], ["running"]],
      [["-a", "-f", "label=from=image"], ["exited"]],
      [
        ["-a", "-f", "name=ed"],
        ["created", "exited", "failed"],
      ],
      [
        ["-a", "-f", "name=^(created|exited)$"],
        ["created", "exited"],
      ],
      [["-a", "-f", "name=/running"], ["running"]],
      [["-a", "-f", `id=${ids.exited.slice(0, 6)}`], ["exited"]],
      [["-a", "-f", "ancestor=labelled"], ["exited"]],
      [
        ["-a", "-f", "ancestor=busybox:latest"],
        ["created", "failed", "running"],
      ],
      [
        ["-a", "-f", "before=created"],
        ["exited", "running"],
      ],
      [
        ["-a", "-f", "since=exited"],
        ["created", "failed"],
      ],
      [["-a", "-f", "volume=/data"], ["exited"]],
      [["-a", "-f", "volume=/home/me"], ["created"]],
      [
        ["-a", "-f", "network=none"],
        ["exited", "running"],
      ],
      [["-a", "-f", "network=host"], ["failed"]],
      [
        ["-a", "-f", "health=none"],
        ["created", "exited", "failed", "running"],
      ],
    ] as const) {
      expect([words.join(" "), await names(...words)]).toEqual([words.join(" "), [...expected]]);
    }
    for (const [word, code, says] of [
      ["nosuch=1", 1, "invalid filter 'nosuch'"],
      ["status=nosuch", 1, "invalid filter 'status=nosuch'"],
      ["exited=x", 1, "invalid filter 'exited=x'"],
      ["novalue", 125, "bad format of filter (expected name=value)"],
      ["before=nosuch", 1, "no such container: nosuch"],
    ] as const) {
      expect(await stage.env.fails(["ps", "-f", word], code)).toContain(says);
    }
  });

  it("--format takes docker's templates", async () => {
    const { exited } = await makeSome();
    const one = (format: string) => ps("-a", "-f", "name=^exited$", "--format", format);
    expect(
      await one("{{.ID}}|{{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Ports}}|{{.Networks}}|{{.LocalVolumes}}"),
    ).toBe(`${exited.slice(0, 12)}|exited|labelled|"sh -c 'exit 3'"|exited||none|1`);
    expect(await one('{{.Label "from"}}/{{.Label "nosuch"}}')).toBe("image/");
    expect(await one("{{.Labels}}")).toMatch(/^(a=2,from=image|from=image,a=2)$/);
    expect(await one("{{.CreatedAt}}")).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \S+$/);
    expect(await one("{{.Mounts}}")).toMatch(/^[0-9a-f]{16}…$/);
    expect(await one('{{upper .Names}} {{len .Names}} {{if eq .State "exited"}}over{{end}}')).toBe("EXITED 6 over");
    const object = JSON.parse(await one("json")) as Record<string, string>;
    expect(Object.keys(object)).toEqual([
      ..."Command CreatedAt ID Image Labels LocalVolumes Mounts Names Networks Platform Ports".split(" "),
      ..."RunningFor Size State Status".split(" "),
    ]);
    expect(JSON.parse(await one("{{json .}}"))).toEqual(object);
    expect(await one("table {{.Names}}\t{{.Status}}")).toMatch(/^NAMES {5}STATUS\nexited {4}Exited \(3\) .* ago$/);
    expect(await stage.env.fails(["ps", "--format", "{{.Nosuch}}"], 1)).toContain("Nosuch");
    expect(await stage.env.fails(["ps", "--format", "{{"], 1)).toContain(
      "failed to parse template: template: :1: unclosed action",
    );
    expect(await stage.env.fails(["ps", "extra"], 1)).toContain("accepts no arguments");
  });

  it("--sort, --noheading and --watch, as podman has them", async () => {
    await makeSome();
    const sorted = async (key: string) => (await ps("-a", "--sort", key, "--format", "{{.Names}}")).split("\n");
    const all = await sorted("names");
    expect(all).toEqual(all.toSorted());
    expect(await sorted("created")).toEqual((await ps("-a", "--format", "{{.Names}}")).split("\n").toReversed());
    expect(await sorted("size")).toHaveLength(all.length);
    expect(await stage.env.fails(["ps", "--sort", "colour"], 125)).toContain("Choose from: command, created, id");
    expect((await ps("-a", "--noheading")).split("\n")).toHaveLength(all.length);
    const watching = stage.env.start(["ps", "--watch", "1", "--noheading", "--format", "{{.Names}};"]);
    await watching.waitFor(/running;\n[^]*running;\n/);
    watching.kill();
    await watching.result();
    expect(await stage.env.fails(["ps", "-w", "0"], 1)).toContain("--watch needs a number of seconds");
  });

  it("--namespace shows where they live", async () => {
    await makeSome();
    const [head = "", ...rows] = (await ps("-a", "--namespace")).split("\n");
    expect(head.split(/ {2,}/)).toEqual("CONTAINER ID,NAMES,PID,CGROUPNS,IPC,MNT,NET,PIDNS,USERNS,UTS".split(","));
    expect(rows).toHaveLength(4);
    const own = (kind: string) => stage.env.ok(["exec", "running", "readlink", `/proc/self/ns/${kind}`]);
    const shown = await ps("--ns", "--format", "pid:[{{.PIDNS}}] {{.Pid}} net:[{{.NET}}]");
    expect(shown).toBe(
      `${await own("pid")} ${await stage.env.ok(["inspect", "-f", "{{.State.Pid}}", "running"])} ${await own("net")}`,
    );
    expect(await ps("-a", "--ns", "--filter", "name=exited", "--format", "{{.Pid}}{{.MNT}}")).toBe("0");
    expect(await stage.env.fails(["ps", "--ns", "-s"], 1)).toContain("cannot be used together");
  });

  it("tells the truth about what ended meanwhile", async () => {
    await stage.env.ok(["run", "-d", "--name", "short", "busybox", "sleep", "0.3"]);
    expect(await names()).toEqual(["short"]);
    await stage.env.ok(["wait", "short"]);
    expect(await names()).toEqual([]);
    expect(await ps("-a", "--format", "{{.Status}}")).toMatch(/^Exited \(0\) /);
  });
});
