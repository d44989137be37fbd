// bunker runtime: OCI bundles by hand, as an engine would run them.

import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type BundleConfig, makeBundle } from "../support/bundle.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

const bundle = (change: (config: BundleConfig) => void) => makeBundle(stage.env, change);

describe("a bundle's container", () => {
  it("is created, started, asked, killed and deleted", async () => {
    const { directory, create, ok, fails, ended } = await bundle((config) => {
      config.process.args = ["sleep", "600"];
      config.annotations = { "org.example.key": "value" };
    });
    const pidFile = join(directory, "pid");
    await create("--bundle", directory, "--pid-file", pidFile, "one");
    const created = JSON.parse(await ok("state", "one")) as { pid: number };
    const annotations = { "org.example.key": "value" };
    expect(created).toMatchObject({ id: "one", status: "created", bundle: directory, annotations });
    expect(String(created.pid)).toBe(readFileSync(pidFile, "utf8"));
    expect(await fails(1, "create", "--bundle", directory, "one")).toContain("container with id exists: one");
    await ok("start", "one");
    expect(await fails(1, "start", "one")).toContain("it is running");
    expect(JSON.parse(await ok("state", "one"))).toMatchObject({ status: "running", pid: created.pid });
    expect(await ok("list", "--quiet")).toBe("one");
    expect(await ok("exec", "one", "cat", "/proc/1/cmdline")).toContain("sleep");
    await fails(3, "exec", "one", "sh", "-c", "exit 3");
    expect(await fails(1, "exec", "one", "nosuch")).toContain("executable file not found in $PATH");
    expect(await fails(1, "delete", "one")).toContain("cannot delete container one: it is running");
    await ok("kill", "one", "KILL");
    await ended("one");
    expect(await fails(1, "kill", "one")).toContain("is not running");
    await ok("delete", "one");
    expect(await fails(1, "state", "one")).toContain('container "one" does not exist');
    expect(await fails(1, "delete", "one")).toContain('container "one" does not exist');
    await ok("delete", "--force", "one");
    expect(readdirSync(join(directory, "state")).filter((name) => name !== ".lib")).toEqual([]);
  });

  it("is what its configuration says", async () => {
    const { ok } = await bundle((config) => {
      const script =
        "id -u; id -G; hostname; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; ulimit -n; umask; pwd";
      config.process.args = ["sh", "-c", `${script}; touch /x 2>/dev/null || echo read-only; echo $HOME; ls /dev`];
      config.process.cwd = "/made/for/it";
      config.process.user.umask = 0o27;
      config.root.readonly = false;
      config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["ro", "mode=700"] });
    });
    const lines = (await ok("run", "two")).split("\n").map((line) => line.replaceAll("\t", " "));
    const expected = [
      "0",
      "0",
      "crun",
      "CapEff: 0000000020000420",
      "CapBnd: 0000000020000420",
      "NoNewPrivs: 1",
      "1024",
    ];
    const devices = ["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout"];
    expect(lines).toEqual([...expected, "0027", "/made/for/it", "/", ...devices, "tty", "urandom", "zero"]);
  });

  it("has the exit code of its process, and what keeps that from being executed is told at create", async () => {
    const { fails, create, ok } = await bundle((config) => {
      config.process.args = ["sh", "-c", "exit 7"];
    });
    await fails(7, "run", "three");
    const { fails: failsAlike } = await bundle((config) => {
      config.process.args = ["nosuch"];
    });
    expect(await failsAlike(1, "create", "four")).toContain('exec: "nosuch": executable file not found in $PATH');
    expect(await failsAlike(1, "state", "four")).toContain("does not exist");
    await create("five");
    await ok("delete", "five");
  });

  it("has a terminal whose other end is sent to the console socket", async () => {
    const { directory, argv } = await bundle((config) => {
      config.process.args = ["sh", "-c", "read line; tty; ls -l /dev/console | cut -c1; echo got $line"];
      config.process.terminal = true;
    });
    writeFileSync(join(directory, "console.py"), CONSOLE);
    const words = argv("create", "--console-socket", "console.sock", "term");
    const started = argv("start", "term");
    const program = ["python3", "console.py", JSON.stringify([words, started, argv("delete", "--force", "term")])];
    const { stdout, stderr } = await stage.env.startOther(program, { cwd: directory }).result();
    expect(`${stdout}${stderr}`.replaceAll("\r", "")).toBe("hello\n/dev/pts/0\nc\ngot hello\n");
  });

  it("runs its hooks where the specification says, and one that fails undoes the creation", async () => {
    const { directory, ok, written } = await bundle((config) => {
      config.process.args = ["true"];
      const script = (name: string) => `cat > ${name}.json; echo ${name} >> order`;
      const hook = (name: string) => [{ path: "/bin/sh", args: ["sh", "-c", script(name)] }];
      const kinds = ["prestart", "createRuntime", "poststart", "poststop"];
      config.hooks = Object.fromEntries(kinds.map((kind) => [kind, hook(kind)]));
    });
    await ok("run", "hooked");
    expect(written("order")).toBe("prestart\ncreateRuntime\npoststart\npoststop\n");
    expect(JSON.parse(written("createRuntime.json"))).toMatchObject({
      id: "hooked",
      status: "creating",
      bundle: directory,
    });
    expect(JSON.parse(written("poststop.json"))).toMatchObject({ id: "hooked", status: "stopped" });
    const failing = await bundle((config) => {
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "echo no good >&2; exit 3"] }] };
    });
    expect(await failing.fails(1, "create", "hooked")).toContain(
      'the createRuntime hook "/bin/sh": exit code 3: no good',
    );
    expect(await failing.ok("list", "--quiet")).toBe("");
  });
});

describe("what goes wrong", () => {
  it("is said by the name of the field, and nothing is left", async () => {
    const { directory, fails } = await bundle((config) => {
      config.linux["intelRdt"] = { closID: "x" };
    });
    expect(await fails(1, "create", "odd")).toContain("config.json: linux.intelRdt is not supported");
    expect(await fails(1, "create", "--no-pivot", "odd")).toContain("--no-pivot is not supported");
    expect(await fails(1, "create", "../odd")).toContain("invalid container id format");
    expect(await fails(1, "create", "--bundle", "/nowhere", "odd")).toContain('reading "/nowhere/config.json"');
    const log = join(directory, "log");
    const json = ["runtime", "--log", log, "--log-format", "json", "--systemd-cgroup", "state", "odd"];
    expect(await stage.env.fails(json, 1)).toContain("--systemd-cgroup is not supported");
    expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({
      level: "error",
      msg: "--systemd-cgroup is not supported",
    });
    expect(readdirSync(join(directory, "state")).filter((name) => name !== ".lib")).toEqual([]);
  });

  it("a limit that cannot be applied is an error, one that can is in force", async () => {
    const limited = await bundle((config) => {
      config.linux.resources["pids"] = { limit: 7 };
    });
    expect(await limited.fails(1, "create", "small")).toContain(
      "linux.resources.pids.limit cannot be applied: there is no linux.cgroupsPath",
    );
    expect(await limited.ok("list", "--quiet")).toBe("");
    const { ok } = await bundle((config) => {
      // Which controllers there are is the machine's business; this one every group has.
      config.process.args = ["cat", "/sys/fs/cgroup/cgroup.max.descendants"];
      config.linux.resources["unified"] = { "cgroup.max.descendants": "7" };
      config.linux["cgroupsPath"] = `${stage.env.host.group?.replace("/sys/fs/cgroup", "")}/small`;
    });
    expect(await ok("run", "small")).toBe("7");
    expect(existsSync(stage.env.host.view(`${stage.env.host.group}/small`))).toBe(false);
  });

  it("a root that is hostile leads nowhere else", async () => {
    const { root, fails, ok, written } = await bundle((config) => {
      config.process.args = ["true"];
      config.root.readonly = false;
      config.mounts.push({ destination: "/out/there", type: "tmpfs", source: "tmpfs" });
    });
    symlinkSync("../..", join(root, "out"));
    await ok("run", "odd");
    // Looked up inside: what it would have made outside is in here.
    expect(readdirSync(root)).toContain("there");
    expect(written("config.json")).toContain("ociVersion");
    rmSync(join(root, "proc"), { recursive: true, force: true });
    symlinkSync("/etc", join(root, "proc"));
    expect(await fails(1, "run", "odd")).toContain('"/proc" is no directory of its own');
  });

  it("a create that is killed leaves what delete --force removes", async () => {
    const { directory, argv, ok, fails } = await bundle((config) => {
      config.process.args = ["sleep", "600"];
      config.hooks = {
        createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "until [ -e go ]; do sleep 0.02; done"] }],
      };
    });
    const creating = stage.env.startOther(argv("create", "slow"), { cwd: directory });
    const file = join(directory, "state/slow/process.json");
    while (!existsSync(file)) await Bun.sleep(5);
    expect(JSON.parse(await ok("state", "slow"))).toMatchObject({ status: "creating" });
    expect(await fails(1, "start", "slow")).toContain("it is creating");
    const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid: number };
    // The command itself, not what the test put around it.
    for (const name of readdirSync("/proc"))
      if (isCommand(name, [stage.env.program, "create", "slow"])) process.kill(Number(name), "SIGKILL");
    await creating.result();
    writeFileSync(join(directory, "go"), "");
    while (existsSync(`/proc/${pid}`)) await Bun.sleep(5);
    expect(JSON.parse(await ok("state", "slow"))).toMatchObject({ status: "stopped", pid: 0 });
    await ok("delete", "--force", "slow");
    expect(await ok("list", "--quiet")).toBe("");
  });
});

function isCommand(pid: string, words: string[]): boolean {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return line[0] === words[0] && words.every((word) => line.includes(word));
  } catch {
    return false;
  }
}

/** Takes the master from the socket, types a line, prints what comes. */
const CONSOLE = `
import array, json, os, socket, subprocess, sys
create, start, delete = json.loads(sys.argv[1])
listener = socket.socket(socket.AF_UNIX); listener.bind("console.sock"); listener.listen()
subprocess.run(create, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
connection, _ = listener.accept()
name, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
master = array.array("i", ancillary[0][2])[0]
subprocess.run(start, check=True)
os.write(master, b"hello\\n")
said = b""
while True:
    try:
        part = os.read(master, 4096)
    except OSError:
        break
    if not part: break
    said += part
sys.stdout.write(said.decode())
subprocess.run(delete, check=True)
`;
