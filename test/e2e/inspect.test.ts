// bunker inspect of containers, in docker's shapes.

import { describe, expect } from "bun:test";

import { busyboxWith, useStage } from "../support/stage.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/;
const NEVER = "0001-01-01T00:00:00Z";

const stage = useStage({
  prepare: async (opened) => {
    await opened.add(
      "full",
      busyboxWith({
        Entrypoint: ["sh"],
        Cmd: ["-c", "exit 3"],
        Volumes: { "/data": {} },
        ExposedPorts: { "80/tcp": {} },
        Labels: { l: "image" },
        WorkingDir: "/tmp",
      }),
    );
  },
});
const { it } = stage;

interface Inspection {
  [key: string]: unknown;
  State: Record<string, unknown>;
  Config: Record<string, unknown>;
  HostConfig: Record<string, unknown>;
  Mounts: Record<string, unknown>[];
  NetworkSettings: Record<string, unknown>;
}

async function inspect(...words: string[]): Promise<Inspection[]> {
  return JSON.parse(await stage.env.ok(["inspect", ...words])) as Inspection[];
}

async function one(name: string): Promise<Inspection> {
  const [found] = await inspect(name);
  if (found === undefined) throw new Error(`nothing about ${name}`);
  return found;
}

describe("inspect", () => {
  it("tells what was asked for, in docker's fields", async () => {
    const id = await stage.env.ok([
      ..."create --name all -it -e A=1 -u 1000:5 -w / --hostname box --domainname example.org --init".split(" "),
      "-v",
      `${stage.env.home}:/home/me:ro`,
      "--tmpfs",
      "/t:size=1m",
      "--read-only",
      "--cap-add",
      "NET_ADMIN",
      "--cap-drop",
      "CHOWN",
      ..."--security-opt no-new-privileges --security-opt seccomp=unconfined --label l=mine --network none".split(" "),
      ..."--stop-signal INT --stop-timeout 7 --ulimit nofile=10:20 --rm --entrypoint top full -d 1".split(" "),
    ]);
    const found = await one("all");
    const imageId = await stage.env.ok(["inspect", "--type", "image", "-f", "{{.Id}}", "full"]);
    expect(found).toMatchObject({
      Id: id,
      Name: "/all",
      Path: "top",
      Args: ["-d", "1"],
      Image: imageId,
      RestartCount: 0,
      Platform: "linux",
      Driver: "overlay",
    });
    expect(found["Created"]).toMatch(TIME);
    expect(found.Config).toEqual({
      Hostname: "box",
      Domainname: "example.org",
      User: "1000:5",
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      ExposedPorts: { "80/tcp": {} },
      Tty: true,
      OpenStdin: true,
      StdinOnce: true,
      Env: ["PATH=/bin:/sbin:/usr/bin", "A=1"],
      Cmd: ["-d", "1"],
      Image: "full",
      Volumes: { "/data": {} },
      WorkingDir: "/",
      Entrypoint: ["top"],
      OnBuild: null,
      Labels: { l: "mine" },
      StopSignal: "INT",
      StopTimeout: 7,
    });
    expect(found.HostConfig).toMatchObject({
      Binds: [`${stage.env.home}:/home/me:ro`],
      ContainerIDFile: "",
      NetworkMode: "none",
      PortBindings: {},
      RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
      AutoRemove: true,
      VolumesFrom: null,
      CapAdd: ["CAP_NET_ADMIN"],
      CapDrop: ["CAP_CHOWN"],
      Dns: [],
      ExtraHosts: null,
      GroupAdd: null,
      IpcMode: "private",
      PidMode: "",
      UTSMode: "",
      Privileged: false,
      PublishAllPorts: false,
      ReadonlyRootfs: true,
      SecurityOpt: ["no-new-privileges", "seccomp=unconfined"],
      Tmpfs: { "/t": "size=1048576" },
      ShmSize: 67_108_864,
      Memory: 0,
      NanoCpus: 0,
      PidsLimit: null,
      Ulimits: [{ Name: "nofile", Hard: 20, Soft: 10 }],
      Init: true,
    });
    expect(found.HostConfig["LogConfig"]).toHaveProperty("Type");
    expect(found.HostConfig["MaskedPaths"]).toContain("/proc/kcore");
    expect(found.HostConfig["ReadonlyPaths"]).toContain("/proc/sys");
    expect(found.Mounts.map(({ Name: _name, Source: _source, ...mount }) => mount)).toMatchObject([
      { Type: "bind", Destination: "/home/me", Mode: "ro", RW: false, Propagation: "rprivate" },
      { Type: "tmpfs", Destination: "/t", RW: true },
      { Type: "volume", Destination: "/data", Driver: "local", Mode: "", RW: true, Propagation: "" },
    ]);
    expect(found.NetworkSettings).toMatchObject({ Ports: {}, Networks: { none: {} } });
  });

  it("tells the state in each of its stages", async () => {
    await stage.env.ok([
      "create",
      "--name",
      "c",
      "-i",
      "--network",
      "none",
      "busybox",
      "sh",
      "-c",
      "read line; exit 3",
    ]);
    const created = {
      Status: "created",
      Running: false,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: 0,
      ExitCode: 0,
      Error: "",
    };
    expect((await one("c")).State).toEqual({ ...created, StartedAt: NEVER, FinishedAt: NEVER });
    await stage.env.ok(["start", "c"]);
    const running = (await one("c")).State;
    expect(running).toMatchObject({
      ...created,
      Status: "running",
      Running: true,
      Pid: running["Pid"],
      FinishedAt: NEVER,
    });
    expect(running["StartedAt"]).toMatch(TIME);
    expect(Number(running["Pid"])).toBeGreaterThan(1);
    await stage.env.run(["attach", "c"], { stdin: "go\n" });
    const ended = (await one("c")).State;
    expect(ended).toMatchObject({ ...created, Status: "exited", ExitCode: 3 });
    expect(ended["FinishedAt"]).toMatch(TIME);
    expect(String(ended["FinishedAt"]) > String(ended["StartedAt"])).toBe(true);
  });

  it("has defaults as docker's where nothing was asked for", async () => {
    await stage.env.ok(["create", "--name", "c", "busybox"]);
    const { Config, HostConfig, Mounts } = await one("c");
    expect(Config).toMatchObject({
      AttachStdin: false,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Volumes: null,
      Entrypoint: null,
      Cmd: ["sh"],
      Labels: {},
    });
    expect(Config).not.toHaveProperty("StopTimeout");
    expect(HostConfig).toMatchObject({
      Binds: null,
      NetworkMode: "bridge",
      AutoRemove: false,
      CapAdd: null,
      CapDrop: null,
      SecurityOpt: null,
      Ulimits: null,
      ReadonlyRootfs: false,
    });
    expect(Mounts).toEqual([]);
    // Detached, nothing is attached.
    await stage.env.ok(["run", "-d", "--name", "d", "-i", "busybox", "true"]);
    expect((await one("d")).Config).toMatchObject({
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: false,
      OpenStdin: true,
      StdinOnce: false,
    });
  });

  it("of several shows all, and tells what is missing at the end", async () => {
    await stage.env.ok(["create", "--name", "a", "busybox"]);
    await stage.env.ok(["create", "--name", "b", "busybox"]);
    expect((await inspect("a", "b", "busybox")).map(({ Id }) => String(Id).length)).toEqual([64, 64, 71]);
    const result = await stage.env.run(["inspect", "-f", "{{.Name}}", "a", "nosuch", "b"]);
    expect(result).toMatchObject({ code: 1, stdout: "/a\n/b\n" });
    expect(result.stderr).toContain("no such object: nosuch");
    expect(await stage.env.run(["inspect", "nosuch"])).toMatchObject({ code: 1, stdout: "[]\n" });
    expect(await stage.env.fails(["container", "inspect", "busybox"], 1)).toContain("no such container: busybox");
    expect(await stage.env.fails(["inspect", "--type", "container", "busybox"], 1)).toContain("busybox");
  });

  it("takes docker's templates, and --size", async () => {
    await stage.env.ok(["run", "--name", "c", "-l", "x.y=z", "full"]).catch(() => "");
    const format = (template: string) => stage.env.ok(["inspect", "-f", template, "c"]);
    expect(await format('{{index .Config.Labels "x.y"}} {{.State.ExitCode}} {{json .Config.Cmd}}')).toBe(
      'z 3 ["-c","exit 3"]',
    );
    expect(await format("{{range .Mounts}}{{.Type}} {{.Destination}};{{end}}")).toBe("volume /data;");
    expect(await format("{{range $key, $value := .NetworkSettings.Networks}}{{$key}}{{end}}")).toMatch(/^\w+$/);
    expect(await format("{{range .Config.Env}}{{println .}}{{end}}")).toBe("PATH=/bin:/sbin:/usr/bin\n");
    expect(
      await format("{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}} {{.NetworkSettings.IPAddress}}"),
    ).toBe("0 no ");
    expect(await stage.env.fails(["inspect", "-f", "{{.Nosuch}}", "c"], 1)).toContain("Nosuch");
    expect(await stage.env.fails(["inspect", "-f", "{{", "c"], 64)).toContain("template parsing error");
    const [sized] = JSON.parse(await stage.env.ok(["inspect", "-s", "c"])) as [{ SizeRw: number; SizeRootFs: number }];
    expect(sized.SizeRw).toBe(0);
    expect(sized.SizeRootFs).toBeGreaterThan(100_000);
  });
});
