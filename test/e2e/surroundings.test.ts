// Odd places to be started in (security.md §3.7): without a directory, a home, a search path, descriptors or room. Each command
// works, or says in a line what it lacks; none leaves anything half made.

import { describe, expect } from "bun:test";

import type { CommandResult } from "../support/command.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

/** A shell as the user; the program is $b, a container that says hello is `hello`. */
function shell(script: string, environment: Record<string, string | undefined> = {}): Promise<CommandResult> {
  const prelude = `b=${stage.env.program}; hello() { "$b" run --rm --network none busybox echo hello; }; `;
  return stage.env.startOther(["/bin/bash", "-c", prelude + script], { environment }).result();
}

const HELLO = { code: 0, stdout: "hello\n", stderr: "" };

describe("a container can be run", () => {
  const CASES: Readonly<Record<string, [script: string, environment?: Record<string, string | undefined>]>> = {
    "from a directory that has gone": ["mkdir gone; cd gone; rmdir ../gone; hello"],
    "from a directory nobody may look into": [
      "d=$PWD/shut; mkdir -p $d; cd $d; chmod 000 $d; hello; s=$?; chmod 700 $d; exit $s",
    ],
    "from /proc and /sys": ["cd /proc/self; hello; cd /sys; hello >/dev/null"],
    "without a search path": ["unset PATH; hello"],
    "with an empty search path": ["export PATH=; hello"],
    "with a search path of the current directory": ["export PATH=.:/bin:/usr/bin; hello"],
    "without a language": ["unset LANG LC_ALL; hello"],
    "with a language there is not": ['env LC_ALL=xx_YY.utf9 "$b" run --rm --network none busybox echo hello'],
    "without TERM, or an odd one": ["unset TERM; hello; TERM=$'\\e[31m' hello >/dev/null"],
    "without a runtime directory": ["unset XDG_RUNTIME_DIR; hello"],
    "with a time zone there is not": ["export TZ=../../etc/passwd; hello"],
    "with any umask": ["for m in 000 077 177 777; do umask $m; hello; done | uniq"],
    "with few open files": ["ulimit -n 64; hello"],
    "with many descriptors open": ['for i in $(seq 10 200); do eval "exec $i</dev/null"; done; hello'],
    "with all signals ignored": ["trap '' HUP INT TERM USR1 USR2 PIPE CHLD; hello"],
    "in the background, without a session's terminal": [
      'setsid --wait "$b" run --rm --network none busybox echo hello < /dev/null & wait $!',
    ],
    "at a low priority": ['nice -n 19 "$b" run --rm --network none busybox echo hello'],
    "by a name of its own": ['exec -a "$(printf \'\\033[31m\')" "$b" run --rm --network none busybox echo hello'],
    "with a large environment": ["export BIG=$(head -c 100000 /dev/zero | tr '\\0' x); hello"],
  };

  for (const [name, [script, environment]] of Object.entries(CASES)) {
    it(name, async () => {
      const { code, stdout, stderr } = await shell(script, environment);
      expect({ code, stdout, stderr }).toEqual(HELLO);
    });
  }
});

describe("a command says what it lacks", () => {
  const CASES: Readonly<Record<string, [script: string, environment: Record<string, string | undefined>]>> = {
    "a home": ["hello", { HOME: undefined, XDG_DATA_HOME: undefined }],
    "a home that is a path": ["hello", { HOME: "relative", XDG_DATA_HOME: undefined }],
    "a home that is there": ["hello", { HOME: "/nowhere/at/all", XDG_DATA_HOME: undefined }],
    "a home that is a directory": ["hello", { HOME: "/etc/passwd", XDG_DATA_HOME: undefined }],
    "a data home of its own": ["hello", { XDG_DATA_HOME: "/" }],
    "a data home whose name may be": [`"$b" --root /${"x".repeat(300)} run --rm busybox echo hello`, {}],
    "a runtime directory whose name may be": [`"$b" --runroot /etc/passwd/x run --rm busybox echo hello`, {}],
    descriptors: ["ulimit -n 6; hello", {}],
    "room in files": ["ulimit -f 0; hello", {}],
    "room in what it prints to": ["hello > /dev/full", {}],
    processes: ["ulimit -u 1; hello", {}],
    memory: ["ulimit -v 200000; hello", {}],
  };

  for (const [name, [script, environment]] of Object.entries(CASES)) {
    it(name, async () => {
      const { code, signal, stdout, stderr } = await shell(script, environment);
      // What works all the same is fine; what does not has a reason and is no bug.
      if (code === 0) expect(stdout).toBe("hello\n");
      else expect([name, stdout, stderr, signal]).toEqual([name, "", expect.stringMatching(/\S/), null]);
      expect([name, stderr]).toEqual([name, expect.not.stringMatching(/this is a bug|panicked|undefined/)]);
    });
  }
});
