// What each image has on disk: unpacked layers and blobs. Several images may have the same ones.

import type { Records } from "./database.ts";

export interface ImagePart {
  /** Below the data home. */
  path: string;
  imageId: string;
}

export class Parts {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Each part once for every image that needs it. */
  list(): ImagePart[] {
    const rows = this.#records.all(
      `SELECT 'layers/' || map || '/' || layer AS path, image_id FROM image_layers
       UNION SELECT 'blobs/' || replace(digest, ':', '/'), owner FROM blob_links WHERE kind = 'image'
       UNION SELECT 'blobs/' || replace(blob_links.digest, ':', '/'), image_id
         FROM blob_links JOIN image_references ON name = owner WHERE kind = 'reference'`,
    );
    return rows.map((row) => ({ path: String(row["path"]), imageId: String(row["image_id"]) }));
  }
}
