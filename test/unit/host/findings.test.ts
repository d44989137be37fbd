// Each cause is found from its facts, with evidence and a command; a whole host has none.

import { describe, expect, test } from "bun:test";

import { findAll, firstProblem, type HostReport } from "../../../src/host/index.ts";

const GIB = 1 << 30;

const WHOLE: HostReport = {
  user: { name: "ada", uid: 1000 },
  userNamespaces: { maximum: 96_000, mayClone: true, restricted: false, failure: null },
  subuid: "root:100000:65536\nada:165536:65536\n",
  subgid: "ada:100000:65536\n",
  ownIds: null,
  nested: false,
  noNewPrivileges: false,
  storage: { driver: "overlay", why: "tried" },
  mappers: [
    { name: "newuidmap", path: "/usr/bin/newuidmap", privileged: true },
    { name: "newgidmap", path: "/usr/bin/newgidmap", privileged: true },
  ],
  cgroup: { version: 2, delegated: "/sys/fs/cgroup/user.slice", controllers: ["cpu", "memory", "pids"] },
  lingers: true,
  dataHome: {
    path: "/home/ada/.local/share/bunker",
    filesystem: "ext4",
    options: ["rw"],
    freeBytes: 50 * GIB,
    shared: null,
  },
  devices: { tun: true, fuse: true },
  wayOut: { chosen: "relay", why: "it works", relayFailure: null },
  pings: true,
  hasFuseOverlay: true,
  firstFreePort: 80,
  procMounts: [],
  clock: 1_800_000_000,
  packager: "apt",
};

type Change = Partial<HostReport>;
const namespaces = (change: Partial<HostReport["userNamespaces"]>): Change => ({
  userNamespaces: { ...WHOLE.userNamespaces, ...change },
});
const home = (change: Partial<HostReport["dataHome"]>): Change => ({ dataHome: { ...WHOLE.dataHome, ...change } });

describe("the findings about a host", () => {
  test("are all well where nothing is missing", () => {
    expect(findAll(WHOLE).filter(({ level }) => level !== "ok")).toEqual([]);
    const fuse = { driver: "fuse-overlayfs", why: "EINVAL" } as const;
    expect(findAll({ ...WHOLE, storage: fuse }).filter(({ level }) => level !== "ok")).toEqual([]);
    expect(firstProblem(WHOLE)).toBeNull();
  });

  test.each([
    [
      namespaces({ maximum: 0 }),
      "user namespaces",
      "problem",
      "max_user_namespaces is 0",
      "sysctl -w user.max_user_namespaces=28633",
    ],
    [
      namespaces({ mayClone: false }),
      "user namespaces",
      "problem",
      "unprivileged_userns_clone is 0",
      "sysctl -w kernel.unprivileged_userns_clone=1",
    ],
    [
      namespaces({ restricted: true, failure: "EPERM" }),
      "user namespaces",
      "problem",
      "EPERM",
      "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ],
    [namespaces({ failure: "EPERM" }), "user namespaces", "problem", "EPERM", null],
    [
      namespaces({ failure: "unshare(0x10000000) → EPERM", refused: { call: "unshare(0x10000000)", errno: 1 } }),
      "user namespaces",
      "problem",
      "EPERM",
      "sysctl -w kernel.unprivileged_userns_clone=1",
    ],
    [{ noNewPrivileges: true }, "newuidmap and newgidmap", "problem", "NoNewPrivs", null],
    [
      { mappers: [{ name: "newuidmap", path: null, privileged: false }] },
      "newuidmap and newgidmap",
      "warning",
      "newuidmap",
      "apt-get install -y uidmap",
    ],
    [
      { mappers: [{ name: "newuidmap", path: "/usr/bin/newuidmap", privileged: false }] },
      "newuidmap and newgidmap",
      "problem",
      "/usr/bin/newuidmap",
      "chmod u+s /usr/bin/newuidmap",
    ],
    [
      { subuid: "root:100000:65536\n" },
      "subordinate uids",
      "warning",
      "no line for ada",
      "usermod --add-subuids 165536-231071 ada",
    ],
    [
      { subgid: "1000:100000:1000\n" },
      "subordinate gids",
      "warning",
      "/etc/subgid",
      "usermod --add-subgids 101000-166535 ada",
    ],
    [{ subuid: "ada:100000:65536\neve:165535:10\n" }, "subordinate uids", "warning", "eve:165535:10", null],
    [{ procMounts: ["/proc/kcore"] }, "/proc", "problem", "/proc/kcore", null],
    [{ procMounts: ["/proc/kcore"], nested: true }, "/proc", "warning", "/proc/kcore", null],
    [{ storage: { driver: "copy", why: "EINVAL" } }, "storage", "warning", "EINVAL", null],
    [
      { storage: { driver: "copy", why: "EINVAL" }, hasFuseOverlay: false },
      "storage",
      "warning",
      "EINVAL",
      "apt-get install -y fuse-overlayfs",
    ],
    [{ ownIds: { uids: 1000, gids: 65_536 } }, "subordinate uids", "warning", "/proc/self/uid_map", null],
    [{ ownIds: { uids: 65_536, gids: 1 } }, "subordinate gids", "warning", "/proc/self/gid_map", null],
    [home({ filesystem: "nfs4", shared: "NFS" }), "data home", "problem", "nfs4", null],
    [home({ options: ["rw", "noexec"] }), "data home", "problem", "noexec", null],
    [home({ options: ["ro"] }), "data home", "problem", "ro", null],
    [home({ freeBytes: GIB / 2 }), "free space", "warning", "0.5 GiB", null],
    [
      { cgroup: { version: 1, delegated: null, controllers: [] } },
      "cgroups",
      "warning",
      "cgroup.controllers",
      "grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1",
    ],
    [
      { cgroup: { version: 2, delegated: null, controllers: [] } },
      "cgroups",
      "warning",
      "no group",
      "loginctl enable-linger ada",
    ],
    [
      { cgroup: { version: 2, delegated: "/g", controllers: ["memory", "pids"] } },
      "cgroups",
      "warning",
      "/g/cgroup.controllers",
      "mkdir -p /etc/systemd/system/user@.service.d",
    ],
    [{ lingers: false }, "after logout", "warning", "/var/lib/systemd/linger/ada", "loginctl enable-linger ada"],
    [{ devices: { tun: false, fuse: true } }, "way out", "warning", "/dev/net/tun", "modprobe tun"],
    [
      { wayOut: { chosen: null, why: "no", relayFailure: "no tproxy" }, packager: "dnf" },
      "way out",
      "warning",
      "no tproxy",
      "modprobe -a nf_tables nft_tproxy nft_socket nft_fib_inet",
    ],
    [{ pings: false }, "ping", "warning", "ping_group_range", 'sysctl -w net.ipv4.ping_group_range="0 2147483647"'],
    [{ devices: { tun: true, fuse: false } }, "/dev/fuse", "warning", "/dev/fuse", "modprobe fuse"],
    [{ firstFreePort: 1024 }, "low ports", "warning", "is 1024", "sysctl -w net.ipv4.ip_unprivileged_port_start=80"],
    [{ clock: 4_000_000_000 }, "clock", "problem", "2096", "timedatectl set-ntp true"],
    [{ clock: 0 }, "clock", "problem", "1970", "timedatectl set-ntp true"],
  ] as [Change, string, string, string, string | null][])("%#", (change, check, level, evidence, fix) => {
    const found = findAll({ ...WHOLE, ...change }).filter((finding) => finding.level !== "ok");
    expect(found.map((finding) => [finding.check, finding.level])).toEqual([[check, level]]);
    expect(found[0]?.evidence).toContain(evidence);
    expect(found[0]?.fix[0] ?? null).toBe(fix);
  });

  test("tell nobody in a container to load modules or to log in", () => {
    const poor = { nested: true, devices: { tun: false, fuse: false }, lingers: null };
    const found = findAll({ ...WHOLE, ...poor, cgroup: { version: 2, delegated: null, controllers: [] } });
    const wrong = found.filter(({ level }) => level !== "ok");
    expect(wrong.map(({ check, fix }) => [check, fix])).toEqual([
      ["cgroups", []],
      ["way out", []],
      ["/dev/fuse", []],
    ]);
    expect(wrong[1]?.cause).toContain("--device /dev/net/tun");
  });

  test("name the way out where no command can be run unasked", () => {
    const shared = findAll({ ...WHOLE, subuid: "ada:100000:65536\neve:165535:10\n" });
    expect(shared.find(({ evidence }) => evidence?.includes("eve"))?.cause).toEndWith(
      "usermod --del-subuids 100000-165535 --add-subuids 165545-231080 ada",
    );
    const hidden = findAll({ ...WHOLE, procMounts: ["/proc/kcore"] });
    expect(hidden.find(({ check }) => check === "/proc")?.cause).toContain("unmask=ALL");
  });

  test("about what stops containers come before what does not", () => {
    const poor = { ...WHOLE, ...namespaces({ maximum: 0 }), lingers: false, clock: 0 };
    expect(firstProblem(poor)?.check).toBe("user namespaces");
  });
});
