import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseChallenges } from "../../../src/registry/challenge.ts";

function plain(header: string | null): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe("parseChallenges", () => {
  test.each<[what: string, header: string | null, expected: [string, Record<string, string>][]]>([
    ["a missing header", null, []],
    ["an empty header", "", []],
    ["only separators", " , ,, ", []],
    ["Basic with a realm", 'Basic realm="Registry"', [["basic", { realm: "Registry" }]]],
    [
      "docker hub's",
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"',
      [
        [
          "bearer",
          {
            realm: "https://auth.docker.io/token",
            service: "registry.docker.io",
            scope: "repository:library/alpine:pull",
          },
        ],
      ],
    ],
    [
      "a comma in quotes",
      'Bearer realm="https://a/",scope="repository:a:pull,push"',
      [["bearer", { realm: "https://a/", scope: "repository:a:pull,push" }]],
    ],
    [
      "several challenges",
      'Bearer realm="https://a/t", Basic realm="b"',
      [
        ["bearer", { realm: "https://a/t" }],
        ["basic", { realm: "b" }],
      ],
    ],
    [
      "a scheme without parameters",
      'Negotiate, Basic realm="x"',
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    [
      "token68",
      'Negotiate YIIabc+/==, Basic realm="x"',
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    ["names and schemes in any case", 'BEARER Realm="https://A/"', [["bearer", { realm: "https://A/" }]]],
    ["escaped quotes", 'Basic realm="a\\"b\\\\c"', [["basic", { realm: 'a"b\\c' }]]],
    [
      "spaces around equals",
      'Bearer realm = "https://a/" , service= x',
      [["bearer", { realm: "https://a/", service: "x" }]],
    ],
    [
      "a URL without quotes",
      "Bearer realm=https://a/token,service=b",
      [["bearer", { realm: "https://a/token", service: "b" }]],
    ],
    [
      "a repeated parameter: the first counts",
      'Bearer realm="https://a/",realm="https://evil/"',
      [["bearer", { realm: "https://a/" }]],
    ],
    ["a quote never closed", 'Bearer realm="https://a/', [["bearer", {}]]],
    ["an empty value", 'Basic realm=""', [["basic", { realm: "" }]]],
    [
      "a name that objects know",
      'Basic __proto__="x",constructor="y"',
      [["basic", { ["__proto__"]: "x", constructor: "y" }]],
    ],
  ])("reads %s", (_what, header, expected) => {
    expect(JSON.stringify(plain(header))).toBe(JSON.stringify(expected));
  });

  test("takes at most sixteen challenges", () => {
    expect(parseChallenges('Basic realm="x", '.repeat(1000))).toHaveLength(16);
  });

  test("finds again whatever was written, in any order and spacing", () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const value = fc.string({ maxLength: 20, unit: "binary-ascii" }).filter((text) => /^[ -~]*$/.test(text));
    const challenge = fc.record({
      scheme: token,
      parameters: fc.uniqueArray(fc.tuple(token, value), { selector: ([name]) => name, minLength: 1, maxLength: 4 }),
    });
    const space = fc.constantFrom("", " ", "  ", "\t");
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), space, (challenges, gap) => {
        const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
        const header = challenges
          .map(
            ({ scheme, parameters }) =>
              `${scheme} ${parameters.map(([name, text]) => `${name}${gap}=${gap}${quote(text)}`).join(`${gap},${gap}`)}`,
          )
          .join(`${gap},${gap}`);
        expect(
          parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, parameters: [...parameters] })),
        ).toEqual(challenges);
      }),
    );
  });

  test("takes anything without failing, and in little time", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: fc.constantFrom(...'aB ,="\\;/+~\t\u0000é') }), (text) => {
        for (const { scheme } of parseChallenges(text)) expect(scheme).toMatch(/^[!-~]+$/);
      }),
    );
    const started = performance.now();
    for (const piece of ['a="', "a=\\", '"', ", ", "a ", '\\"', "aaaa====="]) parseChallenges(piece.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
