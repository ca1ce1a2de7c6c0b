/** Public face of reading. */

export { proofs } from "./proofs.ts";
export { feed } from "./routes.ts";
