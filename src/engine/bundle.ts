// OCI bundles, at another engine's word: what `bunker runtime` does. Without the store, and without a keeper: a container's state is a
// directory (bundle-state.ts), its monitor is the other engine's.

export { createBundle, type CreateOrder, runBundle } from "./bundle-create.ts";
export { execInBundle, type ExecOrder } from "./bundle-exec.ts";
export { deleteBundle, killBundle, startBundle } from "./bundle-life.ts";
export { type BundleStatus, openBundleStates, type StateDocument } from "./bundle-state.ts";
