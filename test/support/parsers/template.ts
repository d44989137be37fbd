// Go's templates, run against what inspect and the tables give them.

import { shapeInspection } from "../../../src/cli/inspect-shape.ts";
import { compileTemplate } from "../../../src/cli/template.ts";
import { ensure, parser } from "../parsers.ts";

const INSPECTION = shapeInspection({
  Id: "0123",
  Name: "/web",
  Config: { Env: ["A=1", "B=2"], Labels: { a: "1", "b.c": "2" }, Cmd: null, Tty: false },
  State: { ExitCode: 3, Running: true, Pid: 0 },
  Mounts: [{ Source: "/a", RW: true }],
});
/** More would be a bomb: an action prints at most what is there, a few times over. */
const LONGEST = 16 * 1024 * 1024;
/** Of fields that nobody asked for: those of the engine's own objects. */
const INNARDS = /\[object |function|native code/;

export const PARSERS = [
  parser({
    name: "template",
    parse: (text) => compileTemplate(text).execute(INSPECTION),
    seeds: [
      "{{.Id}} {{.State.ExitCode}}",
      "{{range .Config.Env}}{{println .}}{{else}}none{{end}}",
      "{{if and .State.Running (not .Config.Tty)}}up{{else if eq .Name `x`}}x{{end}}",
      '{{range $k, $v := .Config.Labels}}{{$k}}={{$v | upper}} {{end}}{{index .Config.Labels "b.c"}}',
      '{{json .Mounts}}{{printf "%-10s|%5d|%q|%v|%x" .Name .State.Pid .Id .Config.Cmd "z"}}',
      '{{with $x := .State}}{{- $x.Pid -}}{{end}}{{/* note */}}{{join .Config.Env ","}}{{len .Name}}{{slice .Name 1 3}}',
      '{{split "a,b" ","}}{{title "x"}}{{pad .Id 1 2}}{{truncate .Id 2}}{{1 | printf "%d"}}{{break}}',
    ],
    check(text, source) {
      ensure(text.length <= LONGEST, "output of a bearable length");
      ensure(!INNARDS.test(text) || INNARDS.test(source), "data and nothing of ours");
    },
  }),
];
