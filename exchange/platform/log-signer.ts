/** What the exchange asks of the log's signer, a Worker of its own, and how that crosses the service binding. */
import { ask, type SignerAnswer } from "./signer.ts";

/** The first `size` leaves of a log, as their Merkle tree hash. */
export type TreeHead = { size: number; root: Uint8Array };
/** @property proof - that the tree begins with the one signed last; empty when that one is empty or the same */
export type CheckpointRequest = TreeHead & { origin: string; proof: Uint8Array[] };

/**
 * Holds the log's note key, and remembers what it signed last: it signs no smaller tree, no other tree of that size,
 * and no larger one that does not begin with it (`signer_refused`), whatever it is asked.
 */
export interface LogSigner {
  /** The log's verifier key; the key is made when it is first asked for. */
  vkey(origin: string): Promise<string>;
  /** What was signed last, published or not. */
  head(origin: string): Promise<TreeHead | undefined>;
  /** @returns the checkpoint as a signed note */
  signCheckpoint(request: CheckpointRequest): Promise<string>;
}

export type LogSignerRpc = {
  [Method in keyof LogSigner]: (
    ...args: Parameters<LogSigner[Method]>
  ) => Promise<SignerAnswer<Awaited<ReturnType<LogSigner[Method]>>>>;
};

/** The exchange's side of the binding. */
export function logSignerOver(rpc: LogSignerRpc): LogSigner {
  return {
    vkey: (origin) => ask(() => rpc.vkey(origin)),
    head: (origin) => ask(() => rpc.head(origin)),
    signCheckpoint: (request) => ask(() => rpc.signCheckpoint(request)),
  };
}
