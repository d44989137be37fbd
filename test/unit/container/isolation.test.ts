// The isolation baseline as it is planned: what depends on the host and on the network.

import { describe, expect, test } from "bun:test";
import { planMaskedPaths, planSysctls, planSystemPaths } from "../../../src/container/isolation.ts";

describe("masked paths", () => {
  test("hide what each processor tells of its heat, where it does", () => {
    const thermal = (cpus: number[]) => planMaskedPaths(cpus, { kind: "none" }).filter((path) => path.includes("cpu"));
    expect(thermal([])).toEqual([]);
    expect(thermal([0, 1, 11])).toEqual([0, 1, 11].map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`));
  });

  test("hide more of /sys where it is the host's", () => {
    expect(planMaskedPaths([], { kind: "none" })).not.toContain("/sys/kernel");
    expect(planMaskedPaths([], { kind: "host" })).toContain("/sys/kernel");
  });

  test("are all below /proc or /sys, each once", () => {
    const paths = planMaskedPaths([0], { kind: "host" });
    expect(paths.filter((path) => !/^\/(proc|sys)\/[\w/-]+$/.test(path))).toEqual([]);
    expect(new Set(paths).size).toBe(paths.length);
  });
});

describe("system paths", () => {
  const masked = ["/proc/acpi", "/proc/keys", "/sys/firmware"];
  const { readonly } = planSystemPaths(masked);

  test("are as they are, unless flags uncover them or hide more", () => {
    expect(planSystemPaths(masked).masked).toEqual(masked);
    expect(planSystemPaths(masked, { masked: ["/a", "/proc/keys"] }).masked).toEqual([...masked, "/a"]);
    expect(planSystemPaths(masked, { unmasked: ["ALL"] })).toEqual({ masked: [], readonly: [] });
    expect(planSystemPaths(masked, { unmasked: ["ALL"], masked: ["/a"] }).masked).toEqual(["/a"]);
    expect(planSystemPaths(masked, { unmasked: ["/proc/sys"] })).toEqual({
      masked,
      readonly: readonly.filter((path) => path !== "/proc/sys"),
    });
  });

  test.each([
    ["/proc/*", ["/sys/firmware"]],
    ["/proc/????", ["/sys/firmware"]],
    ["/proc/[a-c]*", ["/proc/keys", "/sys/firmware"]],
    ["/proc/[!a-c]*", ["/proc/acpi", "/sys/firmware"]],
    ["/*", masked],
    ["/proc/ac.i", masked],
    ["/proc/acp", masked],
    ["/proc/(acpi", masked],
    ["/proc/[", masked],
  ])("%s uncovers what it matches", (pattern, left) => {
    expect(planSystemPaths(masked, { unmasked: [pattern] }).masked).toEqual(left);
  });

  test("a pattern that makes no sense is told", () => {
    expect(() => planSystemPaths(masked, { unmasked: ["/proc/[z-a]"] })).toThrow("is no pattern of paths");
  });
});

describe("sysctls", () => {
  const own = { inside: 0, outside: 1000, size: 1 };
  const cases: [string, { inside: number; outside: number; size: number }[], string][] = [
    ["one id", [own], "0 0"],
    ["the usual range", [own, { inside: 1, outside: 100_000, size: 65_536 }], "0 65536"],
    [
      "two ranges, the higher one first",
      [own, { inside: 1, outside: 500_000, size: 10 }, { inside: 11, outside: 100_000, size: 65_536 }],
      "0 10",
    ],
    // The kernel compares the host's numbers: a range that ends below its beginning would be none at all.
    [
      "a range below the user's own id",
      [
        { ...own, outside: 900_000 },
        { inside: 1, outside: 100_000, size: 65_536 },
      ],
      "0 0",
    ],
  ];
  test.each(cases)("let every group ping: %s", (_, map, range) => {
    expect(planSysctls(map, { kind: "none" })["net.ipv4.ping_group_range"]).toBe(range);
  });

  test("let everybody have any port, but not on the host's own network", () => {
    expect(planSysctls([own], { kind: "none" })["net.ipv4.ip_unprivileged_port_start"]).toBe("0");
    expect(planSysctls([own], { kind: "host" })).toEqual({});
  });
});
