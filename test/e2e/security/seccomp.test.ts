// The system call filter, tried from inside: what it lets through, what it refuses and how, with flags and with profiles of
// the user's own. Numbers come from the runtime's table, so that the same test runs on both architectures.

import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { TestEnv } from "../../support/environment.ts";
import { requires } from "../../support/guards.ts";
import { answers, hostileImage } from "../../support/hostile.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";
import { syscallNumber } from "../../support/syscalls.ts";

const it = requires("root", "bunker", "probe", "userns", "subids", "cgroup2");
/** Above the 32 bits that the kernel looks at in an `int`. */
const HIGH = "1";
const SIGSYS = "signal 31";
const REFUSED = /^(EPERM|ENOSYS|EAFNOSUPPORT)$/;

let registry: TestRegistry;
let env: TestEnv;
let image: string;

beforeAll(async () => {
  registry = startRegistry();
  image = registry.push("hostile", "1", hostileImage());
  env = await TestEnv.create();
  await env.ok(["pull", "--quiet", image]);
});

afterAll(async () => {
  await env.host.close();
  registry.stop();
});

/** `socket 2 1 0` → its number and arguments; `high:2` is a 2 with a bit above the lower 32. */
function spell(call: string): string {
  const [name = "", ...words] = call.split(" ");
  const word = (text: string) =>
    text.startsWith("high:") ? `0x${HIGH}${Number(text.slice("high:".length)).toString(16).padStart(8, "0")}` : text;
  return [/^-?\d/.test(name) ? name : syscallNumber(name), ...words.map(word)].join(" ");
}

/** Call → answer there. */
async function ask(flags: string[], calls: string[]): Promise<Record<string, string>> {
  const said = await answers(env, ["run", "--rm", "--network", "none", ...flags, image], calls.map(spell));
  return Object.fromEntries(calls.map((call, at) => [call, said[at] ?? "nothing"]));
}

async function expectAnswers(flags: string[], wanted: Record<string, string>): Promise<void> {
  expect(await ask(flags, Object.keys(wanted))).toEqual(wanted);
}

function profile(name: string, content: unknown): string {
  const path = join(env.home, `${name}.json`);
  writeFileSync(path, JSON.stringify(content));
  return `seccomp=${path}`;
}

describe("the default filter", () => {
  it("knows socket families by a list, in the 32 bits that count", async () => {
    await expectAnswers([], {
      "socket 1 1 0": "ok",
      "socket 2 1 0": "ok",
      "socket 10 2 0": "ok",
      "socket high:2 1 0": "ok",
      "socket 16 3 0": "ok",
      "socket 16 3 9": "EAFNOSUPPORT",
      "socket 16 3 high:9": "EAFNOSUPPORT",
      "socket 17 3 0": "EAFNOSUPPORT",
      "socket 38 5 0": "EAFNOSUPPORT",
      "socket high:38 5 0": "EAFNOSUPPORT",
      "socket 40 1 0": "EAFNOSUPPORT",
      "socket high:40 1 0": "EAFNOSUPPORT",
      "socket 29 3 1": "EAFNOSUPPORT",
      "socket 44 3 0": "EAFNOSUPPORT",
      "socketpair 1 1 0 0": "EFAULT",
      "socketpair 38 1 0 0": "EAFNOSUPPORT",
    });
  });

  it("lets no namespace, mount or key be made", async () => {
    const refused = [
      ...["0x10000000", "0x20000", "0x40000000", "0x20000000", "0x8000000", "0x4000000", "0x2000000", "0x80"].map(
        (flag) => `unshare ${flag}`,
      ),
      "clone 0x10000011 0 0 0 0",
      "clone 0x7e020011 0 0 0 0",
      "clone 0xff00000010000011 0 0 0 0",
      "setns 0 0",
      "mount s:tmpfs s:/tmp s:tmpfs 0 0",
      "umount2 s:/proc/keys 2",
      "pivot_root s:. s:.",
      "fsopen s:tmpfs 0",
      "open_tree -100 s:/ 1",
      "move_mount -100 s:/ -100 s:/ 0",
      "mount_setattr -100 s:/ 0 0 0",
      "keyctl 0 -3 0 0 0",
      "add_key s:user s:x s:y 1 -3",
      "request_key s:user s:x 0 -3",
      "bpf 0 0 0",
      "io_uring_setup 1 0",
      "userfaultfd 0",
      "perf_event_open 0 0 0 0 0",
      "pidfd_getfd 0 0 0",
      "open_by_handle_at 0 0 0",
      "vmsplice 0 0 0 0",
      "sethostname s:x 1",
      "syslog 3 0 0",
    ];
    await expectAnswers([], {
      ...Object.fromEntries(refused.map((call) => [call, "EPERM"])),
      "clone3 0 0": "ENOSYS",
      "clone 0x11 0 0 0 0": "ok",
      "470 0": "ENOSYS",
      "999 0": "ENOSYS",
      "statmount 0 0 0 0": "ENOSYS",
      "futex_waitv 0 0 0 0 0": "ENOSYS",
      "-1": "ENOSYS",
    });
  });

  it("looks at arguments of ioctl, prctl, personality and mknod as the kernel does", async () => {
    await expectAnswers([], {
      "ioctl -1 0x5412 0": "EPERM",
      "ioctl -1 high:21522 0": "EPERM",
      "ioctl -1 0x541c 0": "EPERM",
      "ioctl -1 0x5401 0": "EBADF",
      "prctl 35 1 0 0 0": "EPERM",
      "prctl high:35 1 0 0 0": "EPERM",
      "prctl 3 0 0 0 0": "ok",
      "personality 0": "ok",
      "personality 8": "ok",
      "personality 0xffffffff": "ok",
      "personality 0x40000": "EPERM",
      "personality high:262144": "EPERM",
      "mknodat -100 s:/tmp/c 0x2180 0x103": "EPERM",
      "mknodat -100 s:/tmp/c high:8576 0x103": "EPERM",
      "mknodat -100 s:/tmp/b 0x6180 0x103": "EPERM",
      "mknodat -100 s:/tmp/p 0x1180 0": "ok",
      "mknodat -100 s:/tmp/f 0x8180 0": "ok",
    });
  });

  if (process.arch === "x64") {
    it("kills what comes by the x32 table or a number that carries its bit", async () => {
      const numbers = ["0x40000027", "0x40000000", "0x7fffffff", "0x80000000"];
      await expectAnswers([], Object.fromEntries(numbers.map((number) => [number, SIGSYS])));
    });
  }

  it("is the same for every exec", async () => {
    const id = await env.ok(["run", "-d", "--rm", "--network", "none", image, "sleep", "600"]);
    const calls = ["socket high:38 5 0", "unshare 0x10000000", "clone3 0 0", "keyctl 0 -3 0 0 0", "socket 2 1 0"];
    for (const flags of [[], ["--user", "1000"]]) {
      const said = await answers(env, ["exec", ...flags, id], calls.map(spell));
      expect(said).toEqual(["EAFNOSUPPORT", "EPERM", "ENOSYS", "EPERM", "ok"]);
    }
    await env.ok(["rm", "-f", id]);
  });
});

describe("capabilities", () => {
  /** Calls that it opens; each is refused without it. */
  const OPENED: Record<string, string[]> = {
    SYS_ADMIN: [
      "unshare 0x20000",
      "unshare 0x10000000",
      "clone 0x10000011 0 0 0 0",
      "clone3 0 0",
      "mount s:tmpfs s:/tmp s:tmpfs 0 0",
      "fsopen s:tmpfs 0",
      "setns -1 0",
      "bpf 99 0 0",
      "sethostname s:x 1",
    ],
    NET_RAW: ["socket 17 3 0", "socket 2 3 1"],
    NET_ADMIN: ["socket 16 3 9", "socket 16 3 12"],
    SYS_PTRACE: ["pidfd_getfd -1 0 0", "kcmp -1 -1 0 0 0"],
    DAC_READ_SEARCH: ["open_by_handle_at -1 0 0"],
    SYS_NICE: ["set_mempolicy 0 0 0"],
  };
  const isRefused = (answer: string) => REFUSED.test(answer);

  for (const [name, calls] of Object.entries(OPENED)) {
    it(`${name} opens what is tied to it, and nothing else`, async () => {
      expect(Object.values(await ask([], calls)).filter((answer) => !isRefused(answer))).toEqual([]);
      expect(Object.values(await ask(["--cap-add", name], calls)).filter(isRefused)).toEqual([]);
      // Never opened, whatever is added.
      const never = ["keyctl 0 -3 0 0 0", "io_uring_setup 1 0", "userfaultfd 0", "ioctl -1 0x5412 0"];
      expect(Object.values(await ask(["--cap-add", name], never))).toEqual(never.map(() => "EPERM"));
    });
  }

  it("taken away close chroot", async () => {
    await expectAnswers([], { "chroot s:/": "ok" });
    await expectAnswers(["--cap-drop", "SYS_CHROOT"], { "chroot s:/": "EPERM" });
  });
});

describe("--security-opt seccomp", () => {
  it("unconfined leaves the kernel's own rules", async () => {
    await expectAnswers(["--security-opt", "seccomp=unconfined"], {
      "unshare 0x10000000": "ok",
      "ioctl -1 0x5412 0": "EBADF",
      "personality 0x40000": "ok",
      "mount s:tmpfs s:/tmp s:tmpfs 0 0": "EPERM",
      "sethostname s:x 1": "EPERM",
    });
  });

  it("takes a profile of docker's form", async () => {
    const security = profile("mine", {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
      syscalls: [
        { names: ["mkdirat", "mkdir", "no_such_call"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
        { names: ["sethostname"], action: "SCMP_ACT_KILL_PROCESS" },
        { names: ["socket"], action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 16, op: "SCMP_CMP_EQ" }] },
        { name: "setpriority", action: "SCMP_ACT_ERRNO" },
        { names: ["personality"], action: "SCMP_ACT_ERRNO", includes: { caps: ["CAP_SYS_ADMIN"] } },
        { names: ["umask"], action: "SCMP_ACT_ERRNO", excludes: { caps: ["CAP_CHOWN"] } },
      ],
    });
    await expectAnswers(["--security-opt", security], {
      "mkdirat -100 s:/tmp/x 0": "ENOSYS",
      "sethostname s:x 1": SIGSYS,
      "socket 16 3 0": "EPERM",
      "socket high:16 3 0": "EPERM",
      "socket 2 1 0": "ok",
      "setpriority 0 0 0": "EPERM",
      "personality 0": "ok",
      "umask 18": "ok",
      "unshare 0x10000000": "ok",
    });
    await expectAnswers(["--security-opt", security, "--cap-add", "SYS_ADMIN", "--cap-drop", "CHOWN"], {
      "personality 0": "EPERM",
      "umask 18": "EPERM",
    });
  });

  it("takes podman's own profile file, where there is one", async () => {
    const path = "/usr/share/containers/seccomp.json";
    if (!existsSync(path)) return;
    expect(JSON.parse(readFileSync(path, "utf8"))).toHaveProperty("syscalls");
    await expectAnswers(["--security-opt", `seccomp=${path}`], {
      "unshare 0x10000000": "ok",
      "socket 40 1 0": "ok",
      "socket 2 1 0": "ok",
      "personality 0x40000": "ENOSYS",
      "kexec_load 0 0 0 0": "EPERM",
    });
  });

  it("refuses what is no profile, in one clear line", async () => {
    const cases: [unknown, RegExp][] = [
      [{ syscalls: [] }, /not a seccomp profile/],
      [{ defaultAction: "SCMP_ACT_MAYBE", syscalls: [] }, /unknown action "SCMP_ACT_MAYBE"/],
      [
        { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["read"], action: "SCMP_ACT_NOTIFY" }] },
        /SCMP_ACT_NOTIFY/,
      ],
      [
        {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", args: [{ index: 9, value: 0, op: "SCMP_CMP_EQ" }] }],
        },
        /argument 9 of "read"/,
      ],
      ["text", /not a seccomp profile/],
    ];
    for (const [content, message] of cases) {
      const flags = ["--security-opt", profile("bad", content)];
      expect(await env.fails(["run", "--rm", "--network", "none", ...flags, image, "true"], 125)).toMatch(message);
    }
    await env.fails(["run", "--rm", "--security-opt", "seccomp=/nowhere.json", image, "true"], 125);
  });
});
