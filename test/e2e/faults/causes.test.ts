// Whatever system call fails on the way to a container: the user is told the cause and what to do, not a bare errno. The words come
// from the table that doctor's checks share (src/host/causes.ts).

import { afterAll, beforeAll, describe, expect } from "bun:test";

import type { TestEnv } from "../../support/environment.ts";
import { it, NO_NETWORK, Source } from "./fixture.ts";

/** Call and error → cause, and what is to be done. */
const CAUSES: Readonly<Record<string, [cause: RegExp, hint: RegExp]>> = {
  "unshare EPERM": [/user namespaces: |make no namespaces here/, /doctor/],
  "unshare ENOSPC": [/told to make none, or too few/, /sysctl -w user.max_user_namespaces=/],
  "unshare EUSERS": [/told to make none, or too few/, /sysctl -w user.max_user_namespaces=/],
  "clone3 ENOSYS": [/filter of an outer container/, /seccomp=unconfined/],
  "clone EAGAIN": [/no further process may be started \(ulimit -u/, /TasksMax=infinity/],
  "setns EPERM": [/^$|namespaces/, /^$|doctor/],
  "fsopen EPERM": [/mounts no overlay for ordinary users/, /BUNKER_STORAGE_DRIVER=copy/],
  "fsopen ENODEV": [/has no overlay, or has not loaded it/, /modprobe overlay/],
  "fsopen ENOSYS": [/mounts no overlay for ordinary users/, /BUNKER_STORAGE_DRIVER=copy/],
  "fsconfig EPERM": [/hidden|forbids it|mounts no overlay/, /doctor/],
  "fsmount EPERM": [/mounts no overlay for ordinary users/, /BUNKER_STORAGE_DRIVER=copy/],
  "move_mount ENOSPC": [/limit on mounts is reached/, /fs.mount-max/],
  "move_mount EPERM": [/forbids it/, /journalctl/],
  "open_tree EPERM": [/forbids it/, /journalctl/],
  "mount_setattr EPERM": [/forbids it/, /journalctl/],
  "mount_setattr ENOSYS": [/has no such system call/, /Linux 5.12/],
  "pivot_root EINVAL": [/refuses what every container needs/, /doctor/],
  "pivot_root EPERM": [/forbids it/, /journalctl/],
  "umount2 EPERM": [/forbids it/, /journalctl/],
  "seccomp EINVAL": [/without filters for system calls/, /unconfined/],
  "capset EPERM": [/forbids it/, /journalctl/],
  "sethostname EPERM": [/forbids it/, /journalctl/],
  "openat2 ENOSYS": [/has no such system call/, /Linux 5.12/],
  "setresuid EPERM": [/forbids it/, /journalctl/],
  "setgroups EPERM": [/forbids it/, /journalctl/],
  "keyctl EDQUOT": [/quota of kernel keys is used up/, /kernel.keys.maxkeys/],
  "socketpair EMFILE": [/may open no more files/, /ulimit -n/],
  "socketpair ENFILE": [/whole system may open no more files/, /fs.file-max/],
  "socketpair ENOMEM": [/no memory left/, /Free some memory/],
  "mkdirat EDQUOT": [/disk quota|no space left/, /Free some space/],
  "execveat EACCES": [/memory cannot be executed/, /memfd_noexec/],
  "close_range ENOSYS": [/has no such system call/, /Linux 5.12/],
  "bind EADDRINUSE": [/refuses what every container needs/, /doctor/],
};

const TIMEOUT_MS = 240_000;

let source: Source;
let env: TestEnv;
beforeAll(async () => {
  source = await Source.start();
  env = await source.env();
  // Finds out how containers are stored, so that the calls that fail below are those of a start.
  await env.ok(["run", "--rm", NO_NETWORK, source.image, "true"]);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await source.stop();
});

describe("a start whose", () => {
  for (const [which, [cause, hint]] of Object.entries(CAUSES)) {
    it(
      `${which} says why, and what to do`,
      async () => {
        const [call = "", error = ""] = which.split(" ");
        const launcher = ["strace", "--follow-forks", "--user", env.user.name, "--output=/dev/null"];
        const trace = [`--trace=${call}`, `--inject=${call}:error=${error}`, "--interruptible=waiting"];
        const options = { launcher: [...launcher, ...trace] };
        const { code, stderr } = await env.start(["run", "--rm", NO_NETWORK, source.image, "true"], options).result();
        const [said = "", advice = ""] = stderr.split("hint: ");
        expect([which, said]).toEqual([which, expect.stringMatching(cause)]);
        expect([which, advice]).toEqual([which, expect.stringMatching(hint)]);
        expect(code).toBe(stderr === "" ? 0 : 125);
      },
      TIMEOUT_MS,
    );
  }
});
