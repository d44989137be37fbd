// An OCI bundle's config.json → SandboxSpec: what it becomes, and what is refused by name.

import { describe, expect, test } from "bun:test";

import { loadBundles } from "../../../src/container/index.ts";
import type { BundleHost, PlannedBundle } from "../../../src/container/index.ts";

const HOST: BundleHost = {
  uid: 1000,
  gid: 1000,
  mapsIds: false,
  isOnHost: true,
  groupsFixed: false,
  newuidmap: "/usr/bin/newuidmap",
  newgidmap: "/usr/bin/newgidmap",
  machine: "x64",
  nested: false,
};
const DEVICES = { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755"] };
const PROC = { destination: "/proc", type: "proc", source: "proc" };
const SPACES = ["pid", "mount", "user"].map((type) => ({ type }));

type Json = Record<string, unknown>;

function config(change: { top?: Json; process?: Json; linux?: Json } = {}): Json {
  return {
    ociVersion: "1.0.2",
    process: { args: ["sh"], cwd: "/", user: { uid: 0, gid: 0 }, ...change.process },
    root: { path: "rootfs" },
    mounts: [PROC, DEVICES],
    linux: { namespaces: SPACES, ...change.linux },
    ...change.top,
  };
}

const { planBundle } = await loadBundles();
const plan = (json: unknown, host: Partial<BundleHost> = {}): PlannedBundle =>
  planBundle(json, { id: "web", bundle: "/b", state: "/s/web" }, { ...HOST, ...host });

/** What is refused, and the words for it. */
const REFUSED: [change: Parameters<typeof config>[0], message: string][] = [
  [{ top: { ociVersion: "2.0.0" } }, 'ociVersion "2.0.0" is not supported'],
  [{ top: { ociVersion: undefined } }, "ociVersion is missing"],
  [{ top: { windows: { layerFolders: ["a"] } } }, "windows is not supported"],
  [{ top: { vm: { kernel: { path: "/k" } } } }, "vm is not supported"],
  [{ top: { root: undefined } }, "root.path is missing"],
  [{ top: { process: undefined } }, "process is missing"],
  [{ top: { mounts: [PROC] } }, "mounts without a tmpfs at /dev are not supported"],
  [{ top: { mounts: [DEVICES, { ...PROC, type: "ext4" }] } }, 'mounts[1].type "ext4" is not supported'],
  [{ top: { mounts: [DEVICES, { ...PROC, options: ["remount"] }] } }, 'mounts[1].options "remount" is not supported'],
  [
    { top: { mounts: [DEVICES, { ...PROC, options: ["rslave"] }] } },
    'mounts[1].options "rslave" is not supported for a new',
  ],
  [{ top: { mounts: [DEVICES, { ...PROC, options: ["tmpcopyup"] }] } }, 'mounts[1].options "tmpcopyup" is for tmpfs'],
  [{ top: { mounts: [DEVICES, { ...PROC, destination: "/a/../.." }] } }, "mounts[1].destination is the root itself"],
  [
    { top: { mounts: [DEVICES, { type: "bind", source: "/a", destination: "/a", options: ["noatime"] }] } },
    'mounts[1].options "noatime" is not supported for a bind',
  ],
  [
    { top: { mounts: [DEVICES, { ...PROC, uidMappings: [{ containerID: 0 }] }] } },
    "mounts[1].uidMappings is not supported",
  ],
  [{ top: { hooks: { createContainer: [{ path: "/x" }] } } }, "hooks.createContainer is not supported"],
  [{ top: { hooks: { startContainer: [{ path: "/x" }] } } }, "hooks.startContainer is not supported"],
  [{ top: { hooks: { poststop: [{ path: "x" }] } } }, "hooks.poststop[0].path is not an absolute path"],
  [{ top: { hostname: "x" } }, "hostname needs a UTS namespace of its own"],
  [{ process: { args: [] } }, "process.args names no command"],
  [{ process: { cwd: "etc" } }, "process.cwd is not an absolute path"],
  [{ process: { apparmorProfile: "docker-default" } }, "process.apparmorProfile is not supported"],
  [{ process: { selinuxLabel: "a:b:c" } }, "process.selinuxLabel is not supported"],
  [{ process: { ioPriority: { class: "IOPRIO_CLASS_IDLE" } } }, "process.ioPriority is not supported"],
  [{ process: { scheduler: { policy: "SCHED_IDLE" } } }, "process.scheduler is not supported"],
  [{ process: { user: { uid: -1 } } }, "process.user.uid is not a whole number"],
  [{ process: { user: { uid: 0, additionalGids: [5] } } }, "process.user.additionalGids cannot be had where only one"],
  [{ process: { rlimits: [{ type: "NOFILE", soft: 1, hard: 1 }] } }, "process.rlimits[0].type is no limit"],
  [{ process: { oomScoreAdj: 2000 } }, "process.oomScoreAdj is not a whole number"],
  [{ linux: { intelRdt: { closID: "x" } } }, "linux.intelRdt is not supported"],
  [{ linux: { personality: { domain: "LINUX32" } } }, "linux.personality is not supported"],
  [{ linux: { timeOffsets: { monotonic: { secs: 1 } } } }, "linux.timeOffsets is not supported"],
  [{ linux: { mountLabel: "a:b" } }, "linux.mountLabel is not supported"],
  [{ linux: { rootfsPropagation: "unbindable" } }, 'linux.rootfsPropagation "unbindable" is not supported'],
  [{ linux: { namespaces: [{ type: "user" }] } }, "linux.namespaces without a mount namespace"],
  [
    { linux: { namespaces: [{ type: "mount", path: "/x" }] } },
    "linux.namespaces[0].path is not supported for the mount",
  ],
  [{ linux: { namespaces: [...SPACES, { type: "pid" }] } }, 'linux.namespaces[3].type "pid" is there twice'],
  [{ linux: { namespaces: [...SPACES, { type: "moon" }] } }, 'linux.namespaces[3].type "moon" is not supported'],
  [{ linux: { namespaces: [{ type: "mount" }] } }, "linux.namespaces without a user namespace is for root"],
  [
    { linux: { uidMappings: [{ containerID: 1, hostID: 1000, size: 1 }] } },
    "linux.uidMappings without container id 0 is not supported",
  ],
  [{ linux: { devices: [{ path: "/dev/x", type: "p" }] } }, 'linux.devices[0].type "p" is not supported'],
  [
    { linux: { devices: [{ path: "/dev/x", type: "c", major: 1, minor: 3, fileMode: 438 }] } },
    "linux.devices[0].fileMode is not supported",
  ],
  [{ linux: { seccomp: { defaultAction: "SCMP_ACT_NOTIFY" } } }, "linux.seccomp.defaultAction SCMP_ACT_NOTIFY"],
  [
    { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x" } } },
    "linux.seccomp.listenerPath is not supported",
  ],
  [
    { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_ARM"] } } },
    "linux.seccomp.architectures lacks SCMP_ARCH_X86_64",
  ],
  [
    { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_LOG"] } } },
    "linux.seccomp.flags[0] is not supported",
  ],
  [
    { linux: { resources: { devices: [{ allow: false }, { allow: false, type: "c", major: 1, minor: 3 }] } } },
    "linux.resources.devices[1] denies a single device",
  ],
  [{ linux: { resources: { blockIO: { weight: 10 } } } }, "linux.resources.blockIO is not supported"],
  [{ linux: { resources: { hugepageLimits: [{}] } } }, "linux.resources.hugepageLimits is not supported"],
  [{ linux: { resources: { memory: { swappiness: 5 } } } }, "linux.resources.memory.swappiness is not supported"],
  [{ linux: { resources: { unified: { "../x": "1" } } } }, "linux.resources.unified.../x is no file of a group"],
  [{ top: { mounts: [DEVICES] }, linux: { sysctl: { "net.x": "1" } } }, "linux.sysctl needs a mount of type proc"],
];

describe("a config.json that asks for what cannot be had", () => {
  test.each(REFUSED)("%j is refused: %s", (change, message) => {
    expect(() => plan(config(change))).toThrow(`config.json: ${message}`);
  });

  test("is refused as a whole where it is no object", () => {
    expect(() => plan([])).toThrow("is not an object");
  });
});

describe("a config.json", () => {
  test("may hold what the specification does not know, and empty fields of what we do not have", () => {
    const linux = { intelRdt: {}, unknown: { x: 1 }, mountLabel: "" };
    expect(
      plan(config({ top: { later: 1 }, linux, process: { selinuxLabel: "", apparmorProfile: "unconfined" } })).spec.id,
    ).toBe("web");
  });

  test("gives numbers, sets of capabilities and limits as they are", () => {
    const process = {
      user: { uid: 5, gid: 6, umask: 0o77, additionalGids: [7] },
      capabilities: {
        bounding: ["CAP_CHOWN"],
        permitted: ["CAP_CHOWN"],
        ambient: ["CAP_CHOWN", "CAP_KILL"],
        inheritable: ["CAP_CHOWN"],
      },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 5, hard: 2 ** 64 }],
    };
    const uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    const { spec } = plan(config({ process, linux: { uidMappings, gidMappings: uidMappings } }));
    expect(spec.process).toMatchObject({
      user: "5:6",
      groupAdd: ["7"],
      umask: 0o77,
      keepGroups: false,
      capabilities: {
        bounding: ["CAP_CHOWN"],
        sets: { permitted: ["CAP_CHOWN"], inheritable: ["CAP_CHOWN"], effective: [], ambient: ["CAP_CHOWN"] },
      },
      rlimits: [{ name: "NOFILE", soft: 5, hard: -1 }],
    });
    expect(spec.userNamespace).toMatchObject({
      containerUidMap: [{ inside: 0, outside: 100_000, size: 65_536 }],
      newuidmap: "/usr/bin/newuidmap",
    });
  });

  test("without a map makes root of the caller, who then cannot change groups", () => {
    const { spec } = plan(config());
    expect(spec.userNamespace).toMatchObject({
      containerUidMap: [{ inside: 0, outside: 1000, size: 1 }],
      newuidmap: null,
    });
    expect(spec.process.keepGroups).toBe(true);
  });

  test("without a user namespace lives in the caller's, where that is root of one", () => {
    const json = config({ linux: { namespaces: [{ type: "mount" }, { type: "network", path: "/run/netns/a" }] } });
    const { spec } = plan(json, { uid: 0, gid: 0, isOnHost: false, mapsIds: true });
    expect(spec.userNamespace.containerUidMap).toEqual([]);
    expect(spec.bundle).toEqual({ joins: [{ kind: "network", path: "/run/netns/a" }] });
    expect(spec.network).toEqual({ kind: "shared" });
    expect(() => plan(json, { uid: 0, gid: 0, isOnHost: true, mapsIds: true })).toThrow(
      "for root of a user namespace only",
    );
  });

  test("has its mounts in their order, relative sources in the bundle", () => {
    const bind = {
      type: "bind",
      source: "data",
      destination: "//data/../d",
      options: ["rbind", "ro", "nosuid", "rslave"],
    };
    const { spec } = plan(config({ top: { mounts: [PROC, DEVICES, bind] } }));
    expect(spec.mounts.map(({ kind, target }) => [kind, target])).toEqual([
      ["filesystem", "/proc"],
      ["filesystem", "/dev"],
      ["bind", "/d"],
    ]);
    expect(spec.mounts[1]).toMatchObject({ attributes: ["nosuid", "strictatime"], options: ["mode=755"] });
    expect(spec.mounts[2]).toMatchObject({
      source: "/b/data",
      recursive: true,
      readonly: true,
      suid: false,
      dev: true,
      propagation: "rslave",
    });
  });

  test("has its limits as values of a cgroup v2 group", () => {
    const resources = {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 1, minor: 3 },
      ],
      memory: { limit: 1000, swap: 1500, reservation: 10 },
      cpu: { shares: 1024, quota: 50_000, cpus: "0-1" },
      pids: { limit: -1 },
      unified: { "memory.high": "900" },
    };
    expect(plan(config({ linux: { resources } })).limits.map(({ file, value }) => `${file}=${value}`)).toEqual([
      "memory.max=1000",
      "memory.swap.max=500",
      "memory.low=10",
      "cpu.weight=39",
      "cpu.max=50000 100000",
      "cpuset.cpus=0-1",
      "pids.max=max",
      "memory.high=900",
    ]);
  });
});
