// The verbs around a container's life: restart, rename, port, exists, prune.

import { describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage();
const { it } = stage;

describe("restart", () => {
  it("ends the process and begins a new one, with the same files", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=c", NONE, "busybox", "sh", "-c", "date +%N >> /starts; exec sleep 1000"]);
    const before = await env.ok(["inspect", "-f", "{{.State.Pid}}", "c"]);
    expect(await env.ok(["restart", "-t", "0", "c"])).toBe("c");
    expect(await env.ok(["inspect", "-f", "{{.State.Pid}}", "c"])).not.toBe(before);
    expect((await env.ok(["exec", "c", "cat", "/starts"])).split("\n")).toHaveLength(2);
  });

  it("starts what does not run, tells what is not there, and refuses what removes itself", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", NONE, "busybox", "sleep", "1000"]);
    await env.ok(["run", "-d", "--rm", "--name=gone", NONE, "busybox", "sleep", "1000"]);
    const { code, stdout, stderr } = await env.run(["restart", "--time=0", "c", "nosuch", "gone"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "c\n" });
    expect(stderr).toContain("no such container: nosuch");
    expect(stderr).toContain("it removes itself when it stops");
    expect(await env.ok(["ps", "--format", "{{.Names}}", "--filter", "name=gone"])).toBe("gone");
    expect(await env.ok(["inspect", "-f", "{{.State.Running}}", "c"])).toBe("true");
  });
});

describe("rename", () => {
  it("gives a running container another name, which is then free again", async () => {
    const { env } = stage;
    const id = await env.ok(["run", "-d", "--name=old", NONE, "busybox", "sleep", "1000"]);
    expect(await env.ok(["rename", "old", "/new"])).toBe("");
    expect(await env.ok(["inspect", "-f", "{{.Name}} {{.Id}}", "new"])).toBe(`/new ${id}`);
    expect(await env.ok(["exec", "new", "echo", "here"])).toBe("here");
    await env.ok(["create", "--name=old", NONE, "busybox"]);
    expect(await env.fails(["rename", "old", "new"], 1)).toContain(
      `Conflict. The container name "/new" is already in use by container "${id}".`,
    );
    expect(await env.fails(["rename", "new", "new"], 1)).toContain("same name as its current name");
    expect(await env.fails(["rename", "new", "a b"], 1)).toContain("invalid container name (a b)");
    expect(await env.fails(["rename", "new", ""], 1)).toContain("Neither old nor new names may be empty");
    expect(await env.fails(["rename", "nosuch", "x"], 1)).toContain("no such container: nosuch");
  });
});

describe("port, exists and prune", () => {
  it("say what there is", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", NONE, "busybox"]);
    expect(await env.ok(["port", "c"])).toBe("");
    expect(await env.fails(["port", "c", "80"], 1)).toContain("no public port '80/tcp' published for c");
    expect(await env.fails(["port", "c", "x"], 1)).toContain("invalid port: x");
    await env.ok(["container", "exists", "c"]);
    expect(await env.fails(["container", "exists", "nosuch"], 1)).toBe("");
    await env.ok(["image", "exists", "busybox"]);
    expect(await env.fails(["image", "exists", "nosuch"], 1)).toBe("");
    expect(await env.ok(["system", "info", "-f", "{{.Containers}}"])).toBe("1");
  });

  it("remove what does not run, and nothing else", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=up", NONE, "busybox", "sleep", "1000"]);
    await env.ok(["create", "--name=kept", "--label", "keep=yes", NONE, "busybox"]);
    const id = await env.ok(["create", "--name=old", "--label", "keep=no", NONE, "busybox"]);
    expect(await env.ok(["container", "prune", "-f", "--filter", "until=1h"])).toBe("Total reclaimed space: 0B");
    const said = await env.ok(["container", "prune", "-f", "--filter", "label=keep=no"]);
    expect(said).toMatch(new RegExp(`^Deleted Containers:\n${id}\n\nTotal reclaimed space: \\d+\\S*B$`));
    expect(await env.fails(["container", "prune"], 1, { stdin: "\n" })).toContain("container prune has been canceled");
    expect(await env.ok(["container", "prune"], { stdin: "y\n" })).toContain(
      "This will remove all stopped containers.",
    );
    expect(await env.ok(["ps", "-a", "--format", "{{.Names}}"])).toBe("up");
  });
});
