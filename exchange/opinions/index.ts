/** Public face of opinions. */

export { purgeOpinions } from "./purge.ts";
export { opinionsRetention } from "./retention.ts";
export { opinions } from "./routes.ts";
