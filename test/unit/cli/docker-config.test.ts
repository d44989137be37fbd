// docker's config.json: what of it a command line needs.

import { describe, expect, test } from "bun:test";
import { parseDockerConfig, withProxies, withPruneFilters } from "../../../src/cli/docker-config.ts";

const NOTHING = {
  detachKeys: null,
  imagesFormat: null,
  networksFormat: null,
  psFormat: null,
  volumesFormat: null,
  proxies: [],
  pruneFilters: [],
};

test.each([
  [{}, {}],
  [{ auths: { x: {} }, unknown: 1, psFormat: "" }, {}],
  [
    { detachKeys: "ctrl-e,e", psFormat: "{{.ID}}" },
    { detachKeys: "ctrl-e,e", psFormat: "{{.ID}}" },
  ],
  [{ networksFormat: "{{.Name}}" }, { networksFormat: "{{.Name}}" }],
  [
    { proxies: { default: { httpProxy: "http://p:1", noProxy: "a,b", allProxy: "" } } },
    { proxies: ["HTTP_PROXY=http://p:1", "NO_PROXY=a,b"] },
  ],
  [{ proxies: { "tcp://other:2375": { httpProxy: "http://p:1" } } }, {}],
  [{ pruneFilters: ["label!=keep"] }, { pruneFilters: ["label!=keep"] }],
])("%j", (config, expected) => {
  expect(parseDockerConfig(JSON.stringify(config))).toEqual({ ...NOTHING, ...expected });
});

test.each([
  ["[]", "no JSON object"],
  ["{", "JSON"],
  ['{"detachKeys": 1}', '"detachKeys" is no string'],
  ['{"proxies": []}', '"proxies" is no object'],
  ['{"proxies": {"default": {"httpProxy": 1}}}', '"httpProxy" is no string'],
  ['{"pruneFilters": [1]}', '"pruneFilters" is not a list of strings'],
])("%s is refused", (text, complaint) => {
  expect(() => parseDockerConfig(text)).toThrow(complaint);
});

describe("proxies", () => {
  const proxies = ["HTTP_PROXY=http://p", "NO_PROXY=a"];
  test.each<[string[], string[]]>([
    [[], ["HTTP_PROXY=http://p", "http_proxy=http://p", "NO_PROXY=a", "no_proxy=a"]],
    [["A=1"], ["HTTP_PROXY=http://p", "http_proxy=http://p", "NO_PROXY=a", "no_proxy=a", "A=1"]],
    [
      ["http_proxy=x", "NO_PROXY"],
      ["HTTP_PROXY=http://p", "no_proxy=a", "http_proxy=x", "NO_PROXY"],
    ],
  ])("beside %j", (words, expected) => {
    expect(withProxies(words, proxies)).toEqual(expected);
  });
});

test.each<[[string, string][], string[], [string, string][]]>([
  [
    [],
    ["label!=keep", "label=x=y"],
    [
      ["label!", "keep"],
      ["label", "x=y"],
    ],
  ],
  [[["label", "keep"]], ["label!=keep"], [["label", "keep"]]],
  [
    [["label!", "x"]],
    ["label=x", "label=y"],
    [
      ["label!", "x"],
      ["label", "y"],
    ],
  ],
  [[["until", "1h"]], ["until=2h", "nonsense"], [["until", "1h"]]],
])("prune filters %j and %j", (words, configured, expected) => {
  expect(withPruneFilters(words, configured)).toEqual(expected);
});
