/** The match daemon: a member's own services ask it, on the member's own machine. */

export { type Daemon, type DaemonFact, type ServeOptions, serve } from "./serve.ts";
