// OCI bundles: config.json and process.json → what the keeper's side is told. Loaded by `bunker runtime` alone.

export { Field } from "./field.ts";
export type { Hook, Hooks } from "./hook.ts";
export { type BundleHost, type BundlePlace, planBundle, type PlannedBundle } from "./plan.ts";
export { planBundleProcess } from "./process.ts";
export type { GroupValue } from "./resource.ts";
