// What a user asks of one mount, whichever flag said it.

/** One `-v`, `--mount` or `--tmpfs`, parsed. */
export type MountRequest =
  | {
      kind: "bind";
      source: string;
      target: string;
      readonly: boolean;
      propagation: string;
      recursive: boolean;
      createSource: boolean;
    }
  | { kind: "volume"; name: string | null; target: string; readonly: boolean; copyUp: boolean }
  | { kind: "tmpfs"; target: string; size: number | null; mode: number | null; readonly: boolean; exec: boolean };
