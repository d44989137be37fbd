// Can the tests of security.md's scenarios fail at all? For each of them a bug is planted in a copy of the source, of the kind that
// other engines had; an ordinary container still runs, and the test must fail. Half an hour, so in long mode only; that the list
// fits the source is looked at on every run (unit/bugs.test.ts).

import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

import { BUGS } from "../../support/bugs/list.ts";
import { Scratch } from "../../support/bugs/scratch.ts";
import { whenLong } from "../../support/guards.ts";

const PLACE = join(import.meta.dir, "../../../dist/bugs");
/** The first build compiles everything. */
const TIMEOUT_MS = 900_000;
const ORDINARY = { file: "run.test.ts", name: "is the command's, or 128 and the signal that ended it" };

whenLong(() => {
  describe("a planted bug is found", () => {
    let scratch: Scratch;
    beforeAll(() => {
      scratch = new Scratch(PLACE);
    });

    test.each(BUGS.map((bug) => [`${bug.row}: ${bug.about}`, bug] as const))(
      "%s",
      (_name, { edits, caughtBy }) =>
        scratch.planted(edits, async () => {
          const built = await scratch.build();
          expect([built.code, built.code === 0 ? "" : built.output]).toEqual([0, ""]);
          const ordinary = await scratch.test(ORDINARY.file, ORDINARY.name);
          expect([ordinary.code, ordinary.code === 0 ? "" : ordinary.output]).toEqual([0, ""]);
          const { code, output } = await scratch.test(caughtBy.file, caughtBy.name);
          const failed = output.match(/^\(fail\) .*$/gm) ?? [];
          expect([code, failed.filter((line) => line.includes(caughtBy.name)), output]).toEqual([
            1,
            [expect.any(String)],
            output,
          ]);
        }),
      TIMEOUT_MS,
    );
  });
});
