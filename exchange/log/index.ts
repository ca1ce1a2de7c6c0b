/** The log's public face. */

export { appendLeaf, type Leaf, lockLog } from "./log.ts";
