// docker inspect of a container: our model in docker's JSON. Field names and shapes follow the Engine API (ContainerInspect).

import {
  type ContainerConfig,
  DEFAULT_SHM_SIZE,
  type IdMapping,
  MASKED_PATHS,
  parseCapability,
  planConfinement,
  type UsernsRequest,
} from "../container/index.ts";
import type { MountRequest } from "../volume/index.ts";
import type { Engine } from "./engine.ts";
import { readText } from "./host.ts";
import { HOST_CONFIG_DEFAULTS } from "./inspect-defaults.ts";
import { defaultLinks, networkSettings, portBindings } from "./network-view.ts";
import { rootOf } from "./spec.ts";
import { type ContainerView, readKeeperState, viewContainer } from "./view.ts";

const NEVER = "0001-01-01T00:00:00Z";
const OCTAL = 8;
/** As podman writes it: 0022. */
const UMASK_DIGITS = 4;

/** docker's JSON of one container. */
export function inspectContainer(engine: Engine, name: string): Record<string, unknown> {
  const view = viewContainer(engine, name);
  const { record } = view;
  const { config } = record;
  const directory = engine.store.layout.container(record.id);
  const { driver, directory: root } = rootOf(engine, record);
  const args = [...config.process.entrypoint, ...config.process.command];
  return {
    Id: record.id,
    Created: record.createdAt,
    Path: args[0] ?? "",
    Args: args.slice(1),
    State: stateOf(view),
    Image: record.imageId ?? "",
    ...(config.request.rootfs === undefined ? {} : { Rootfs: config.request.rootfs.path }),
    ResolvConfPath: `${directory}/resolv.conf`,
    HostnamePath: `${directory}/hostname`,
    HostsPath: `${directory}/hosts`,
    LogPath: `${directory}/log`,
    Name: `/${record.name}`,
    RestartCount: 0,
    Driver: driver,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: {
      ...hostConfigOf(config),
      Links: defaultLinks(engine, record),
      PidsLimit: view.status === "running" ? pidsLimit(engine, record.id) : null,
    },
    GraphDriver:
      root === null
        ? { Data: { UpperDir: `${directory}/upper`, WorkDir: `${directory}/work` }, Name: driver }
        : { Data: { RootDir: root }, Name: driver },
    Mounts: mountsOf(engine, config),
    Config: configOf(config),
    NetworkSettings: networkSettings(engine, view),
  };
}

function stateOf(view: ContainerView): Record<string, unknown> {
  return {
    Status: view.paused ? "paused" : view.status,
    Running: view.status === "running",
    Paused: view.paused,
    Restarting: false,
    OOMKilled: view.oomKilled,
    Dead: false,
    Pid: view.status === "running" ? view.pid : 0,
    ExitCode: view.exitCode,
    Error: view.error,
    StartedAt: view.startedAt ?? NEVER,
    FinishedAt: view.finishedAt ?? NEVER,
  };
}

function hostConfigOf(config: ContainerConfig): Record<string, unknown> {
  const { request } = config;
  const security = [
    ...(request.noNewPrivileges ? ["no-new-privileges"] : []),
    ...(request.confinement?.words ?? []),
    ...(request.seccomp === "default" ? [] : [`seccomp=${seccompText(request.seccomp)}`]),
  ];
  const systemPaths = planConfinement(request, MASKED_PATHS);
  const binds = request.mounts.filter((mount) => mount.kind === "bind");
  const named = request.mounts.flatMap((mount) =>
    mount.kind === "volume" && mount.name !== null ? [{ ...mount, source: mount.name }] : [],
  );
  const tmpfs = request.mounts.filter((mount) => mount.kind === "tmpfs");
  return {
    ...HOST_CONFIG_DEFAULTS,
    Binds: orNull(
      [...binds, ...named].map(({ source, target, readonly }) => `${source}:${target}${readonly ? ":ro" : ""}`),
    ),
    NetworkMode: request.network,
    PortBindings: portBindings(config),
    PublishAllPorts: request.publishAll ?? false,
    CgroupnsMode: request.spaces?.cgroup ?? "private",
    IpcMode: request.spaces?.ipc ?? "private",
    PidMode: request.spaces?.pid ?? "",
    UsernsMode: request.spaces?.user ?? (request.userns === undefined ? "" : usernsText(request.userns)),
    ...(request.userns?.kind === "maps" ? { IDMappings: idMappings(request.userns) } : {}),
    UTSMode: request.spaces?.uts ?? "",
    VolumesFrom: orNull(
      (request.volumesFrom ?? []).map(({ container, readonly }) => `${container}${readonly ? ":ro" : ""}`),
    ),
    AutoRemove: request.autoRemove,
    CapAdd: orNull(request.capAdd.map(parseCapability)),
    CapDrop: orNull(request.capDrop.map(parseCapability)),
    ReadonlyRootfs: request.readOnly,
    SecurityOpt: orNull(security),
    ...(tmpfs.length === 0
      ? {}
      : { Tmpfs: Object.fromEntries(tmpfs.map((mount) => [mount.target, tmpfsText(mount)])) }),
    ShmSize: request.shmSize ?? DEFAULT_SHM_SIZE,
    OomScoreAdj: request.oomScoreAdj ?? 0,
    ...(request.sysctls === undefined ? {} : { Sysctls: request.sysctls }),
    GroupAdd: orNull(request.groupAdd ?? []),
    Dns: request.names?.dns ?? [],
    DnsSearch: request.names?.dnsSearch ?? [],
    DnsOptions: request.names?.dnsOptions ?? [],
    ExtraHosts: orNull(request.names?.extraHosts ?? []),
    ...(request.annotations === undefined ? {} : { Annotations: request.annotations }),
    Privileged: request.privileged ?? false,
    Runtime: request.runtime?.name ?? "bunker",
    Devices: (request.devices ?? []).map(({ source, target }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: "rwm",
    })),
    MaskedPaths: systemPaths.masked,
    ReadonlyPaths: systemPaths.readonly,
    Ulimits: orNull(request.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft }))),
    ...(request.init ? { Init: true } : {}),
  };
}

function usernsText(userns: UsernsRequest): string {
  if (userns.kind === "keep") return `keep-id:uid=${userns.uid},gid=${userns.gid}`;
  return userns.kind === "maps" ? userns.mode : userns.kind;
}

/** podman's. */
function idMappings({ uid, gid }: { uid: IdMapping[]; gid: IdMapping[] }): Record<string, string[]> {
  const text = ({ inside, outside, size }: IdMapping): string => `${inside}:${outside}:${size}`;
  return { UidMap: uid.map(text), GidMap: gid.map(text) };
}

/** docker's nil list. */
function orNull<T>(list: T[]): T[] | null {
  return list.length === 0 ? null : list;
}

function seccompText(seccomp: "unconfined" | { profile: unknown }): string {
  return seccomp === "unconfined" ? seccomp : JSON.stringify(seccomp.profile);
}

function tmpfsText({ size, mode, readonly, exec }: Extract<MountRequest, { kind: "tmpfs" }>): string {
  const options = [
    ...(readonly ? ["ro"] : []),
    ...(exec ? ["exec"] : []),
    ...(size === null ? [] : [`size=${size}`]),
    ...(mode === null ? [] : [`mode=${mode.toString(OCTAL)}`]),
  ];
  return options.join(",");
}

/** What is in force, not what was meant: null where no controller was delegated. */
function pidsLimit(engine: Engine, id: string): number | null {
  const group = readKeeperState(engine.store.layout.runtime(id))?.cgroup ?? null;
  const limit = group === null ? "" : readText(`${group}/pids.max`).trim();
  return /^\d+$/.test(limit) ? Number(limit) : null;
}

function mountsOf(engine: Engine, config: ContainerConfig): Record<string, unknown>[] {
  const mounts: Record<string, unknown>[] = [];
  for (const mount of [...config.request.mounts, ...(config.binds ?? [])]) {
    if (mount.kind === "bind") {
      const { source, target, readonly, propagation } = mount;
      mounts.push({
        Type: "bind",
        Source: source,
        Destination: target,
        Mode: readonly ? "ro" : "",
        RW: !readonly,
        Propagation: propagation,
      });
    } else if (mount.kind === "tmpfs") {
      mounts.push({
        Type: "tmpfs",
        Source: "",
        Destination: mount.target,
        Mode: "",
        RW: !mount.readonly,
        Propagation: "",
      });
    } else if (mount.kind === "image") {
      const { image, target, readonly } = mount;
      mounts.push({ Type: "image", Source: image, Destination: target, Mode: "", RW: !readonly, Propagation: "" });
    }
  }
  for (const { name, target, readonly } of config.volumes) {
    const source = `${engine.store.layout.volume(name)}/_data`;
    mounts.push({
      Type: "volume",
      Name: name,
      Source: source,
      Destination: target,
      Driver: "local",
      Mode: "",
      RW: !readonly,
      Propagation: "",
    });
  }
  return mounts;
}

function configOf(config: ContainerConfig): Record<string, unknown> {
  const { request, process } = config;
  return {
    Hostname: config.hostname,
    Domainname: request.domainname ?? "",
    User: process.user,
    AttachStdin: request.attach === null ? request.openStdin : request.attach.includes("stdin"),
    AttachStdout: request.attach?.includes("stdout") ?? true,
    AttachStderr: request.attach?.includes("stderr") ?? true,
    Tty: request.tty,
    OpenStdin: request.openStdin,
    StdinOnce: request.stdinOnce,
    Env: process.env,
    Cmd: process.command.length === 0 ? null : process.command,
    Image: request.image,
    Volumes: config.volumes.length === 0 ? null : Object.fromEntries(config.volumes.map(({ target }) => [target, {}])),
    ExposedPorts: Object.fromEntries(process.exposedPorts.map((port) => [port, {}])),
    WorkingDir: process.workdir,
    Entrypoint: process.entrypoint.length === 0 ? null : process.entrypoint,
    OnBuild: null,
    Labels: process.labels,
    StopSignal: process.stopSignal,
    ...(request.noHealthcheck === true ? { Healthcheck: { Test: ["NONE"] } } : {}),
    ...(request.timeout === undefined ? {} : { Timeout: request.timeout }),
    ...(request.timezone === undefined ? {} : { Timezone: request.timezone }),
    ...(request.umask === undefined ? {} : { Umask: request.umask.toString(OCTAL).padStart(UMASK_DIGITS, "0") }),
    ...(request.stopTimeout === null ? {} : { StopTimeout: request.stopTimeout }),
  };
}
