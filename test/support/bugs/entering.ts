// Planted bugs of security.md §2a: entering and leaving a container.

import { type Bug, type Exempt, inSandbox } from "./bug.ts";

const PROGRAMS = "security/programs.test.ts";
const IMAGE_DATA = "security/image-data.test.ts";

export const ENTERING: Bug[] = [
  {
    row: "V01",
    about: "the keeper is run from a file of the user's, not from sealed memory",
    edits: [
      {
        file: "crates/sys/src/client/executable.rs",
        is: "    match sealed_memfd(content) {\n",
        becomes: "    match unnamed_file(content, directory) {\n",
      },
    ],
    caughtBy: { file: PROGRAMS, name: "that stays as PID 1 is sealed" },
  },
  {
    row: "V02",
    about: "a process that enters a container can be looked into until it is the container's own",
    edits: [
      inSandbox(
        "join.rs",
        "        // Before anything of the container can see this process (CVE-2016-9962).\n        process::set_dumpable(false)?;\n",
        "",
      ),
      inSandbox("inside/process.rs", "    process::set_dumpable(false)?;\n    lock_down", "    lock_down"),
    ],
    caughtBy: { file: PROGRAMS, name: "can never be looked into" },
  },
  {
    row: "V03",
    about: "the working directory is opened by its name, and nobody looks where that led",
    edits: [
      inSandbox(
        "inside/process.rs",
        "        inroot::open(root, place.as_bytes(), path::O_PATH | path::O_DIRECTORY)\n",
        "        file::open(place, path::O_PATH | path::O_DIRECTORY)\n",
      ),
      inSandbox(
        "inside/process.rs",
        '    if file::current_directory().map_err(|error| refused(&error))?.starts_with(b"/") {',
        "    if true {",
      ),
    ],
    caughtBy: { file: "security/paths.test.ts", name: "are never an open file of ours" },
  },
  {
    row: "V04",
    about: "a directory of ours stays open in the container's process",
    edits: [
      inSandbox(
        "inside/process.rs",
        "Ok(file::close_from_at_exec(FIRST_OTHER_FD)?)",
        "Ok(file::place(outfit.workdir.as_fd(), FIRST_OTHER_FD + 6)?)",
      ),
    ],
    caughtBy: { file: PROGRAMS, name: "is in no container and in no keeper" },
  },
  {
    row: "V05",
    about: "cp asks the image's own tar",
    edits: [
      {
        file: "src/cli/commands/cp.ts",
        is: "      const { copyFiles } = await loadCopy();\n",
        becomes:
          '      const { copyFiles } = await loadCopy();\n      Bun.spawnSync([process.execPath, "exec", `${(from.includes(":") ? from : to).split(":")[0]}`, "tar", "--version"]);\n',
      },
    ],
    caughtBy: { file: "security/copy.test.ts", name: "are run by nobody" },
  },
  {
    row: "V06",
    about: "top runs the image's ps",
    edits: [
      {
        file: "src/cli/commands/top.ts",
        is: "    return withEngine(globals, async (engine, calls) => {\n",
        becomes:
          '    return withEngine(globals, async (engine, calls) => {\n      Bun.spawnSync([process.execPath, "exec", names[0] ?? "", "/usr/bin/ps"]);\n',
      },
    ],
    caughtBy: { file: PROGRAMS, name: "are run by nobody but the container" },
  },
  {
    row: "V07",
    about: "a keeper listens on an abstract socket as well",
    edits: [
      {
        file: "crates/sys/src/socket.rs",
        is: '        check(libc::listen(socket.as_raw_fd(), BACKLOG), || "listen()".to_owned())?;\n',
        becomes: [
          '        check(libc::listen(socket.as_raw_fd(), BACKLOG), || "listen()".to_owned())?;',
          "        let mut name = address;",
          "        name.sun_path[0] = 0;",
          "        let open = libc::socket(libc::AF_UNIX, flags, 0);",
          "        libc::bind(open, ptr::from_ref(&name).cast(), length);",
          "        libc::listen(open, BACKLOG);",
          "",
        ].join("\n"),
      },
    ],
    caughtBy: { file: "security/neighbours.test.ts", name: "there is no abstract socket of ours" },
  },
  {
    row: "V08",
    about: "the caller's session goes on in the container, with its terminal",
    edits: [
      { file: "crates/keeper/src/main.rs", is: "    let _ = bunker_sys::process::new_session();\n", becomes: "" },
      inSandbox("inside/process.rs", "    process::new_session()?;\n", ""),
    ],
    caughtBy: { file: PROGRAMS, name: "is out of reach for a container without one of its own" },
  },
  {
    row: "V09",
    about: "a label of the image's makes its containers privileged",
    edits: [
      {
        file: "src/container/config.ts",
        is: "    version: CONFIG_VERSION,\n    request,\n",
        becomes:
          '    version: CONFIG_VERSION,\n    request: "io.podman.annotations.privileged" in defaults.labels ? { ...request, privileged: true } : request,\n',
      },
    ],
    caughtBy: { file: IMAGE_DATA, name: "change nothing of a container" },
  },
  {
    row: "V10",
    about: "a label of the image's stands where the user's should",
    edits: [
      {
        file: "src/container/config.ts",
        is: "labels: { ...defaults.labels, ...request.labels }",
        becomes: "labels: { ...request.labels, ...defaults.labels }",
      },
    ],
    caughtBy: { file: IMAGE_DATA, name: "are kept as labels, and a user's label wins" },
  },
];

export const ENTERING_EXEMPT: Exempt = {
  V11: "there is no auto-update, and no unit that a label could name",
};
