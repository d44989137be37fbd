// Who a process inside is: exactly who was asked for, by docker's rules, whatever the image's passwd and group files say.
// The files here are made to turn numbers into root, as they did elsewhere (CVE-2016-3697, CVE-2024-40635, CVE-2026-30892).

import { describe, expect } from "bun:test";

import { hostileImage } from "../../support/hostile.ts";
import { useStage } from "../../support/stage.ts";
import { directory, fifo, file, symlink } from "../../support/tar.ts";

const PASSWD = [
  "root:x:0:0:root:/root:/bin/sh",
  "web:x:1000:1001:Web:/home/web:/bin/sh",
  "twice:x:1200:1200::/first:/bin/sh",
  "twice:x:1201:1201::/second:/bin/sh",
  "same:x:1000:7::/other:/bin/sh",
  "nohome:x:1300:1300:::",
  "short:x:1400:1400",
  "1000:x:0:0:a name that is a number:/evil:/bin/sh",
  "4294967296:x:0:0::/evil:/bin/sh",
  "99999999999:x:0:0::/evil:/bin/sh",
  "-1:x:0:0::/evil:/bin/sh",
  "+0:x:0:0::/evil:/bin/sh",
  " 1:x:0:0::/evil:/bin/sh",
  "0x0:x:0:0::/evil:/bin/sh",
  "1_0:x:0:0::/evil:/bin/sh",
  "１:x:0:0::/evil:/bin/sh",
  "negative:x:-1:0::/evil:/bin/sh",
  "letters:x:abc:0::/evil:/bin/sh",
  "huge:x:4294967295:0::/evil:/bin/sh",
  "unmapped:x:70000:70000::/:/bin/sh",
  "#comment:x:0:0::/evil:/bin/sh",
  "3proxy:x:1500:1500::/:/bin/sh",
  "",
].join("\n");

const GROUP = [
  "root:x:0:",
  "wheel:x:10:root",
  "web:x:1001:",
  "deny:x:70:web,other",
  "video:x:44:other,web",
  "again:x:44:web",
  "1000:x:0:web2",
  "-1:x:0:",
  "4294967296:x:0:",
  "letters:x:abc:web",
  "big:x:70000:",
  "",
].join("\n");

/** `uid gid groups HOME`. */
const RESOLVED: Record<string, string> = {
  root: "0 0 0,10 /root",
  "0": "0 0 0,10 /root",
  "0000": "0 0 0,10 /root",
  "root:web": "0 1001 1001 /root",
  "0:0": "0 0 0 /root",
  "0:70": "0 70 70 /root",
  web: "1000 1001 1001,70,44 /home/web",
  // The first entry with this number, never the one of this name.
  "1000": "1000 1001 1001,70,44 /home/web",
  "01000": "1000 1001 1001,70,44 /home/web",
  "web:": "1000 1001 1001,70,44 /home/web",
  "1000:": "1000 1001 1001,70,44 /home/web",
  "web:root": "1000 0 0 /home/web",
  "web:0": "1000 0 0 /home/web",
  "web:web": "1000 1001 1001 /home/web",
  "web:5": "1000 5 5 /home/web",
  "1000:1000": "1000 1000 1000 /home/web",
  "1000:deny": "1000 70 70 /home/web",
  "1000:44": "1000 44 44 /home/web",
  same: "1000 7 7 /other",
  twice: "1200 1200 1200 /first",
  "1201": "1201 1201 1201 /second",
  nohome: "1300 1300 1300 /",
  "1300": "1300 1300 1300 /",
  short: "1400 1400 1400 /",
  "4242": "4242 0 0 /",
  "4242:4343": "4242 4343 4343 /",
  "4242:video": "4242 44 44 /",
  ":44": "0 44 44 /root",
  ":video": "0 44 44 /root",
  ":": "0 0 0,10 /root",
  "1": "1 0 0 /",
  "65536": "65536 0 0 /",
  "65536:65536": "65536 65536 65536 /",
  "3proxy": "1500 1500 1500 /",
};

/** What the user is told. */
const REFUSED: Record<string, RegExp> = {
  nobody: /unable to find user nobody: no matching entries in passwd file/,
  "web:nogroup": /unable to find group nogroup: no matching entries in group file/,
  "4294967296": /must be in range/,
  "4294967295": /must be in range/,
  "2147483648": /must be in range/,
  "99999999999": /must be in range/,
  "18446744073709551616": /must be in range/,
  "65537": /not mapped/,
  "1000:65537": /not mapped/,
  unmapped: /not mapped/,
  "web:big": /not mapped/,
  "-1": /neither the number nor the name/,
  "+0": /neither the number nor the name/,
  " 1": /neither the number nor the name/,
  "1 ": /neither the number nor the name/,
  "0x0": /neither the number nor the name/,
  "1_0": /neither the number nor the name/,
  "１": /neither the number nor the name/,
  "web:-1": /neither the number nor the name/,
  "web:4294967296": /must be in range/,
  negative: /unable to find user negative/,
  letters: /unable to find user letters/,
  huge: /unable to find user huge/,
  "#comment": /unable to find user #comment/,
  "web:5:0": /unable to find group 5:0/,
  "web:letters": /unable to find group letters/,
  "../root": /unable to find user/,
  "root\nweb": /unable to find user/,
};

const TELL = 'echo $(id -u) $(id -g) $(sed -n "s/^Groups:[[:space:]]*//p" /proc/self/status | xargs | tr " " ,) $HOME';

const stage = useStage({
  needs: ["probe"],
  prepare: async (opened) => {
    await opened.add("hostile", hostileImage({ files: FILES }));
  },
});
const FILES = [
  file("etc/passwd", PASSWD),
  file("etc/group", GROUP),
  // Open to all but the group "deny".
  directory("denied", { mode: 0o705, gid: 70 }),
];

const run = (flags: string[], ...command: string[]) => [
  "run",
  "--rm",
  "--network",
  "none",
  ...flags,
  "hostile",
  ...command,
];

/** Docker lists them in the files' order, the kernel sorts them. */
function sorted(told: string): string {
  return told.replace(/(\d+,)*\d+ (?=\S+$)/, (groups) => `${groups.trim().split(",").sort(byNumber).join(",")} `);
}

const byNumber = (one: string, other: string) => Number(one) - Number(other);

/** Many at once, to save time. */
async function inTurns<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  const WORKERS = 4;
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
}

describe("--user", () => {
  stage.it("is who docker would make of it, for run and for exec", async () => {
    const id = await stage.env.ok(["run", "-d", "--rm", "--network", "none", "hostile", "sleep", "600"]);
    const found: Record<string, string[]> = {};
    await inTurns(Object.keys(RESOLVED), async (user) => {
      const said = [
        await stage.env.ok(run(["--user", user], "sh", "-c", TELL)),
        await stage.env.ok(["exec", "--user", user, id, "sh", "-c", TELL]),
      ];
      found[user] = said.map(sorted);
    });
    const wanted = Object.entries(RESOLVED).map(([user, told]) => [user, [told, told].map(sorted)]);
    expect(found).toEqual(Object.fromEntries(wanted));
  });

  stage.it("is refused where it could be taken for somebody else", async () => {
    const id = await stage.env.ok(["run", "-d", "--rm", "--network", "none", "hostile", "sleep", "600"]);
    await inTurns(Object.entries(REFUSED), async ([user, message]) => {
      expect(await stage.env.fails(run(["--user", user], "id", "-u"), 125)).toMatch(message);
      expect(await stage.env.fails(["exec", "--user", user, id, "id", "-u"], 126)).toMatch(message);
    });
  });

  stage.it("has the image's USER as default, by the same rules", async () => {
    const users = ["web", "1000", "web:root", "4242:4343"];
    for (const [at, user] of users.entries()) {
      await stage.add(`user-${at}`, hostileImage({ files: FILES, run: { User: user } }));
      const said = await stage.env.ok(["run", "--rm", "--network", "none", `user-${at}`, "sh", "-c", TELL]);
      expect([user, sorted(said)]).toEqual([user, sorted(RESOLVED[user] ?? "")]);
    }
    for (const [at, user] of ["4294967296", "-1", "0x0", "nobody"].entries()) {
      await stage.add(`bad-${at}`, hostileImage({ files: FILES, run: { User: user } }));
      const said = await stage.env.fails(["run", "--rm", "--network", "none", `bad-${at}`, "id"], 125);
      expect(said).toMatch(REFUSED[user] ?? /never/);
    }
    // An empty --user is none: the image's stays.
    expect(await stage.env.ok(["run", "--rm", "--network", "none", "--user", "", "user-0", "id", "-u"])).toBe("1000");
  });

  stage.it("does not get around a group that is to be kept out (CVE-2022-36109)", async () => {
    const enter = ["sh", "-c", "cd /denied && echo in || echo out"];
    expect(await stage.env.ok(run(["--user", "web"], ...enter))).toBe("out");
    expect(await stage.env.ok(run(["--user", "1000:70"], ...enter))).toBe("out");
    expect(await stage.env.ok(run(["--user", "4242"], ...enter))).toBe("in");
  });

  stage.it("has no capability, unless it was added by name (CVE-2018-10856)", async () => {
    const sets = 'sed -n "s/^Cap\\(Inh\\|Prm\\|Eff\\|Amb\\):.//p" /proc/self/status | sort -u';
    const NONE = "0000000000000000";
    expect(await stage.env.ok(run(["--user", "web"], "sh", "-c", sets))).toBe(NONE);
    expect(await stage.env.ok(run(["--user", "web", "--cap-add", "ALL"], "sh", "-c", sets))).toBe(NONE);
    const added = ["--user", "web", "--cap-add", "NET_BIND_SERVICE", "--cap-add", "SYS_PTRACE"];
    expect(await stage.env.ok(run(added, "sh", "-c", sets))).toBe("0000000000080400");
    const id = await stage.env.ok(["run", "-d", "--rm", "--network", "none", "hostile", "sleep", "600"]);
    expect(await stage.env.ok(["exec", "--user", "web", id, "sh", "-c", sets])).toBe(NONE);
  });
});

describe("passwd and group files that are no such files", () => {
  const LIMIT = 10 * 1024 * 1024;
  const CASES: Record<string, Parameters<typeof hostileImage>[0] & object> = {
    fifo: { files: [fifo("etc/passwd"), fifo("etc/group")] },
    directory: { files: [directory("etc/group", { mode: 0o755 })] },
    device: { files: [symlink("etc/passwd", "/dev/zero")] },
    terminal: { files: [symlink("etc/passwd", "/dev/tty")] },
    link: { files: [symlink("etc/passwd", "/proc/self/fd/0"), symlink("etc/group", "/proc/1/root/etc/group")] },
    large: { files: [file("etc/group", Buffer.alloc(LIMIT + 1, "g:x:5:\n"))] },
    loop: { files: [symlink("etc/passwd", "group"), symlink("etc/group", "passwd")] },
  };

  stage.it("are refused at once, with a reason (CVE-2026-47262)", async () => {
    for (const [name, options] of Object.entries(CASES)) {
      await stage.add(name, hostileImage(options));
      const start = performance.now();
      const said = await stage.env.fails(["run", "--rm", "--network", "none", "--user", "web", name, "id"], 125);
      expect([name, said]).toEqual([name, expect.stringMatching(/reading the container's \/etc\/(passwd|group): /)]);
      expect(performance.now() - start).toBeLessThan(2000);
    }
  });

  stage.it("at the limit, and with an endless line, are read", async () => {
    const line = "x".repeat(1024 * 1024);
    const passwd = `${line}\n${"#\n".repeat(1000)}web:x:1000:1001::/:/bin/sh\n`;
    const padding = Buffer.alloc(LIMIT - Buffer.byteLength(passwd), "\n");
    await stage.add(
      "full",
      hostileImage({ files: [file("etc/passwd", Buffer.concat([padding, Buffer.from(passwd)]))] }),
    );
    expect(await stage.env.ok(["run", "--rm", "--network", "none", "--user", "web", "full", "id", "-u"])).toBe("1000");
  });

  stage.it("that lead out of the image are looked for inside (CVE-2024-9676)", async () => {
    const { root } = stage.canary;
    await stage.add(
      "outward",
      hostileImage({ files: [symlink("etc/passwd", `${root}/regular`), symlink("etc/group", `${root}/fifo`)] }),
    );
    const said = await stage.env.fails(["run", "--rm", "--network", "none", "--user", "web", "outward", "id"], 125);
    expect(said).toContain("no matching entries in passwd file");
    expect(await stage.env.ok(["run", "--rm", "--network", "none", "--user", "5:5", "outward", "id", "-u"])).toBe("5");
  });
});
