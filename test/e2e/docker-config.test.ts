// docker's config.json: proxies in containers, formats and detach keys where no flag says otherwise.

import { afterEach, describe, expect } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage();
const { it } = stage;

afterEach(() => {
  rmSync(join(stage.env.home, ".docker"), { recursive: true, force: true });
});

function configure(config: unknown, directory = join(stage.env.home, ".docker")): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
}

describe("docker's config.json", () => {
  it("tells containers of the default proxies, unless -e says otherwise", async () => {
    const { env } = stage;
    configure({ proxies: { default: { httpProxy: "http://p:3128", noProxy: "localhost" } } });
    const show = ["busybox", "sh", "-c", "env | grep -i proxy | sort"];
    expect(await env.ok(["run", "--rm", NONE, ...show])).toBe(
      "HTTP_PROXY=http://p:3128\nNO_PROXY=localhost\nhttp_proxy=http://p:3128\nno_proxy=localhost",
    );
    await env.ok(["create", "--name=c", NONE, "-e", "http_proxy=mine", "-e", "NO_PROXY=", ...show]);
    expect(await env.ok(["start", "-a", "c"])).toBe(
      "HTTP_PROXY=http://p:3128\nNO_PROXY=\nhttp_proxy=mine\nno_proxy=localhost",
    );
  });

  it("gives ps, images, volume ls and network ls their formats; flags win", async () => {
    const { env } = stage;
    configure({
      psFormat: "{{.Names}}",
      imagesFormat: "{{.Repository}}!",
      volumesFormat: "<{{.Name}}>",
      networksFormat: "({{.Name}})",
    });
    const id = await env.ok(["create", "--name=c", NONE, "-v", "data:/data", "busybox"]);
    expect(await env.ok(["ps", "-a"])).toBe("c");
    expect(await env.ok(["ps", "-aq", "--no-trunc"])).toBe(id);
    expect(await env.ok(["ps", "-a", "--format", "{{.ID}}", "--no-trunc"])).toBe(id);
    expect(await env.ok(["ps", "-a", "--format", "table"])).toStartWith("CONTAINER ID");
    expect(await env.ok(["images", "busybox"])).toBe("busybox!");
    expect(await env.ok(["volume", "ls"])).toBe("<data>");
    expect(await env.ok(["network", "ls"])).toBe("(bridge)\n(host)\n(none)");
    expect(await env.ok(["network", "ls", "--format", "{{.Driver}}"])).toBe("bridge\nhost\nnull");
    expect(await env.ok(["network", "ls", "-q"])).toMatch(/^([0-9a-f]{12}\n?){3}$/);
    await env.ok(["rm", "c"]);
    configure({ pruneFilters: ["label!=keep"] });
    await env.ok(["create", "--name=kept", "--label=keep", NONE, "busybox"]);
    await env.ok(["container", "prune", "-f"]);
    expect(await env.ok(["ps", "-aq"])).not.toBe("");
    await env.ok(["container", "prune", "-f", "--filter", "label=keep"]);
    expect(await env.ok(["ps", "-aq"])).toBe("");
    await env.ok(["volume", "rm", "data"]);
  });

  it("says which keys detach", async () => {
    const { env } = stage;
    const directory = join(env.makeDirectory("elsewhere"), "docker");
    configure({ detachKeys: "ctrl-x,y" }, directory);
    const environment = { DOCKER_CONFIG: directory };
    const session = env.terminal(["run", "-it", "--name=c", NONE, "busybox", "sh"], { environment });
    await session.waitFor(/# /);
    session.type("\u0018y");
    expect(await session.exited()).toMatchObject({ code: 0 });
    expect(await env.ok(["ps", "--format", "{{.Names}}"], { environment })).toBe("c");
    configure({ detachKeys: "ctrl-x,yes" }, directory);
    expect(await env.fails(["attach", "c"], 1, { environment })).toContain("invalid detach keys (ctrl-x,yes) provided");
  });

  it("that cannot be understood is told of, and is as good as none", async () => {
    const { env } = stage;
    configure("{");
    const { code, stdout, stderr } = await env.run(["run", "--rm", NONE, "busybox", "echo", "hello"]);
    expect([code, stdout]).toEqual([0, "hello\n"]);
    expect(stderr).toContain("WARNING: Error loading config file: ");
    expect(stderr.match(/WARNING/g)).toHaveLength(1);
    configure({ psFormat: 7 });
    expect((await env.run(["ps"])).stderr).toContain('config.json: "psFormat" is no string');
  });
});
