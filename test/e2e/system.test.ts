// bunker system df and prune, and image prune: what lies on the disk, and what goes.

import { describe, expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { file } from "../support/tar.ts";

const NONE = "--network=none";
const MEGABYTE = 1_000_000;

const big = (name: string) => makeLayer([{ ...file(name), content: new Uint8Array(MEGABYTE).fill(1) }]);

const stage = useStage({
  prepare: async (opened) => {
    await opened.add("other", busyboxWith({ Labels: { keep: "yes" } }, [big("other")]));
    await opened.add("unnamed", busyboxWith({}, [big("unnamed")]));
  },
});
const { it } = stage;

interface UsageRow {
  Type: string;
  TotalCount: string;
  Active: string;
  Size: string;
  Reclaimable: string;
}

async function usage(): Promise<UsageRow[]> {
  const lines = (await stage.env.ok(["system", "df", "--format", "json"])).split("\n");
  return lines.map((line) => JSON.parse(line) as UsageRow);
}

/** Bytes on the disk of everything below the data home that holds data. */
function onDisk(): number {
  const folders = ["blobs", "containers", "layers", "volumes"].map((name) => join(stage.env.dataHome, name));
  const { stdout } = Bun.spawnSync(["du", "--block-size=1", "-sc", ...folders.filter(existsSync)]);
  return Number(/(\d+)\ttotal/.exec(stdout.toString())?.[1]);
}

function bytes(size: string): number {
  const [, number = "", unit = ""] = /^([\d.e+]+)([kMG]?)B/.exec(size) ?? [];
  return Number(number) * { "": 1, k: 1e3, M: 1e6, G: 1e9 }[unit as "" | "k" | "M" | "G"];
}

describe("system df", () => {
  it("has docker's rows, and says what du says", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=c", NONE, "-v", "data:/data", "busybox", "sh", "-c", "sleep 1000"]);
    await env.ok(["exec", "c", "dd", "if=/dev/zero", "of=/written", "bs=1M", "count=2"]);
    await env.ok(["exec", "c", "dd", "if=/dev/zero", "of=/data/written", "bs=1M", "count=1"]);
    await env.ok(["create", "--name=idle", NONE, "busybox"]);
    const rows = await usage();
    expect(rows.map(({ Type, TotalCount, Active }) => [Type, TotalCount, Active])).toEqual([
      ["Images", "3", "1"],
      ["Containers", "2", "1"],
      ["Local Volumes", "1", "1"],
      ["Build Cache", "0", "0"],
    ]);
    const [images, containers, volumes, cache] = rows as [UsageRow, UsageRow, UsageRow, UsageRow];
    expect(bytes(containers.Size)).toBeGreaterThan(2 * MEGABYTE);
    expect(bytes(containers.Reclaimable)).toBeLessThan(MEGABYTE);
    expect(bytes(images.Reclaimable)).toBeGreaterThan(2 * MEGABYTE);
    expect(images.Reclaimable).toMatch(/ \(\d+%\)$/);
    expect(volumes.Reclaimable).toBe("0B (0%)");
    expect([cache.Size, cache.Reclaimable]).toEqual(["0B", "0B"]);
    const told = rows.reduce((sum, { Size }) => sum + bytes(Size), 0);
    expect(Math.abs(told - onDisk()) / onDisk()).toBeLessThan(0.02);
    const table = (await env.ok(["system", "df"])).split("\n");
    expect(table[0]).toMatch(/^TYPE {12}TOTAL {5}ACTIVE {4}SIZE {6}RECLAIMABLE$/);
    expect(await env.ok(["system", "df", "--format", "{{.Type}}:{{.TotalCount}}"])).toStartWith("Images:3\n");
    await env.ok(["rm", "-f", "c", "idle"]);
    await env.ok(["volume", "rm", "data"]);
  });

  it("-v tells image from image, and what they share", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", NONE, "-v", "data:/data", "busybox"]);
    const text = await env.ok(["system", "df", "-v"]);
    expect(text).toMatch(
      /^Images space usage:\n\nREPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CON/,
    );
    expect(text).toMatch(
      /\n\nContainers space usage:\n\nCONTAINER ID +IMAGE +COMMAND +LOCAL VOLUMES +SIZE +CREATED +STA/,
    );
    expect(text).toMatch(/\n\nLocal Volumes space usage:\n\nVOLUME NAME +LINKS +SIZE\ndata +1 +\S+B\n/);
    expect(text).toContain("\n\nBuild cache usage: 0B\n\nCACHE ID");
    const whole = JSON.parse(await env.ok(["system", "df", "-v", "--format", "json"])) as {
      Images: { Repository: string; SharedSize: string; UniqueSize: string }[];
    };
    const other = whole.Images.find(({ Repository }) => Repository === "other");
    expect(bytes(other?.SharedSize ?? "")).toBeGreaterThan(MEGABYTE);
    expect(bytes(other?.UniqueSize ?? "")).toBeGreaterThanOrEqual(MEGABYTE);
    expect(bytes(other?.UniqueSize ?? "")).toBeLessThan(2 * MEGABYTE);
    expect(await env.ok(["system", "df", "-v", "--format", "{{range .Containers}}{{.Names}}{{end}}"])).toBe("c");
    await env.ok(["rm", "c"]);
    await env.ok(["volume", "rm", "data"]);
  });
});

describe("image prune", () => {
  it("removes images without a name, after a question", async () => {
    const { env } = stage;
    const id = await env.ok(["inspect", "-f", "{{.Id}}", "unnamed"]);
    const names = await env.ok(["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]);
    const held = names.split("\n").flatMap((line) => (line.endsWith(id) ? [line.split(" ")[0] ?? ""] : []));
    const user = await env.ok(["create", "--name=c", NONE, "unnamed"]);
    await env.ok(["rmi", "-f", ...held]);
    expect(await env.ok(["image", "prune", "-f"])).toBe("Total reclaimed space: 0B");
    await env.ok(["rm", user]);
    expect(await env.ok(["image", "prune", "-f", "--filter", "until=2000-01-01"])).toBe("Total reclaimed space: 0B");
    expect(await env.fails(["image", "prune"], 1, { stdin: "n\n" })).toContain("image prune has been canceled");
    const said = await env.ok(["image", "prune"], { stdin: "y\n" });
    expect(said).toContain("WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] ");
    expect(said).toMatch(
      new RegExp(`Deleted Images:\ndeleted: ${id}\ndeleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: `),
    );
    expect(bytes(said.split(": ").at(-1) ?? "")).toBeGreaterThanOrEqual(MEGABYTE);
  });

  it("-a removes those that no container was made from, by label and time", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", NONE, "busybox"]);
    await env.ok(["tag", "other", "again:1"]);
    // Mounted is used as well.
    await env.ok(["create", "--name=m", NONE, "--mount", "type=image,source=other,target=/i", "busybox"]);
    expect(await env.ok(["image", "prune", "-af", "--filter", "label=keep"])).toBe("Total reclaimed space: 0B");
    expect((await usage())[0]?.Active).toBe("2");
    await env.ok(["rm", "m"]);
    expect(await env.ok(["image", "prune", "-af", "--filter", "label!=keep"])).toBe("Total reclaimed space: 0B");
    expect(await env.ok(["image", "prune", "-af", "--filter", "label=keep=no"])).toBe("Total reclaimed space: 0B");
    const said = await env.ok(["image", "prune", "-af", "--filter", "label=keep"]);
    expect(said).toContain("untagged: other:latest\n");
    expect(said).toContain("untagged: again:1\n");
    expect(await env.fails(["image", "exists", "other"], 1)).toBe("");
    await env.ok(["image", "exists", "busybox"]);
    expect(await env.fails(["image", "prune", "-f", "--filter", "color=red"], 1)).toContain("invalid filter 'color'");
  });
});

describe("system prune", () => {
  it("removes what nobody uses, in docker's words", async () => {
    const { env } = stage;
    await env.ok(["tag", "busybox", "kept:1"]);
    await env.ok(["run", "-d", "--name=running", NONE, "busybox", "sleep", "1000"]);
    const stopped = await env.ok(["create", "--name=stopped", NONE, "-v", "/anonymous", "busybox"]);
    await env.ok(["volume", "create", "named"]);
    expect(await env.fails(["system", "prune"], 1, { stdin: "\n" })).toContain("system prune has been canceled");
    const asked = await env.run(["system", "prune", "--volumes", "--filter", "label=x"], { stdin: "y\n" });
    expect(asked.stdout).toBe(
      "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n" +
        "  - all anonymous volumes not used by at least one container\n  - all dangling images\n\n" +
        "  Items to be pruned will be filtered with:\n  - label=x\n\n" +
        "Are you sure you want to continue? [y/N] Total reclaimed space: 0B\n",
    );
    expect(await env.fails(["system", "prune", "--volumes", "--filter", "until=1h"], 1)).toContain(
      "not supported with",
    );
    const said = await env.ok(["system", "prune", "-f", "--volumes"]);
    expect(said).toStartWith(`Deleted Containers:\n${stopped}\n\nDeleted Volumes:\n`);
    expect(said).toContain("\n\nTotal reclaimed space: ");
    expect(await env.ok(["ps", "-a", "--format", "{{.Names}}"])).toBe("running");
    expect(await env.ok(["volume", "ls", "-q"])).toBe("named");
    expect(await env.ok(["system", "prune", "-af"])).toBe("Total reclaimed space: 0B");
    await env.ok(["image", "exists", "busybox"]);
    await env.ok(["volume", "rm", "named"]);
  });
});
