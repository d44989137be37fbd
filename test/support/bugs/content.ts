// Planted bugs of the rows about copies and volumes (security.md V68, V69, V107, V112).

import { type Bug, inSandbox } from "./bug.ts";

const COPY = "src/engine/copy.ts";
/** A running container's files as the host's file system has them: what the container wrote, and its links. */
const BY_HAND = "`${engine.store.layout.container(viewContainer(engine, side.name).record.id)}/upper${side.at.path}`";
const IMAGE_PLACE = [
  "    let image = target_directory(root, target)?;",
  "    ensure_mountable(root, image.as_fd(), target)?;",
  "    Ok(image)",
  "",
].join("\n");
const OTHER_DEVICE = [
  "    if path::status(root)?.device != path::status(image)?.device {",
  "        return Ok(());",
  "    }",
  "",
].join("\n");
const IF_EMPTY = "    if !tree::is_empty(volume.data.as_fd()).map_err(failed)? {\n        return Ok(());\n    }\n";

export const CONTENT: Bug[] = [
  {
    row: "V68",
    about: "cp reads a container's files by their path on the host",
    edits: [
      {
        file: COPY,
        is: "  const { path, assertsDirectory } = side.at;\n",
        becomes: `  if (side.kind === "container") {\n    const at = { ...side.at, path: ${BY_HAND} };\n    return openSource(engine, { kind: "host", at }, { held, options, output });\n  }\n  const { path, assertsDirectory } = side.at;\n`,
      },
    ],
    caughtBy: { file: "security/copy.test.ts", name: "nothing of the host's is copied out" },
  },
  {
    row: "V69",
    about: "cp writes a container's files by their path on the host",
    edits: [
      {
        file: COPY,
        is: '  const job = { op: "copyIn" as const,',
        becomes: `  if (side.kind === "container") return openTarget(engine, { kind: "host", at: { ...side.at, path: ${BY_HAND} } }, { held, input });\n  const job = { op: "copyIn" as const,`,
      },
    ],
    caughtBy: { file: "security/copy.test.ts", name: "nothing of the host's is changed by copying in" },
  },
  {
    row: "V107",
    about: "a volume that has data is filled all the same, over them",
    edits: [
      inSandbox("inside/volume.rs", `${IF_EMPTY}    fill_from`, "    fill_from"),
      inSandbox("inside/volume.rs", `${IF_EMPTY}    // What another`, "    // What another"),
      inSandbox("inside/volume.rs", "if !tree::is_empty(self.data.as_fd())? {", "if false {"),
    ],
    caughtBy: { file: "volume.test.ts", name: "starts with the image's content, once, and never over data" },
  },
  {
    row: "V112",
    about: "a volume is filled from where the image's link leads on the host",
    edits: [
      inSandbox(
        "inside/volume.rs",
        IMAGE_PLACE,
        '    match file::open(&format!("{}/{target}", file::path_of(root)), path::O_PATH | path::O_DIRECTORY) {\n        Ok(found) => Ok(found),\n        Err(_) => target_directory(root, target),\n    }\n',
      ),
      inSandbox("inside/volume.rs", OTHER_DEVICE, ""),
    ],
    caughtBy: { file: "security/image-data.test.ts", name: "are filled from the image alone" },
  },
];
