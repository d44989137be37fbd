// docker cp between paths of one container, that runs and that rests, under each storage driver that shows roots in its own way.

import { describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const stage = useStage({ needs: ["fuse-overlayfs"] });
const { it } = stage;

const PREPARE =
  "mkdir -p /a/sub; echo one > /a/f; ln /a/f /a/g; ln -s f /a/l; chmod 2750 /a/sub; chown -R 1000:1001 /a; exec sleep 1000";
const LOOK =
  "cat /b/f /named 2>&1; readlink /b/l; stat -c '%u:%g %a %h' /b/f /b/sub /kept/f; ls -A /a | tr '\\n' ' '; ls /a/sub";

for (const driver of ["overlay", "fuse-overlayfs", "copy"]) {
  describe(`within one container, under ${driver}`, () => {
    for (const rests of [false, true]) {
      it(rests ? "that rests" : "that runs", async () => {
        const { env } = stage;
        const options = { environment: { BUNKER_STORAGE_DRIVER: driver } };
        const id = await env.ok(["run", "-d", "--name=c", "--network=none", "busybox", "sh", "-c", PREPARE], options);
        await env.ok(["exec", "c", "sh", "-c", "until [ $(stat -c %u /a/l) = 1000 ]; do sleep 0.01; done"]);
        if (rests) await env.ok(["stop", "-t0", "c"]);
        const cp = (...words: string[]): Promise<string> => env.ok(["cp", ...words], options);
        await cp("c:/a", "c:/b");
        await cp("c:/a/f", "c:/named");
        // A name and an id are one container too.
        await cp("-a", "c:/a", `${id.slice(0, 12)}:/kept`);
        await cp("c:/b/f", "c:/b/f");
        for (const [from, to, words] of [
          ["c:/a", "c:/a/sub", "into itself"],
          ["c:/a", "c:/a/new", "into itself"],
          ["c:/", "c:/a", "into itself"],
          ["c:/missing", "c:/b", "Could not find the file /missing in container c"],
          ["c:/a", "c:/b/f", "cannot copy directory"],
          ["c:/a", "c:/none/there", "no such directory"],
        ] as const) {
          expect(await env.fails(["cp", from, to], 1, options)).toContain(words);
        }
        if (rests) await env.ok(["start", "c"], options);
        expect(await env.ok(["exec", "c", "sh", "-c", LOOK])).toBe(
          "one\none\nf\n0:0 644 1\n0:0 2750 2\n1000:1001 644 2\nf g l sub ",
        );
        await env.ok(["rm", "-f", "c"]);
      });
    }
  });
}
