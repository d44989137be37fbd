// docker export: a container's files as an archive.

import { closeSync, openSync, renameSync, rmSync } from "node:fs";
import { withEngine } from "../engine.ts";
import { attempt } from "../file.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const STDOUT = 1;
const PRIVATE = 0o600;

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER",
  flags: {
    output: { kind: "string", short: "o", help: "Write to a file, instead of STDOUT" },
  },
  arguments: { min: 1, max: 1 },
  completes: "container",
  examples: ["export web > web.tar", "export -o web.tar web"],
  run({ values: { output }, positionals: [name = ""], globals }) {
    return withEngine(globals, async (engine, { loadCopy }) => {
      const { exportContainer } = await loadCopy();
      if (output !== null && output !== "") {
        await intoFile(output, (fd) => exportContainer(engine, name, fd));
        return 0;
      }
      const { isTerminal } = await import("../../native/index.ts");
      if (isTerminal(STDOUT)) {
        throw new UsageError("cowardly refusing to save to a terminal. Use the -o flag or redirect", { exitCode: 1 });
      }
      await exportContainer(engine, name, STDOUT);
      return 0;
    });
  },
});

/** The file is there when all of it is. */
async function intoFile(path: string, write: (fd: number) => Promise<unknown>): Promise<void> {
  const aside = `${path}.${process.pid}.part`;
  const fd = attempt("open", path, () => openSync(aside, "wx", PRIVATE));
  try {
    await write(fd);
    attempt("rename", path, () => renameSync(aside, path));
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
