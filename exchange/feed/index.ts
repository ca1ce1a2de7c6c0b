/** Public face of reading. */

export { feed } from "./routes.ts";
