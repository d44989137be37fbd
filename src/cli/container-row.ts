// A container as a row of ps, in docker's words. Pure.

import type { Namespaces } from "../engine/index.ts";
import type { Listing, Row } from "./format.ts";
import { type PortFact, portsText } from "./port-text.ts";
import { quote } from "./strconv.ts";
import { goTime } from "./time.ts";
import { ago, columnSize, ellipsis, humanDuration, shortId } from "./units.ts";

/** What ps needs to know. */
export interface ContainerFacts {
  id: string;
  name: string;
  /** As the user wrote it. */
  image: string;
  imageId: string;
  /** Program and arguments. */
  args: readonly string[];
  createdAt: Date;
  /** Of its first process, as the host counts; 0: it does not run. */
  pid: number;
  status: string;
  startedAt: Date | null;
  finishedAt: Date | null;
  exitCode: number;
  labels: Readonly<Record<string, string>>;
  mounts: readonly MountFact[];
  networks: readonly string[];
  ports: readonly PortFact[];
  /** Bytes written, and with the image; `null`: not asked for. */
  size: { written: number; total: number } | null;
}

interface MountFact {
  /** A volume's name or a host path. */
  source: string;
  target: string;
  volume: boolean;
}

export const CONTAINER_LISTING: Listing = {
  headings: {
    ID: "CONTAINER ID",
    Names: "NAMES",
    Image: "IMAGE",
    Command: "COMMAND",
    CreatedAt: "CREATED AT",
    RunningFor: "CREATED",
    Ports: "PORTS",
    State: "STATE",
    Status: "STATUS",
    Size: "SIZE",
    Labels: "LABELS",
    Mounts: "MOUNTS",
    LocalVolumes: "LOCAL VOLUMES",
    Networks: "NETWORKS",
    Platform: "PLATFORM",
    Pod: "POD ID",
    PodName: "PODNAME",
  },
  columns: ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"],
  raw:
    "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\nstate: {{.State}}\n" +
    "status: {{.Status}}\nnames: {{.Names}}\nlabels: {{.Labels}}\nports: {{.Ports}}\n",
  type: "*formatter.ContainerContext",
};

/** podman's `ps --namespace`: where a container's first process lives. */
export const NAMESPACE_LISTING: Listing = {
  ...CONTAINER_LISTING,
  headings: {
    ...CONTAINER_LISTING.headings,
    Pid: "PID",
    CGROUPNS: "CGROUPNS",
    IPC: "IPC",
    MNT: "MNT",
    NET: "NET",
    PIDNS: "PIDNS",
    USERNS: "USERNS",
    UTS: "UTS",
  },
  columns: ["ID", "Names", "Pid", "CGROUPNS", "IPC", "MNT", "NET", "PIDNS", "USERNS", "UTS"],
};

/** What `NAMESPACE_LISTING` has besides. */
export function namespaceFields(pid: number, { cgroup, ipc, mnt, net, pid: pidns, user, uts }: Namespaces): Row {
  return { Pid: String(pid), CGROUPNS: cgroup, IPC: ipc, MNT: mnt, NET: net, PIDNS: pidns, USERNS: user, UTS: uts };
}

/** Letters of a command, and of a volume's name, that docker shows. */
const COMMAND_LENGTH = 20;
const MOUNT_LENGTH = 17;

export interface RowOptions {
  now: Date;
  /** Ids, commands and names short, as docker shows them without --no-trunc. */
  truncate: boolean;
}

export function containerRow(facts: ContainerFacts, options: RowOptions): Row {
  const { truncate, now } = options;
  const command = commandLine(facts.args);
  const volumes = facts.mounts.filter((mount) => mount.volume);
  const mounts = facts.mounts.map(({ source }) => (truncate ? ellipsis(source, MOUNT_LENGTH) : source));
  // By name, as docker's JSON has them.
  return {
    Command: quote(truncate ? ellipsis(command, COMMAND_LENGTH) : command),
    // Asked for only: the first look at the time zone costs a start 3 ms.
    get CreatedAt() {
      return goTime(facts.createdAt);
    },
    ID: truncate ? shortId(facts.id) : facts.id,
    Image: imageName(facts, truncate),
    Labels: joinLabels(facts.labels),
    LocalVolumes: String(volumes.length),
    Mounts: mounts.join(","),
    Names: facts.name,
    Networks: facts.networks.join(","),
    Platform: null,
    Ports: portsText(facts.ports),
    RunningFor: ago(facts.createdAt, now),
    Size: sizeText(facts.size),
    State: facts.status,
    Status: statusText(facts, now),
    Label: (name) => (Object.hasOwn(facts.labels, String(name)) ? facts.labels[String(name)] : ""),
  };
}

/** docker's one line of program and arguments; those with spaces in single quotes. */
function commandLine(args: readonly string[]): string {
  return args.map((arg, index) => (index > 0 && arg.includes(" ") ? `'${arg}'` : arg)).join(" ");
}

/** An image that was named by its id is shown by it; a digest behind a tag is left out. */
function imageName({ image, imageId }: ContainerFacts, truncate: boolean): string {
  if (image === "") return "<no image>";
  if (!truncate) return image;
  const bare = image.replace(/^sha256:/, "");
  if (/^[0-9a-f]{12,64}$/.test(bare) && imageId.replace(/^sha256:/, "").startsWith(bare)) return shortId(imageId);
  const at = image.indexOf("@");
  const tagged = at > 0 && image.slice(image.lastIndexOf("/", at) + 1, at).includes(":");
  return tagged ? image.slice(0, at) : image;
}

/** `Up 3 seconds`, `Exited (0) 5 minutes ago`, `Created`. */
function statusText(facts: ContainerFacts, now: Date): string {
  const { status, startedAt, finishedAt, exitCode } = facts;
  const up = `Up ${humanDuration(now.getTime() - (startedAt ?? now).getTime())}`;
  if (status === "running") return up;
  if (status === "paused") return `${up} (Paused)`;
  if (status === "removing") return "Removal In Progress";
  if (status === "created") return "Created";
  // Nobody saw the end: there is no time to tell.
  return finishedAt === null ? `Exited (${exitCode})` : `Exited (${exitCode}) ${ago(finishedAt, now)}`;
}

function sizeText(size: ContainerFacts["size"]): string {
  if (size === null) return "0B";
  const written = columnSize(size.written);
  return size.total > 0 ? `${written} (virtual ${columnSize(size.total)})` : written;
}

/** `a=1,b=2`, by name. */
export function joinLabels(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return entries.sort().join(",");
}
