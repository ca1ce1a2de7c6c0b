/** What the exchange asks of the signer, and how refusals cross the service binding. */
import { ExchangeError, isProblemCode, type ProblemCode, type ProblemDetail } from "@breakwater/shared/problem.ts";

/** An Ed25519 public key as a JWK. */
export type SignerJwk = { kty: "OKP"; crv: "Ed25519"; x: string };

export type LastStatements = { release?: Uint8Array; recall?: Uint8Array };

/**
 * Holds the keys for receipts and for releases of publishers without a key of their own. It parses what it signs.
 * Every method throws `signer_refused` for what it will not sign, `signer_unavailable` when it cannot be reached.
 */
export interface Signer {
  publicKeys(): Promise<{ receipt: SignerJwk[] }>;
  /** The release key held for a publisher; undefined when none is. */
  releaseKey(publisher: string): Promise<SignerJwk | undefined>;
  /** Makes a release key; the existing one when there is one already. */
  createReleaseKey(publisher: string): Promise<SignerJwk>;
  /** @returns the envelope's bytes; refuses a number not above its own last, unless the payload is byte for byte the last */
  signRelease(payload: Uint8Array): Promise<Uint8Array>;
  /** As {@link signRelease}, with numbers of their own. */
  signRecall(payload: Uint8Array): Promise<Uint8Array>;
  /** The payloads signed last for a set, whether or not anybody stored them. */
  lastStatements(publisher: string, set: string): Promise<LastStatements>;
  /** @returns the envelope's bytes */
  signReceipt(payload: Uint8Array): Promise<Uint8Array>;
}

/** Refusals as values: an error that crosses RPC keeps its message only. */
export type SignerAnswer<T> = { ok: true; value: T } | { ok: false; code: ProblemCode; detail: ProblemDetail };
export type SignerRpc = {
  [Method in keyof Signer]: (
    ...args: Parameters<Signer[Method]>
  ) => Promise<SignerAnswer<Awaited<ReturnType<Signer[Method]>>>>;
};

/** The signer's side of the binding: a refusal becomes a value, anything else `internal` without its text. */
export async function answerRpc<T>(work: () => Promise<T>): Promise<SignerAnswer<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof ExchangeError) return { ok: false, code: error.code, detail: error.detail };
    return { ok: false, code: "internal", detail: {} };
  }
}

/** One call across the binding: the value, or the refusal thrown again on this side. */
export async function ask<T>(call: () => Promise<SignerAnswer<T>>): Promise<T> {
  let answer: SignerAnswer<T>;
  try {
    answer = await call();
  } catch (cause) {
    throw new ExchangeError("signer_unavailable", { retry_after: 2 }, { cause });
  }
  if (answer.ok) return answer.value;
  throw new ExchangeError(isProblemCode(answer.code) ? answer.code : "internal", answer.detail);
}

/** The exchange's side of the binding. */
export function signerOver(rpc: SignerRpc): Signer {
  return {
    publicKeys: () => ask(() => rpc.publicKeys()),
    releaseKey: (publisher) => ask(() => rpc.releaseKey(publisher)),
    createReleaseKey: (publisher) => ask(() => rpc.createReleaseKey(publisher)),
    signRelease: (payload) => ask(() => rpc.signRelease(payload)),
    signRecall: (payload) => ask(() => rpc.signRecall(payload)),
    lastStatements: (publisher, set) => ask(() => rpc.lastStatements(publisher, set)),
    signReceipt: (payload) => ask(() => rpc.signReceipt(payload)),
  };
}
