/** The client library: an exchange's typed client, verified copies, publishing, matching, a hotline's agent. */

export * from "./hotline/index.ts";
export * from "./http/index.ts";
export * from "./lookup/index.ts";
export * from "./match/index.ts";
export * from "./media/index.ts";
export * from "./monitor/index.ts";
export * from "./profile/index.ts";
export * from "./publish/index.ts";
export * from "./sync/index.ts";
