// `--sort` of ps and images: podman's keys. Pure.

import type { ImageSummary } from "../engine/index.ts";
import type { ContainerFacts } from "./container-row.ts";
import { quote, ScanError } from "./strconv.ts";

/** As for Array.sort. */
type Order<T> = (a: T, b: T) => number;

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
/** Those that have no time come first. */
const byTime = (a: Date | null, b: Date | null): number => (a?.getTime() ?? 0) - (b?.getTime() ?? 0);

export const CONTAINER_ORDERS: Readonly<Record<string, Order<ContainerFacts>>> = {
  command: (a, b) => byText(a.args.join(" "), b.args.join(" ")),
  // podman: the oldest first here, and the newest first for images.
  created: (a, b) => byTime(a.createdAt, b.createdAt),
  id: (a, b) => byText(a.id, b.id),
  image: (a, b) => byText(a.image, b.image),
  names: (a, b) => byText(a.name, b.name),
  runningfor: (a, b) => byTime(a.startedAt, b.startedAt),
  size: (a, b) => (a.size?.total ?? 0) - (b.size?.total ?? 0),
  status: (a, b) => byText(a.status, b.status),
};

export const IMAGE_ORDERS: Readonly<Record<string, Order<ImageSummary>>> = {
  created: (a, b) => byText(b.createdAt ?? "", a.createdAt ?? ""),
  id: (a, b) => byText(a.id, b.id),
  repository: (a, b) => byText(a.repository ?? "", b.repository ?? ""),
  size: (a, b) => a.size - b.size,
  tag: (a, b) => byText(a.tag ?? "", b.tag ?? ""),
};

/** The flag's definition. Its value is the key: some orders need something looked up first. */
export function orderFlag(orders: Readonly<Record<string, unknown>>): {
  kind: "string";
  placeholder: string;
  help: string;
  parse: (text: string) => string;
} {
  const keys = Object.keys(orders);
  const last = keys.at(-1);
  return {
    kind: "string",
    placeholder: "key",
    help: `Sort by ${keys.slice(0, -1).join(", ")} or ${last}`,
    parse(text) {
      if (Object.hasOwn(orders, text)) return text;
      throw new ScanError(`${quote(text)} is not a valid value. Choose from: ${keys.join(", ")}`);
    },
  };
}

/** In the order of a key; `null` leaves them as they are. */
export function inOrder<T>(
  items: readonly T[],
  orders: Readonly<Record<string, Order<T>>>,
  key: string | null,
): readonly T[] {
  const order = key === null ? undefined : orders[key];
  return order === undefined ? items : items.toSorted(order);
}
