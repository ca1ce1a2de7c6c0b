/** The log signer's rules: one log never gets two histories, whatever the exchange asks or has forgotten. */

import { equalBytes, hexOf, parseHex, utf8Of } from "@breakwater/shared/bytes.ts";
import { LogOrigin } from "@breakwater/shared/ids.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import {
  EMPTY_ROOT,
  formatVkey,
  HASH_BYTES,
  PATH_MAX_HASHES,
  signCheckpoint,
  verifyConsistency,
  vkeyOf,
} from "@breakwater/shared/log/index.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import type { CheckpointRequest, LogSigner, TreeHead } from "../platform/log-signer.ts";
import { openKeyRing } from "../signer/keys.ts";
import type { SignerState } from "../signer/state.ts";

// One key a log: a new origin starts a new history under a new key (the old log stays frozen as it is).
const keyName = (origin: string) => `keys/log/${origin}`;
const lastName = (origin: string) => `last/${origin}`;
/** Two publications at once are rare, three in a row are a fault. */
const LAST_MAX_ATTEMPTS = 3;

const Last = z.strictObject({ root: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() });
const Hash = z.instanceof(Uint8Array).refine((bytes) => bytes.length === HASH_BYTES);
const Request = z.strictObject({
  origin: LogOrigin,
  proof: z.array(Hash).max(PATH_MAX_HASHES + 1),
  root: Hash,
  size: z.int().nonnegative(),
});

/**
 * @param state - durable store; its loss is the loss of the key, its rollback would let the log fork
 * @param secret - opens the private key kept in the state
 */
export async function openLogSignerCore({ state, secret }: { state: SignerState; secret: string }): Promise<LogSigner> {
  const ring = await openKeyRing(state, secret);

  async function openKey(origin: string) {
    const key = await ring.findOrCreate(keyName(parseOrigin(origin)));
    return { privateKey: key.privateKey, vkey: vkeyOf(origin, key.publicJwk) };
  }

  return {
    async vkey(origin) {
      return formatVkey((await openKey(origin)).vkey);
    },

    async head(origin) {
      return (await readLast(state, parseOrigin(origin)))?.head;
    },

    async signCheckpoint(request) {
      const result = Request.safeParse(request);
      if (!result.success) throw new ExchangeError("signer_refused", { reason: "request" });
      const { origin, root, size } = result.data;
      // What is no checkpoint is refused before it is remembered: an empty tree with another root could never be extended.
      if (size === 0 && !equalBytes(root, EMPTY_ROOT)) throw new ExchangeError("signer_refused", { reason: "empty" });
      const key = await openKey(origin);
      // First the state, then the signature: a crash in between costs nothing, since the same tree may be signed again.
      await advance(state, result.data);
      return signCheckpoint({ origin, root, size }, [key]);
    },
  };
}

function parseOrigin(origin: unknown): LogOrigin {
  const result = LogOrigin.safeParse(origin);
  if (!result.success) throw new ExchangeError("signer_refused", { reason: "origin" });
  return result.data;
}

async function readLast(state: SignerState, origin: string): Promise<{ head: TreeHead; etag: string } | undefined> {
  const stored = await state.read(lastName(origin));
  if (stored === undefined) return undefined;
  const last = Last.safeParse(parseJcs(stored.bytes));
  // A tree that cannot be read may be any tree.
  if (!last.success) throw new ExchangeError("signer_unavailable", { reason: "last tree" });
  return { head: { size: last.data.size, root: parseHex(last.data.root) }, etag: stored.etag };
}

async function advance(state: SignerState, { origin, root, size, proof }: CheckpointRequest): Promise<void> {
  const name = lastName(origin);
  const next = utf8Of(jcs({ root: hexOf(root), size } satisfies z.infer<typeof Last>));
  for (let attempt = 0; attempt < LAST_MAX_ATTEMPTS; attempt++) {
    const last = await readLast(state, origin);
    if (last === undefined) {
      if (await state.create(name, next)) return;
      continue;
    }
    requireExtends(last.head, { root, size, proof });
    if (last.head.size === size) return;
    if (await state.replace(name, next, last.etag)) return;
  }
  throw new ExchangeError("busy", { reason: "log signer" });
}

function requireExtends(last: TreeHead, { root, size, proof }: TreeHead & { proof: Uint8Array[] }): void {
  if (size < last.size) throw new ExchangeError("signer_refused", { reason: "smaller", last: last.size, got: size });
  try {
    verifyConsistency(last, { size, root }, proof);
  } catch (cause) {
    const reason = size === last.size ? "another root" : "another history";
    throw new ExchangeError("signer_refused", { reason, last: last.size, got: size }, { cause });
  }
}
