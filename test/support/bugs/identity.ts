// Planted bugs of security.md §2c: who a process is, and what its environment says.

import { type Bug, type Exempt, inSandbox } from "./bug.ts";

const IDENTITY = "security/identity.test.ts";
const IMAGE_DATA = "security/image-data.test.ts";

export const IDENTITIES: Bug[] = [
  {
    row: "V40",
    about: "a number is looked for among the names",
    edits: [
      inSandbox(
        "identity.rs",
        "find_user(&files.passwd, |line| line.id == uid).unwrap_or_else",
        "find_user(&files.passwd, |line| line.name == user_word.as_bytes()).or_else(|| find_user(&files.passwd, |line| line.id == uid)).unwrap_or_else",
      ),
    ],
    caughtBy: { file: IDENTITY, name: "is who docker would make of it" },
  },
  {
    row: "V41",
    about: "a number that is too large wraps",
    edits: [
      inSandbox(
        "identity.rs",
        "    match word.parse::<u32>() {\n        Ok(id) if id <= MAX_ID =>",
        "    match word.parse::<u64>().map(|id| id as u32) {\n        Ok(id) if id <= MAX_ID =>",
      ),
    ],
    caughtBy: { file: IDENTITY, name: "is refused where it could be taken for somebody else" },
  },
  {
    row: "V42",
    about: "a number without a line in passwd is root",
    edits: [inSandbox("identity.rs", "UserLine::unnamed(uid))", "UserLine::unnamed(uid * 0))")],
    caughtBy: { file: IDENTITY, name: "is who docker would make of it" },
  },
  {
    row: "V43",
    about: "a user's groups are left out",
    edits: [
      inSandbox("identity.rs", "(entry.group, member_of(&files.group, &entry.name))", "(entry.group, Vec::new())"),
    ],
    caughtBy: { file: IDENTITY, name: "does not get around a group that is to be kept out" },
  },
  {
    row: "V44",
    about: "passwd is read whatever it is",
    edits: [
      {
        file: "crates/runtime/src/inroot.rs",
        is: "    if !path::status(file.as_fd())?.is_regular() {\n",
        becomes: "    if false {\n",
      },
    ],
    caughtBy: { file: IDENTITY, name: "are refused at once, with a reason" },
  },
  {
    row: "V45",
    about: "passwd is looked for behind links that lead out, and waited for",
    edits: [
      inSandbox(
        "inside.rs",
        "inroot::read_file(root, name.as_bytes(), IDENTITY_FILE_LIMIT) {",
        'std::fs::read(format!("{}/{name}", descriptor::path_of(root)))\n        .map_err(|error| bunker_sys::SysError::from_io("read", &error))\n    {',
      ),
    ],
    caughtBy: { file: IDENTITY, name: "that lead out of the image are looked for inside" },
  },
  {
    row: "V46",
    about: "a name without a value in the image's environment gets the host's",
    edits: [
      {
        file: "src/image/config.ts",
        is: 'if (entry.indexOf("=") > 0 && !entry.includes("\\0")) kept.push(entry);',
        becomes: 'if (!entry.includes("\\0")) kept.push(entry);',
      },
      {
        file: "src/container/environment.ts",
        is: "    else merged.delete(name);\n",
        becomes: "    else merged.set(name, `${name}=${process.env[name]}`);\n",
      },
    ],
    caughtBy: { file: IMAGE_DATA, name: "takes nothing from the host's" },
  },
  {
    row: "V47",
    about: "a container gets the environment of the one that was made last",
    edits: [
      {
        file: "src/engine/spec.ts",
        is: "  return planSandbox(record.config, ",
        becomes:
          "  const { env } = (engine.store.containers.list(false).at(-1) ?? record).config.process;\n  return planSandbox({ ...record.config, process: { ...record.config.process, env } }, ",
      },
    ],
    caughtBy: { file: IMAGE_DATA, name: "is each container's own" },
  },
  {
    row: "V49",
    about: "any setting that begins like one of the container's own is taken",
    edits: [{ file: "src/container/sysctl.ts", is: "/^net(?:\\.[a-zA-Z0-9_-]+)+$/", becomes: "/^net/" }],
    caughtBy: { file: "security/baseline.test.ts", name: "cannot be smuggled in" },
  },
];

export const IDENTITIES_EXEMPT: Exempt = {
  V48: "images are not built yet",
};
