// docker images.

import { dockerConfig } from "../docker-config.ts";
import { isTerminalOutput, withEngine } from "../engine.ts";
import { parseFilterWord } from "../filter.ts";
import { FORMAT_HELP, formatRows, NOHEADING_FLAG } from "../format.ts";
import { IMAGE_COLUMNS_WITH_DIGEST, IMAGE_LISTING, imageRow, selectImages } from "../image-row.ts";
import { IMAGE_ORDERS, inOrder, orderFlag } from "../order.ts";
import { print } from "../output.ts";
import { shortId } from "../units.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  flags: {
    all: { kind: "boolean", short: "a", help: "Show all images (default hides intermediate images)" },
    digests: { kind: "boolean", help: "Show digests" },
    filter: {
      kind: "list",
      short: "f",
      placeholder: "filter",
      help: "Filter output based on conditions provided",
      parse: parseFilterWord,
    },
    format: { kind: "string", help: FORMAT_HELP },
    history: { kind: "boolean", help: "Display the names of the images" },
    "no-trunc": { kind: "boolean", help: "Don't truncate output" },
    noheading: { ...NOHEADING_FLAG, short: "n" },
    quiet: { kind: "boolean", short: "q", help: "Only show image IDs" },
    sort: orderFlag(IMAGE_ORDERS),
  },
  arguments: { min: 0, max: 1 },
  completes: "image",
  examples: ["images", "images --digests alpine", "images -q --filter dangling=true"],
  run({ values, positionals, globals }) {
    const now = new Date();
    const format = values.format ?? (values.quiet ? null : dockerConfig().imagesFormat);
    return withEngine(globals, async (engine, { listImages }) => {
      const images = listImages(engine, { all: values.all });
      const selected = selectImages(images, values.filter, { name: positionals[0] ?? null, now });
      const chosen = inOrder(selected, IMAGE_ORDERS, values.sort);
      const truncate = !values["no-trunc"];
      if (values.quiet && format === null) {
        print(chosen.map(({ id }) => `${truncate ? shortId(id) : id}\n`).join(""));
        return 0;
      }
      const usual = values.digests ? IMAGE_COLUMNS_WITH_DIGEST : IMAGE_LISTING.columns;
      const listing = { ...IMAGE_LISTING, columns: values.history ? [...usual, "History"] : usual };
      const rows = chosen.map((image) => {
        const row = imageRow(image, { now, truncate });
        return values.history ? { ...row, History: image.references.join(", ") } : row;
      });
      const { noheading } = values;
      print(await formatRows(listing, rows, { format, noheading, escape: await isTerminalOutput() }));
      return 0;
    });
  },
});
