// Go's templates as docker's users write them: compared with docker's own answers, then our own limits.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { shapeInspection } from "../../../src/cli/inspect-shape.ts";
import { compileTemplate, GoNil, goJson, TemplateError } from "../../../src/cli/template.ts";
import { CASES, INSPECTION } from "./template-cases.ts";

function answer(template: string, data: unknown): string {
  try {
    return compileTemplate(template).execute(data);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return `! ${error.message}`;
  }
}

describe("a template gives what docker's client gives", () => {
  const data = shapeInspection(INSPECTION);
  test.each(CASES)("%s", (template, expected) => {
    expect(answer(template, data)).toBe(expected);
  });
});

describe("a template sees own data only", () => {
  const data = shapeInspection({ Name: "x", List: ["a"], Labels: { a: "1" } });
  test.each([
    "{{.constructor}}",
    "{{.__proto__}}",
    "{{.toString}}",
    "{{.hasOwnProperty}}",
    "{{.Name.length}}",
    "{{.List.length}}",
    "{{.List.map}}",
    "{{.Name.constructor}}",
  ])("%s is a field that nothing has", (template) => {
    expect(answer(template, data)).toMatch(/no entry for key|can't evaluate field/);
  });

  test.each([
    ["{{.Labels.constructor}}", "<no value>"],
    ["{{.Labels.__proto__}}", "<no value>"],
    ['{{index .Labels "constructor"}}', ""],
    ['{{index .Labels "__proto__"}}', ""],
    ['{{index . "constructor"}}', "<no value>"],
  ])("%s is a key that no map has", (template, expected) => {
    expect(answer(template, data)).toBe(expected);
  });

  test("a label called __proto__ is a label", () => {
    const labels = JSON.parse('{"Labels":{"__proto__":"mine"}}') as unknown;
    expect(answer('{{index .Labels "__proto__"}}', shapeInspection(labels))).toBe("mine");
  });
});

describe("a template that is a bomb is stopped", () => {
  test.each([
    [
      "nested a thousand deep",
      "{{(".repeat(1) + "(".repeat(1000) + "1" + ")".repeat(1001) + "}}",
      /maximum nesting depth/,
    ],
    ["a thousand blocks", "{{if true}}".repeat(1000) + "{{end}}".repeat(1000), /maximum nesting depth/],
    ["a million million rounds", "{{range 1000000}}{{range 1000000}}x{{end}}{{end}}", /does not come to an end/],
    ["a huge loop without a body", "{{range 999999999999}}{{end}}", /does not come to an end/],
    ["a huge pad", '{{pad "a" 999999999 0}}', /too long/],
    ["too long to be written by anybody", "x".repeat(2_000_000), /longer than/],
  ])("%s", (_, template, expected) => {
    expect(answer(template, {})).toMatch(expected);
  });

  test("a huge width is refused as Go refuses it", () => {
    expect(answer('{{printf "%1000000000d" 1}}', {})).toBe("%!(BADWIDTH)1");
  });
});

describe("values Go knows and JSON does not", () => {
  test.each([
    [{ List: new GoNil("slice") }, "{{.List}}", "[]"],
    [{ Map: new GoNil("map") }, "{{.Map}}", "map[]"],
    [{ Map: new GoNil("map") }, "{{.Map.x}}", "<no value>"],
    [{ Pointer: null }, "{{.Pointer}}", "<nil>"],
    [{ Pointer: null }, "{{if .Pointer}}a{{else}}b{{end}}", "b"],
    [{ List: new GoNil("slice") }, "{{json .List}} {{len .List}}", "null 0"],
    [{ Deep: [{ A: 1, B: [true, null] }] }, "{{.Deep}}", "[{1 [true <nil>]}]"],
    [
      {
        Deep: new Map([
          ["b", 2],
          ["a", 1],
        ]),
      },
      "{{.Deep}} {{json .Deep}}",
      'map[a:1 b:2] {"a":1,"b":2}',
    ],
    [{ Label: (name: unknown) => `<${String(name)}>` }, '{{.Label "x"}} {{(.Label "y")}}', "<x> <y>"],
  ] as [unknown, string, string][])("%j with %s", (data, template, expected) => {
    expect(answer(template, data)).toBe(expected);
  });

  test("JSON escapes what would steer a terminal", () => {
    expect(goJson({ a: "\u001b[31m\u009b\u202e" })).toBe('{"a":"\\u001b[31m\\u009b\\u202e"}');
  });

  test("JSON as Go's Marshal escapes it for HTML", () => {
    expect(goJson("<a>&", { html: true })).toBe('"\\u003ca\\u003e\\u0026"');
  });

  test("what actions print goes through the escape, the template's own text does not", () => {
    const template = compileTemplate("\u001b[1m{{.A}}", { escape: (text) => text.replaceAll("\u001b", "ESC") });
    expect(template.execute({ A: "\u001b" })).toBe("\u001b[1mESC");
  });
});

test("whatever is written, it is text or Go's complaint", () => {
  const pieces =
    "{{ }} {{- -}} if else end range with . .A .Labels $ $x := = , | ( ) \"a\" `b` 'c' 1 -2.5 nil true printf index len json break {{/* */}}";
  const piece = fc.oneof(fc.constantFrom(...pieces.split(" "), " ", "\n"), fc.string({ unit: "binary", maxLength: 3 }));
  const data = shapeInspection({ A: [1, "x", null, { B: false }], Labels: { a: "1" } });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (parts) => {
      expect(typeof answer(parts.join(""), data)).toBe("string");
      expect(typeof answer(`{{${parts.join(" ")}}}`, data)).toBe("string");
    }),
    { numRuns: 300 },
  );
});
