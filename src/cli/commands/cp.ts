// docker cp: files between a container and the host, between containers, and as archives on standard input and output.

import type { CopySide } from "../../engine/index.ts";
import { parseCopyPath } from "../../volume/index.ts";
import { withEngine } from "../engine.ts";
import { warn } from "../output.ts";
import { humanSize } from "../units.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const [STDIN, STDOUT, STDERR] = [0, 1, 2];

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
  flags: {
    archive: { kind: "boolean", short: "a", help: "Archive mode (copy all uid/gid information)" },
    "follow-link": { kind: "boolean", short: "L", help: "Always follow symbol link in SRC_PATH" },
    overwrite: { kind: "boolean", help: "Let directories and files take each other's place" },
    quiet: { kind: "boolean", short: "q", help: "Suppress the summary, which only a terminal gets" },
  },
  arguments: { min: 2, max: 2 },
  completes: "container",
  examples: ["cp web:/etc/nginx/nginx.conf .", "cp site/. web:/usr/share/nginx/html", "cp web:/var/log - | tar tv"],
  run({ values, positionals: [from = "", to = ""], globals }) {
    const sides = parseSides(from, to);
    return withEngine(globals, async (engine, { loadCopy }) => {
      const { copyFiles } = await loadCopy();
      const { isTerminal } = await import("../../native/index.ts");
      if (sides.to.kind === "stream" && isTerminal(STDOUT)) {
        throw new UsageError("refusing to write an archive to a terminal", {
          hint: "Redirect it, or name a directory.",
        });
      }
      const { archive, overwrite } = values;
      const options = { archive, overwrite, followLink: values["follow-link"] };
      const { bytes, leftOut } = await copyFiles(engine, sides.from, sides.to, options);
      if (leftOut > 0)
        warn(
          `WARNING: left out, as they would be of no use elsewhere: ${leftOut} devices, sockets or files of the kernel\n`,
        );
      if (!values.quiet && isTerminal(STDERR)) warn(`Successfully copied ${humanSize(bytes)} to ${to}\n`);
      return 0;
    });
  },
});

/** @throws UsageError in docker's words */
function parseSides(from: string, to: string): { from: CopySide; to: CopySide } {
  if (from === "") throw new UsageError("source can not be empty");
  if (to === "") throw new UsageError("destination can not be empty");
  const sides = { from: parseSide(from, STDIN), to: parseSide(to, STDOUT) };
  if (sides.from.kind !== "container" && sides.to.kind !== "container") {
    throw new UsageError("must specify at least one container source", {
      hint: "A path in a container is written CONTAINER:PATH.",
    });
  }
  return sides;
}

/** docker: what begins with `/` or `.` is a path of the host, whatever colons are in it. */
function parseSide(text: string, stream: number): CopySide {
  if (text === "-") return { kind: "stream", fd: stream };
  const colon = text.indexOf(":");
  if (colon <= 0 || text.startsWith("/") || text.startsWith(".")) {
    return { kind: "host", at: parseCopyPath(text, process.cwd()) };
  }
  return { kind: "container", name: text.slice(0, colon), at: parseCopyPath(text.slice(colon + 1), "/") };
}
