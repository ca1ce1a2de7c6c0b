/** The client's way to an exchange. */

export type { CallOptions } from "./call.ts";
export { type Exchange, openExchange } from "./exchange.ts";
export type { SignedBy } from "./publishing.ts";
