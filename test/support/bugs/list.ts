// All planted bugs, and the rows that have none.

import type { Bug, Exempt } from "./bug.ts";
import { CONTENT } from "./content.ts";
import { ENTERING, ENTERING_EXEMPT } from "./entering.ts";
import { IDENTITIES, IDENTITIES_EXEMPT } from "./identity.ts";
import { NETWORKS, NETWORKS_EXEMPT } from "./network.ts";
import { PREPARING, PREPARING_EXEMPT } from "./preparing.ts";

export const BUGS: Bug[] = [...ENTERING, ...PREPARING, ...IDENTITIES, ...CONTENT, ...NETWORKS];
export const EXEMPT: Exempt = { ...ENTERING_EXEMPT, ...PREPARING_EXEMPT, ...IDENTITIES_EXEMPT, ...NETWORKS_EXEMPT };
