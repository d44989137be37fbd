// What every storage driver gives a container, whichever it is: its image's layers as overlay shows them, changes that stay, and
// nothing left behind. A container keeps working when the driver changes.

import { describe, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file, hardlink, opaque, symlink, whiteout } from "../support/tar.ts";

const NONE = "--network=none";

for (const driver of ["overlay", "fuse-overlayfs", "copy"]) {
  describe(`the ${driver} driver`, () => {
    const stage = useStage({
      needs: driver === "fuse-overlayfs" ? ["crun", "fuse-overlayfs"] : ["crun"],
      environment: { environment: { BUNKER_STORAGE_DRIVER: driver } },
      prepare: async (opened) => {
        const lower = makeLayer([
          file("kept", "lower\n"),
          file("removed", "lower\n"),
          file("replaced", "lower\n"),
          { ...file("owned", "x"), uid: 1000, gid: 1001, mode: 0o2640 },
          directory("opaque"),
          file("opaque/below", "lower\n"),
          file("first", "linked\n"),
          hardlink("second", "first"),
          symlink("link", "kept"),
          directory("moded", { mode: 0o1777 }),
        ]);
        const upper = makeLayer([
          whiteout("removed"),
          file("replaced", "upper\n"),
          opaque("opaque"),
          file("opaque/own", "upper\n"),
          file("moded/implied", "upper\n"),
        ]);
        await opened.add("layered", busyboxWith({ Volumes: { "/data": {} } }, [lower, upper]));
      },
    });
    const { it } = stage;
    const run = (...words: string[]): Promise<string> => stage.env.ok(["run", "--rm", NONE, ...words]);

    it("is told by info and inspect", async () => {
      expect(await stage.env.ok(["info", "--format", "{{.Driver}}"])).toBe(driver);
      await stage.env.ok(["create", "--name=c", NONE, "layered"]);
      expect(await stage.env.ok(["inspect", "--format", "{{.Driver}} {{.GraphDriver.Name}}", "c"])).toBe(
        `${driver} ${driver}`,
      );
    });

    it("shows the layers over each other", async () => {
      const script =
        "cat kept replaced link opaque/own; ls removed opaque/below 2>&1 | wc -l; stat -c '%u:%g %a' owned moded; stat -c %h first";
      expect(await run("layered", "sh", "-c", script)).toBe(
        "lower\nupper\nlower\nupper\n2\n1000:1001 2640\n0:0 1777\n2",
      );
    });

    it("keeps what a container writes and removes, and takes it from no other", async () => {
      const { env } = stage;
      await env.ok([
        "create",
        "--name=c",
        NONE,
        "layered",
        "sh",
        "-c",
        "cat kept 2>&1; echo more >> replaced; rm -f kept",
      ]);
      expect(await env.ok(["start", "-a", "c"])).toBe("lower");
      expect(await env.ok(["start", "-a", "c"])).toContain("No such file");
      expect(await run("layered", "cat", "kept", "replaced")).toBe("lower\nupper");
      await env.ok(["cp", "c:/replaced", join(env.home, "replaced")]);
      expect(Bun.spawnSync(env.command(["cat", "replaced"])).stdout.toString()).toBe("upper\nmore\nmore\n");
    });

    it("can be read-only, has volumes, and takes execs and sizes", async () => {
      const { env } = stage;
      expect(await run("--read-only", "layered", "sh", "-c", "touch /new 2>&1; touch /data/new; echo done")).toContain(
        "Read-only file system\ndone",
      );
      await env.ok(["run", "-d", "--name=c", NONE, "layered", "sleep", "1000"]);
      await env.ok(["exec", "c", "sh", "-c", "head -c 100000 /dev/zero > /large"]);
      expect(await env.ok(["ps", "-s", "--format", "{{.Size}}"])).toMatch(/^10\d(\.\d+)?kB/);
    });

    it("gives files to whom they belong, and judges by that", async () => {
      const script = [
        "mkdir /d; chown 1000:1001 /d; chmod 750 /d",
        "su -s /bin/sh -c 'echo own > /d/f; ln /d/f /d/g; mv /d/g /d/h' games",
        "stat -c '%u:%g %a %h' /d /d/f",
        "su -s /bin/sh -c 'cat /d/f' daemon 2>&1 || true",
      ].join("\n");
      const users = "printf 'root:x:0:0::/:/bin/sh\\ngames:x:1000:1001::/:\\ndaemon:x:2:2::/:\\n' > /etc/passwd";
      expect(await run("layered", "sh", "-c", `${users}\n${script}`)).toBe(
        "1000:1001 750 2\n1000:1001 644 2\ncat: can't open '/d/f': Permission denied",
      );
    });

    it("moves directories, removes those of the image and makes them anew, empty", async () => {
      const { env } = stage;
      const script =
        "rm -r opaque moded; mkdir opaque moded; mkdir new; touch new/f; mkfifo new/p; ln -s f new/l; mv new newer; mv newer/f opaque; find opaque moded newer | sort";
      await env.ok(["create", "--name=c", NONE, "layered", "sh", "-c", script]);
      const first = await env.ok(["start", "-a", "c"]);
      expect(first).toBe("moded\nnewer\nnewer/l\nnewer/p\nopaque\nopaque/f");
      await env.ok(["rm", "c"]);
    });

    it("takes copies, of a container that runs and of one that does not", async () => {
      const { env } = stage;
      const place = join(env.home, "copied");
      await env.ok(["run", "-d", "--name=c", NONE, "layered", "sh", "-c", "rm kept; exec sleep 1000"]);
      for (let pass = 0; pass < 2; pass++) {
        await env.ok(["cp", "c:/replaced", place]);
        await env.ok(["cp", place, "c:/opaque/copied"]);
        await env.fails(["cp", "c:/kept", place], 1);
        await env.ok(["stop", "-t0", "c"]);
      }
      await env.ok(["start", "c"]);
      expect(await env.ok(["exec", "c", "sh", "-c", "cat opaque/copied; ls kept 2>&1 || true"])).toContain(
        "upper\nls: ",
      );
    });

    it("mounts other images, to be read and to be written", async () => {
      const { env } = stage;
      const mounts = [
        "--mount=type=image,source=layered,target=/whole",
        "--mount=type=image,source=layered,target=/part,image-subpath=opaque",
        "--mount=type=image,source=layered,target=/mine,rw",
      ];
      const script =
        "cat /whole/replaced /part/own /mine/mark 2>/dev/null; ls /whole/removed /part/below 2>/dev/null; touch /whole/new 2>&1; echo more >> /mine/mark; rm -f /mine/kept; ls /mine/kept 2>/dev/null";
      await env.ok(["create", "--name=c", NONE, ...mounts, "busybox", "sh", "-c", script]);
      const refusal = "touch: /whole/new: Read-only file system";
      await env.run(["start", "-a", "c"]);
      const again = await env.run(["start", "-a", "c"]);
      expect(again.stdout).toBe(`upper\nupper\nmore\n${refusal}\n`);
      await env.ok(["rm", "c"]);
    });

    it("serves a container that another runtime makes", async () => {
      const runtime = ["--rm", NONE, "--runtime=crun"];
      const script = "cat kept replaced; rm kept; echo more >> replaced; cat replaced; ls kept 2>&1 || true";
      expect(await stage.env.ok(["run", ...runtime, "layered", "sh", "-c", script])).toMatch(
        /^lower\nupper\nupper\nmore\nls: .*No such/,
      );
    });

    it("leaves nothing of a container that is removed", async () => {
      const { env } = stage;
      const before = readdirSync(join(env.dataHome, "containers"));
      await run("layered", "true");
      expect(readdirSync(join(env.dataHome, "containers"))).toEqual(before);
    });
  });
}

describe("a container", () => {
  const stage = useStage();
  const { it } = stage;

  it("stays usable when the driver changes, in either direction", async () => {
    const { env } = stage;
    const script = "cat /mark 2>/dev/null; echo more >> /mark; rm -f /etc/group";
    for (const [first, second] of [
      ["overlay", "copy"],
      ["copy", "overlay"],
      ["overlay", "fuse-overlayfs"],
      ["fuse-overlayfs", "overlay"],
      ["fuse-overlayfs", "copy"],
    ]) {
      const under = (driver = ""): { environment: Record<string, string> } => ({
        environment: { BUNKER_STORAGE_DRIVER: driver },
      });
      await env.ok(["create", "--name=c", NONE, "busybox", "sh", "-c", script], under(first));
      expect(await env.ok(["start", "-a", "c"], under(first))).toBe("");
      expect(await env.ok(["start", "-a", "c"], under(second))).toBe("more");
      expect(await env.ok(["start", "-a", "c"], under(first))).toBe("more\nmore");
      await env.ok(["rm", "c"]);
    }
  });

  it("has an overlay where the kernel was seen to mount one", async () => {
    const { env } = stage;
    expect(existsSync(join(env.dataHome, "storage"))).toBe(true);
    expect(await env.ok(["info", "--format", "{{.Driver}}"])).toBe("overlay");
    const complaint = await env.fails(["info"], 1, { environment: { BUNKER_STORAGE_DRIVER: "zfs" } });
    expect(complaint).toContain("The drivers are overlay, fuse-overlayfs and copy.");
  });
});
