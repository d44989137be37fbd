// What docker's `GET /info` says, as far as there is an answer, and why this host got the means it got.

import { readdirSync } from "node:fs";
import { findAll, type HostReport } from "../host/index.ts";
import type { Engine } from "./engine.ts";
import { readText } from "./host.ts";
import { readHostReport } from "./host-report.ts";
import { listContainers } from "./list.ts";
import { storageChoice } from "./storage.ts";

const MACHINES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };
const KIB = 1024;

/** A means that was chosen, and why that one. */
export interface Choice {
  what: string;
  chosen: string;
  why: string;
}

/** The Engine API's SystemInfo; `Choices` is our own. */
export function describeEngine(engine: Engine): Record<string, unknown> & { Choices: Choice[]; Warnings: string[] } {
  const report = readHostReport(engine);
  const views = listContainers(engine, { active: false });
  const running = views.filter(({ status, paused }) => status === "running" && !paused).length;
  const paused = views.filter((view) => view.paused).length;
  const { dataHome } = engine.store.layout;
  return {
    ID: readText("/etc/machine-id").trim(),
    Containers: views.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: views.length - running - paused,
    Images: engine.store.images.list().length,
    Driver: storageChoice(engine).driver,
    DriverStatus: [
      ["Backing Filesystem", report.dataHome.filesystem],
      ["userxattr", "true"],
    ],
    LoggingDriver: "json-file",
    CgroupDriver: report.cgroup.delegated === null ? "none" : "cgroupfs",
    CgroupVersion: report.cgroup.version === 0 ? "" : String(report.cgroup.version),
    PidsLimit: report.cgroup.controllers.includes("pids"),
    KernelVersion: readText("/proc/sys/kernel/osrelease").trim(),
    OperatingSystem: /^PRETTY_NAME="?([^"\n]*)/m.exec(readText("/etc/os-release"))?.[1] ?? "Linux",
    OSType: "linux",
    Architecture: MACHINES[process.arch] ?? process.arch,
    NCPU: countProcessors(),
    MemTotal: Number(/^MemTotal:\s+(\d+)/m.exec(readText("/proc/meminfo"))?.[1] ?? 0) * KIB,
    DockerRootDir: dataHome,
    Name: engine.host().hostname,
    SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless", "name=userns", "name=cgroupns"],
    DefaultRuntime: "bunker",
    Choices: choices(engine, report),
    Warnings: findAll(report)
      .filter(({ level }) => level !== "ok")
      .map(({ check, cause }) => `${check}: ${cause}`),
  };
}

function choices(engine: Engine, { cgroup, mappers, wayOut }: HostReport): Choice[] {
  const host = engine.host();
  const storage = storageChoice(engine);
  const list = (ranges: typeof host.subuids): string =>
    ranges.map(({ start, count }) => `${start}+${count}`).join(", ");
  const mapping =
    host.newuidmap === null ? "all there are here, which root maps itself" : "/etc/subuid, mapped by newuidmap";
  const groupMapping =
    host.newgidmap === null ? "all there are here, which root maps itself" : "/etc/subgid, mapped by newgidmap";
  const unmapped = mappers.some(({ path }) => path === null)
    ? "newuidmap or newgidmap is not installed"
    : "/etc/subuid or /etc/subgid has no line for you";
  return [
    { what: "storage", chosen: storage.driver, why: storage.why },
    host.subuids.length > 0 && host.subgids.length > 0
      ? { what: "user ids", chosen: `0 is you, from 1 on ${list(host.subuids)}`, why: mapping }
      : { what: "user ids", chosen: "0 is you, and there is no other", why: unmapped },
    host.subuids.length > 0 && host.subgids.length > 0
      ? { what: "group ids", chosen: `0 is your group, from 1 on ${list(host.subgids)}`, why: groupMapping }
      : { what: "group ids", chosen: "0 is your group, and there is no other", why: unmapped },
    cgroup.delegated === null
      ? { what: "cgroups", chosen: "none", why: "no group of version 2 is yours" }
      : {
          what: "cgroups",
          chosen: cgroup.delegated,
          why: `the topmost group that is yours, with ${cgroup.controllers.join(", ") || "no controllers"}`,
        },
    { what: "way out", chosen: wayOut.chosen ?? "none", why: wayOut.why },
  ];
}

function countProcessors(): number {
  return readdirSync("/sys/devices/system/cpu").filter((name) => /^cpu\d+$/.test(name)).length;
}
