/** The signer's rules: it parses strictly what it signs, and refuses what it holds no key for or has gone past. */

import {
  type Bytes,
  base64urlOf,
  type Digest,
  digestOf,
  findBase64url,
  isDigest,
  utf8Of,
} from "@breakwater/shared/bytes.ts";
import { ENVELOPE_MAX_BYTES, signPayloadBytes } from "@breakwater/shared/envelope.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { Recall } from "@breakwater/shared/recall.ts";
import { Receipt } from "@breakwater/shared/receipt.ts";
import { ReleaseStatement } from "@breakwater/shared/release.ts";
import { z } from "zod";
import type { Signer } from "../platform/signer.ts";
import { openKeyRing } from "./keys.ts";
import type { SignerState } from "./state.ts";

const RECEIPT_KEY = "keys/receipt";
const releaseKeyName = (publisher: string) => `keys/release/${publisher}`;
const lastName = (publisher: string, set: string) => `last/${publisher}/${set}`;
const lastRecallName = (publisher: string, set: string) => `last-recall/${publisher}/${set}`;
/** Two signings of one set at once are rare, three in a row are an attack or a fault. */
const LAST_MAX_ATTEMPTS = 3;

// The payload too: an exchange that lost its rows asks for what was signed and never logged, or the number would be lost.
const held = { digest: z.custom<Digest>(isDigest), payload: z.base64url().optional() };
const Last = z.strictObject({ ...held, release: z.int().positive() });
const LastRecall = z.strictObject({ ...held, recall: z.int().positive() });

/**
 * @param state - durable store; its loss is the loss of the keys, its rollback would let a number be signed twice
 * @param secret - at least {@link SIGNER_SECRET_MIN_CHARS} characters; opens the private keys kept in the state
 */
export async function openSignerCore({ state, secret }: { state: SignerState; secret: string }): Promise<Signer> {
  const ring = await openKeyRing(state, secret);

  return {
    // The receipt keys, newest first: what `/.well-known/breakwater.json` shows and devices pin.
    async publicKeys() {
      return { receipt: [(await ring.findOrCreate(RECEIPT_KEY)).publicJwk] };
    },

    async releaseKey(publisher) {
      return (await ring.find(releaseKeyName(publisher)))?.publicJwk;
    },

    async createReleaseKey(publisher) {
      return (await ring.findOrCreate(releaseKeyName(publisher))).publicJwk;
    },

    async signRelease(payloadBytes) {
      const statement = parseStrictly(ReleaseStatement, payloadBytes);
      const key = await ring.find(releaseKeyName(statement.publisher));
      if (key === undefined) throw new ExchangeError("signer_refused", { reason: "no key" });
      // First the number, then the signature: a crash in between costs nothing, since the same bytes may be signed again.
      const { publisher, set, release } = statement;
      const next = { digest: await digestOf(payloadBytes), payload: base64urlOf(payloadBytes), release };
      await takeNumber(state, lastName(publisher, set), Last, next, (last) => last.release);
      return signPayloadBytes("bw-release+jws", payloadBytes, [key]);
    },

    async signRecall(payloadBytes) {
      const { publisher, set, recall } = parseStrictly(Recall, payloadBytes);
      const key = await ring.find(releaseKeyName(publisher));
      if (key === undefined) throw new ExchangeError("signer_refused", { reason: "no key" });
      const next = { digest: await digestOf(payloadBytes), payload: base64urlOf(payloadBytes), recall };
      await takeNumber(state, lastRecallName(publisher, set), LastRecall, next, (last) => last.recall);
      return signPayloadBytes("bw-recall+jws", payloadBytes, [key]);
    },

    async lastStatements(publisher, set) {
      const [release, recall] = await Promise.all([
        readPayload(state, lastName(publisher, set), Last),
        readPayload(state, lastRecallName(publisher, set), LastRecall),
      ]);
      return { ...(release === undefined ? {} : { release }), ...(recall === undefined ? {} : { recall }) };
    },

    async signReceipt(payloadBytes) {
      parseStrictly(Receipt, payloadBytes);
      const key = await ring.findOrCreate(RECEIPT_KEY);
      return signPayloadBytes("bw-receipt+jws", payloadBytes, [key]);
    },
  };
}

function parseStrictly<Schema extends z.ZodType>(schema: Schema, payloadBytes: Uint8Array): z.infer<Schema> {
  if (payloadBytes.length > ENVELOPE_MAX_BYTES) throw new ExchangeError("signer_refused", { reason: "size" });
  const result = schema.safeParse(parseJcs(payloadBytes));
  if (!result.success) throw new ExchangeError("signer_refused", { reason: "payload" });
  return result.data;
}

async function readPayload(
  state: SignerState,
  name: string,
  schema: z.ZodType<{ payload?: string | undefined }>,
): Promise<Bytes | undefined> {
  const stored = await state.read(name);
  if (stored === undefined) return undefined;
  const last = schema.safeParse(parseJcs(stored.bytes));
  if (!last.success) throw new ExchangeError("signer_unavailable", { reason: "last number" });
  return last.data.payload === undefined ? undefined : findBase64url(last.data.payload);
}

/** The signer's own memory is what makes a second release or recall of one number impossible, whatever its caller asks. */
async function takeNumber<Held extends { digest: Digest }>(
  state: SignerState,
  name: string,
  schema: z.ZodType<Held>,
  next: Held,
  numberOf: (held: Held) => number,
): Promise<void> {
  const nextBytes = utf8Of(jcs(next));
  for (let attempt = 0; attempt < LAST_MAX_ATTEMPTS; attempt++) {
    const stored = await state.read(name);
    if (stored === undefined) {
      if (await state.create(name, nextBytes)) return;
      continue;
    }
    const last = schema.safeParse(parseJcs(stored.bytes));
    // A number that cannot be read may be any number.
    if (!last.success) throw new ExchangeError("signer_unavailable", { reason: "last number" });
    const [have, got] = [numberOf(last.data), numberOf(next)];
    if (got === have && next.digest === last.data.digest) return;
    if (got <= have) throw new ExchangeError("signer_refused", { reason: "number", last: have, got });
    if (await state.replace(name, nextBytes, stored.etag)) return;
  }
  throw new ExchangeError("busy", { reason: "signer" });
}
