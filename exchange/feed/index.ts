/** Public face of reading. */

export { feedRetention } from "./events.ts";
export { proofs } from "./proofs.ts";
export { feed } from "./routes.ts";
