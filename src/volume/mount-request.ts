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
      chown?: boolean;
    }
  | {
      kind: "volume";
      name: string | null;
      target: string;
      readonly: boolean;
      copyUp: boolean;
      /** A file or directory in the volume; not there: the whole of it. */
      subpath?: string;
      chown?: boolean;
    }
  | {
      kind: "tmpfs";
      target: string;
      size: number | null;
      mode: number | null;
      readonly: boolean;
      exec: boolean;
      /** Who has its top directory, as numbers inside; and whether it begins with what the image has there. */
      uid?: number;
      gid?: number;
      copyUp?: boolean;
    }
  | { kind: "image"; image: string; target: string; readonly: boolean; subpath?: string };
