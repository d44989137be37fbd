// A directory of a test's own: `using home = makeDirectory()`; removed with all that is in it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class TestDirectory {
  readonly path = mkdtempSync(join(tmpdir(), "bunker-test-"));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes a file, with the directories above it. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    await Bun.write(this.file(name), content);
    return this.file(name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

export function makeDirectory(): TestDirectory {
  return new TestDirectory();
}
