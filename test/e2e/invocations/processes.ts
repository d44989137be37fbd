// What runs, and how it ends.

import type { Row } from "../../support/invocation.ts";

export const PROCESSES: Row[] = [
  "run --rm busybox true",
  "run --rm busybox false",
  "run --rm busybox echo hello",
  "run --rm busybox sh -c 'exit 3'",
  "run --rm busybox sh -c 'exit 125'",
  "run --rm busybox sh -c 'exit 255'",
  "run --rm busybox sh -c 'exit 256'",
  "run --rm busybox sh -c 'echo said >&2; exit 4'",
  "run --rm busybox sh -c 'sh -c \"kill -9 \\$\\$\"'",
  "run --rm busybox sh -c 'exec sh -c \"kill -15 \\$\\$; exit 7\"'",
  // 127 and 126
  "run --rm busybox nowhere",
  "run --rm busybox /nowhere",
  "run --rm busybox ''",
  "run --rm busybox ./nowhere",
  "run --rm busybox bin/nowhere",
  "run --rm busybox /etc",
  "run --rm busybox /etc/passwd",
  [
    "run --rm busybox /etc/passwd/x",
    {
      code: 127,
      says: 'exec: "/etc/passwd/x": no such file or directory',
      because: "no command is there; docker takes it for a failed mount",
    },
  ],
  "run --rm --entrypoint nowhere busybox",
  "run --rm --entrypoint '' busybox true",
  "run --rm --entrypoint '' busybox",
  "run --rm --entrypoint /etc busybox",
  [
    "run -d --rm busybox nowhere",
    {
      prints: "",
      says: 'exec: "nowhere": executable file not found in $PATH',
      because: "an id is printed of what runs",
    },
  ],
  "start nocommand",
  "start -a nocommand",
  // flags end where the image is
  "run --rm busybox echo -d --rm",
  "run --rm -- busybox echo --",
  "run --rm busybox -x",
  "run --rm busybox --rm",
  // exec
  "exec up true",
  "exec up false",
  "exec up sh -c 'exit 3'",
  [
    "exec up nowhere",
    { code: 127, says: 'exec: "nowhere": executable file not found in $PATH', because: "podman's code, and a shell's" },
  ],
  "exec up /etc",
  "exec up /etc/passwd",
  ["exec up ''", { code: 127, says: 'exec: "": executable file not found in $PATH', because: "as run says it" }],
  "exec up sh -c 'kill -9 $$'",
  [
    "exec -w /nowhere up pwd",
    { code: 127, says: 'changing to the working directory "/nowhere"', because: "podman's code" },
  ],
  [
    "exec -w relative up pwd",
    {
      code: 1,
      says: "the working directory 'relative' is invalid, it needs to be an absolute path",
      because: "docker run's words, told before anything runs",
    },
  ],
  "exec -u nobody-here up true",
  "exec -u 4294967296 up true",
  "exec -e = up true",
  "exec --env-file /nowhere up true",
  "exec -d up true",
  [
    "exec -d up nowhere",
    { code: 127, says: 'exec: "nowhere": executable file not found in $PATH', because: "as without -d" },
  ],
  "exec nowhere true",
  ["exec done true", { says: 'container "done" is not running', because: "the name that was typed" }],
  ["exec fresh true", { says: 'container "fresh" is not running', because: "the name that was typed" }],
  "exec iced true",
  ["exec '' true", { says: "no such container: ", because: "docker's engine's words; a newer client has its own" }],
  "exec -t up echo hello",
];
