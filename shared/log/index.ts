/** The log as code: signed notes, checkpoints, the Merkle tree, tiles, bundles and proofs. */

export { BUNDLE_MAX_BYTES, decodeBundle, ENTRY_MAX_BYTES, encodeBundle } from "./bundle.ts";
export * from "./checkpoint.ts";
export * from "./merkle.ts";
export * from "./merkle-proof.ts";
export * from "./note.ts";
export * from "./proof.ts";
export * from "./tile-reader.ts";
export * from "./tiles.ts";
