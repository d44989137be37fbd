import { expect, test } from "bun:test";
import { makeDirectory } from "../../support/directory.ts";
import { describeWith, runProgram } from "../../support/program.ts";
import {
  device,
  directory,
  encodeEntry,
  fifo,
  file,
  hardlink,
  makeTar,
  opaque,
  paxRecord,
  symlink,
  whiteout,
} from "../../support/tar.ts";

describeWith(["tar"], "archives for tests", () => {
  /** What GNU tar reads: mode, owner, size, time, name. */
  async function listed(archive: Uint8Array): Promise<string[]> {
    using home = makeDirectory();
    const path = await home.write("a.tar", archive);
    const lines = await runProgram(["tar", "--numeric-owner", "-tvf", path], {
      env: { ...process.env, TZ: "UTC", LC_ALL: "C" },
    });
    return lines
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/\s+/g, " "));
  }

  test("are read by GNU tar as they were meant", async () => {
    const long = `${"d".repeat(90)}/${"f".repeat(120)}`;
    const archive = makeTar([
      directory("etc/", { mtime: 86_400 }),
      file("etc/motd", "hello", { mode: 0o4755, uid: 1000, gid: 4_294_967_294 }),
      symlink("link", "etc/motd"),
      hardlink("hard", "etc/motd"),
      fifo("pipe"),
      device("null", "char", { major: 1, minor: 3 }),
      file(long, "x"),
      symlink("far", long),
      file("ü", "", { pax: { mtime: "1.5" } }),
      whiteout("etc/shadow"),
      opaque("var"),
    ]);
    expect(await listed(archive)).toEqual([
      "drwxr-xr-x 0/0 0 1970-01-02 00:00 etc/",
      "-rwsr-xr-x 1000/4294967294 5 1970-01-01 00:00 etc/motd",
      "lrwxrwxrwx 0/0 0 1970-01-01 00:00 link -> etc/motd",
      "hrw-r--r-- 0/0 0 1970-01-01 00:00 hard link to etc/motd",
      "prw-r--r-- 0/0 0 1970-01-01 00:00 pipe",
      "crw-r--r-- 0/0 1,3 1970-01-01 00:00 null",
      `-rw-r--r-- 0/0 1 1970-01-01 00:00 ${long}`,
      `lrwxrwxrwx 0/0 0 1970-01-01 00:00 far -> ${long}`,
      "-rw-r--r-- 0/0 0 1970-01-01 00:00 \\303\\274",
      "-rw-r--r-- 0/0 0 1970-01-01 00:00 etc/.wh.shadow",
      "-rw-r--r-- 0/0 0 1970-01-01 00:00 var/.wh..wh..opq",
    ]);
  });

  test("have headers as wrong as they were asked for", () => {
    const header = (changes: object): Buffer =>
      Buffer.from(encodeEntry({ ...file("a", "bc"), ...changes })).subarray(0, 512);
    expect(header({}).subarray(124, 136).toString()).toBe("00000000002\0");
    expect(
      header({ size: 8n * 1024n ** 3n })
        .subarray(124, 136)
        .toString("hex"),
    ).toBe("800000000000000200000000");
    expect(header({ size: -1 }).subarray(124, 136).toString("hex")).toBe("f".repeat(24));
    expect(
      header({ size: Buffer.from("garbage") })
        .subarray(124, 132)
        .toString(),
    ).toBe("garbage\0");
    expect(header({ checksum: 0 }).subarray(148, 156).toString()).toBe("000000\0 ");
    expect(header({ type: "Z" })[156]).toBe("Z".charCodeAt(0));
    expect(header({ name: Uint8Array.of(0xff, 0) })[0]).toBe(0xff);
  });

  test("count a record's length with itself", () => {
    for (const length of [1, 90, 91, 92, 93, 994, 995, 996]) {
      const record = paxRecord("path", "x".repeat(length));
      expect(Number.parseInt(Buffer.from(record).toString(), 10)).toBe(record.byteLength);
    }
  });
});
