// Which settings of the kernel may be a container's own.

import { expect, test } from "bun:test";
import { ensureOwnSysctls, isNamespacedSysctl } from "../../../src/container/index.ts";

test.each([
  "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni kernel.shm_rmid_forced",
  "fs.mqueue.msg_max fs.mqueue.queues_max net.core.somaxconn net.ipv4.ip_forward net.ipv6.conf.eth0.disable_ipv6",
])("a container has of its own: %s", (names) => {
  for (const name of names.split(" ")) expect([name, isNamespacedSysctl(name)]).toEqual([name, true]);
});

test.each([
  "kernel.core_pattern kernel.hostname kernel.domainname kernel.shm kernel.semx kernel vm.swappiness fs.file-max",
  "net net. net..core net/core/somaxconn net.ipv4/../../kernel/core_pattern net.core.somaxconn/ fs.mqueue fs.mqueue.",
  "fs.mqueue.a/b Net.core.somaxconn .net.core user.max_user_namespaces",
])("it shares with everybody: %s", (names) => {
  for (const name of ["", ...names.split(" ")]) expect([name, isNamespacedSysctl(name)]).toEqual([name, false]);
});

test("on the host's network, what concerns the network is the host's", () => {
  const message = 'sysctl "net.core.somaxconn" not allowed in host network namespace';
  expect(() => ensureOwnSysctls(["kernel.sem", "net.core.somaxconn"], { network: false, ipc: true })).toThrow(message);
  ensureOwnSysctls(["kernel.sem", "fs.mqueue.msg_max"], { network: false, ipc: true });
  ensureOwnSysctls(["net.core.somaxconn"], { network: true, ipc: false });
  expect(() => ensureOwnSysctls(["fs.mqueue.msg_max"], { network: true, ipc: false })).toThrow(
    'sysctl "fs.mqueue.msg_max" not allowed in host ipc namespace',
  );
});
