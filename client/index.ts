/** The client library: an exchange's typed client, verified copies, publishing, matching, acting on hits, a hotline's agent. */

export * from "./controls/index.ts";
export * from "./hotline/index.ts";
export * from "./http/index.ts";
export * from "./ledger/index.ts";
export * from "./lookup/index.ts";
export * from "./match/index.ts";
export * from "./media/index.ts";
export * from "./monitor/index.ts";
export * from "./opinions/index.ts";
export * from "./profile/index.ts";
export * from "./publish/index.ts";
export * from "./sync/index.ts";
export * from "./webhooks/index.ts";
