// Planted bugs of security.md §2b: the root, its mounts and masks, and who changes paths meanwhile.

import { type Bug, type Exempt, inSandbox } from "./bug.ts";

const BASELINE = "security/baseline.test.ts";
const PATHS = "security/paths.test.ts";
const RACE = "security/race.test.ts";
const STANDARD = "inside/standard.rs";
const REQUESTED = "inside/requested.rs";
/** The root as the host's mounts show it, where links lead out of it. */
const OUTSIDE = 'format!("{}/{}", file::path_of(root)';

export const PREPARING: Bug[] = [
  {
    row: "V20",
    about: "/proc, /sys and /dev are mounted where links of the image lead",
    edits: [
      inSandbox(
        STANDARD,
        "    let target = real_directory(root, name)?;\n",
        "    let target = crate::inroot::make_directories(root, name.as_bytes(), 0o755)?;\n",
      ),
    ],
    caughtBy: { file: PATHS, name: "gets the real ones, with every mask in place" },
  },
  {
    row: "V21",
    about: "nobody looks whether a mount goes over /proc",
    edits: [inSandbox(REQUESTED, "    if !over_kernels {\n", "    if false {\n")],
    caughtBy: { file: RACE, name: "to /proc itself" },
  },
  {
    row: "V22",
    about: "a mount point is looked up once more, by its path",
    edits: [
      inSandbox(
        REQUESTED,
        "    let is_asked_for = matches!(source.wanted, Mount::Bind { .. });\n",
        `    use bunker_sys::file;\n    let point = file::open(&${OUTSIDE}, target), path::O_PATH).unwrap_or(point);\n    let is_asked_for = matches!(source.wanted, Mount::Bind { .. });\n`,
      ),
    ],
    caughtBy: { file: RACE, name: "to outside, by dots" },
  },
  {
    row: "V23",
    about: "files that should be hidden are not",
    edits: [
      inSandbox(
        "inside/mask.rs",
        "        let cover = if path",
        "        if !path::status(target)?.is_directory() {\n            return Ok(());\n        }\n        let cover = if path",
      ),
    ],
    caughtBy: { file: BASELINE, name: "has the union of docker's and podman's masked paths" },
  },
  {
    row: "V24",
    about: "/dev/console is something else than the container's terminal",
    edits: [
      inSandbox(
        "inside/terminal.rs",
        "    let clone = mount::clone_of(peer, false)?;\n",
        '    let _ = peer;\n    let clone = mount::clone_of(device::open_device("null", 1, 3)?.as_fd(), false)?;\n',
      ),
    ],
    caughtBy: { file: "security/posture.test.ts", name: "differs with --tty" },
  },
  {
    row: "V25",
    about: "settings are written to whatever lies at /proc",
    edits: [
      inSandbox(
        STANDARD,
        "    write_sysctls(spec, proc.as_fd())?;\n",
        '    if let Ok(place) = path::open_at2(root, b"proc", path::O_PATH, 0) {\n        let _ = write_sysctls(spec, place.as_fd());\n    }\n',
      ),
    ],
    caughtBy: { file: BASELINE, name: "may use any port" },
  },
  {
    row: "V26",
    about: "directories are made by their path, behind links that lead out",
    edits: [
      {
        file: "crates/runtime/src/inroot.rs",
        is: "        Err(_) => walk::make(root, path, walk::Leaf::Directory, mode),\n",
        becomes: [
          "        Err(_) => {",
          '            let place = format!("{}/{}", bunker_sys::file::path_of(root), String::from_utf8_lossy(path));',
          "            let _ = std::fs::create_dir_all(place);",
          "            walk::make(root, path, walk::Leaf::Directory, mode)",
          "        }",
          "",
        ].join("\n"),
      },
    ],
    caughtBy: { file: PATHS, name: "are made inside, behind any link" },
  },
  {
    row: "V27",
    about: "/dev is mounted where the image's link leads on the host",
    edits: [
      inSandbox(
        STANDARD,
        '    attach(devices.as_fd(), root, "dev")?;\n',
        `    match file::open(&${OUTSIDE}, "dev"), path::O_PATH | path::O_DIRECTORY) {\n        Ok(place) => mount::attach(devices.as_fd(), place.as_fd())?,\n        Err(_) => attach(devices.as_fd(), root, "dev")?,\n    }\n`,
      ),
    ],
    caughtBy: { file: PATHS, name: "gets the real ones, with every mask in place" },
  },
  {
    row: "V28",
    about: "our files are written to where links of the image lead",
    edits: [
      inSandbox(
        "inside/file.rs",
        "        write(directory, owned, root)?;\n",
        `        write(directory, owned, root)?;\n        let _ = std::fs::write(${OUTSIDE}, owned.target), &owned.content);\n`,
      ),
    ],
    caughtBy: { file: PATHS, name: "never land outside, whatever lies in their place" },
  },
  {
    row: "V29",
    about: "at the next start a mount point is made behind the link that the container left there",
    edits: [
      inSandbox(
        REQUESTED,
        "    inroot::make_directories(root, target.as_bytes(), 0o755).map_err",
        `    let _ = std::fs::create_dir_all(${OUTSIDE}, target));\n    inroot::make_directories(root, target.as_bytes(), 0o755).map_err`,
      ),
    ],
    caughtBy: { file: PATHS, name: "that the container has replaced by links" },
  },
  {
    row: "V30",
    about: "/proc/interrupts is not hidden",
    edits: [{ file: "src/container/isolation.ts", is: '  "/proc/interrupts",\n', becomes: "" }],
    caughtBy: { file: BASELINE, name: "has the union of docker's and podman's masked paths" },
  },
  {
    row: "V31",
    about: "the cgroup tree can be written to",
    edits: [
      inSandbox(
        STANDARD,
        "    let access = if spec.sys_writable { 0 } else { RDONLY };\n    let attributes =",
        "    let access = 0;\n    let attributes =",
      ),
    ],
    caughtBy: { file: BASELINE, name: "the cgroup tree read-only" },
  },
  {
    row: "V32",
    about: "anybody may make namespaces",
    edits: [
      {
        file: "crates/runtime/src/seccomp/policy.rs",
        is: '            "umount2",\n            "unshare",\n',
        becomes: '            "umount2",\n',
      },
    ],
    caughtBy: { file: "security/seccomp.test.ts", name: "lets no namespace, mount or key be made" },
  },
  {
    row: "V33",
    about: "the working directory is made on the host, where links of the image lead",
    edits: [
      inSandbox(
        "inside.rs",
        "    mount::pivot_into(root.as_fd())?;\n",
        '    let _ = std::fs::create_dir_all(format!("{}/{}", descriptor::path_of(root.as_fd()), spec.process.cwd));\n    mount::pivot_into(root.as_fd())?;\n',
      ),
    ],
    caughtBy: { file: PATHS, name: "behind any link, with the image's owner and mode untouched" },
  },
  {
    row: "V34",
    about: "capabilities are inheritable",
    edits: [
      inSandbox(
        "inside/process.rs",
        "Kept { permitted: bounding, effective: bounding, inheritable: 0, ambient: 0 }",
        "Kept { permitted: bounding, effective: bounding, inheritable: bounding, ambient: 0 }",
      ),
    ],
    caughtBy: { file: BASELINE, name: "none inheritable, none ambient" },
  },
  {
    row: "V35",
    about: "/sys is mounted where the image's link leads on the host",
    edits: [
      inSandbox(
        STANDARD,
        '    attach(sys.as_fd(), root, "sys")?;\n',
        `    match file::open(&${OUTSIDE}, "sys"), path::O_PATH | path::O_DIRECTORY) {\n        Ok(place) => mount::attach(sys.as_fd(), place.as_fd())?,\n        Err(_) => attach(sys.as_fd(), root, "sys")?,\n    }\n`,
      ),
    ],
    caughtBy: { file: PATHS, name: "gets the real ones, with every mask in place" },
  },
  {
    row: "V38",
    about: "who is not root keeps root's capabilities",
    edits: [
      inSandbox(
        "inside/process.rs",
        "Kept { permitted: non_root, effective: non_root, inheritable: non_root, ambient: non_root }",
        "Kept { permitted: bounding, effective: bounding, inheritable: bounding, ambient: bounding }",
      ),
    ],
    caughtBy: { file: BASELINE, name: "has none for a user that is not root" },
  },
];

export const PREPARING_EXEMPT: Exempt = {
  V36: "nothing of the host's is mounted unasked",
  V37: "there are no checkpoints",
};
