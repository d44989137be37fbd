// The engine's public face: use cases. Prints nothing; every effect meets here.

export { type ContainerView, listContainers, viewContainer } from "./containers.ts";
export { createContainer } from "./create.ts";
export { type Engine, openEngine } from "./engine.ts";
export { attachContainer, execInContainer } from "./exec.ts";
export { inspectContainer } from "./inspect.ts";
export { type LogEntry, type LogOptions, readLogs } from "./logs.ts";
export type { SessionControl, SessionEnd, StreamOptions } from "./session.ts";
export { runContainer, startContainer } from "./start.ts";
export { killContainer, removeContainer, stopContainer, waitContainer } from "./stop.ts";
