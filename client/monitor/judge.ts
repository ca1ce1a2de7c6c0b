/** Whose word a statement is: this profile's own, somebody's with a key of ours, or noise that the exchange should not have logged. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import { ENVELOPE_TYPES, type EnvelopeType, openEnvelope } from "@breakwater/shared/envelope.ts";
import { SetName } from "@breakwater/shared/ids.ts";
import type { PublicJwk } from "@breakwater/shared/keys.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import { type OpenedRoot, openPinnedRoot } from "@breakwater/shared/root.ts";
import type { Pin } from "../profile/pins.ts";
import type { Journal } from "../publish/journal.ts";
import { formOf, type Leaf } from "../sync/log/leaf.ts";
import { type RootSource, updateRoots } from "../sync/roots.ts";
import type { Alarm } from "./state.ts";

/** Every key that the publisher's roots ever listed, by kid: a thief may hold one that was dropped long ago. */
export async function collectKeys(
  source: RootSource,
  stateDir: string,
  publisher: string,
  pin: Pin,
): Promise<Map<string, PublicJwk>> {
  const keys = new Map<string, PublicJwk>();
  const add = ({ root }: OpenedRoot) => {
    for (const [kid, jwk] of Object.entries(root.keys)) keys.set(kid, jwk);
  };
  let root = await updateRoots(source, stateDir, publisher, pin);
  add(root);
  while (root.root.prev !== null) {
    const version = root.root.version - 1;
    const bytes = await source.findRoot(publisher, version);
    // The statements of so old a root are told apart less finely; that they are unknown is told all the same.
    if (bytes === undefined) return keys;
    root = await openPinnedRoot(bytes, { version, digest: root.root.prev }, { strict: false });
    add(root);
  }
  return keys;
}

/** @returns undefined for a statement that this profile made */
export async function judgeLeaf(
  leaf: Leaf,
  { journals, keys, now }: { journals: readonly Journal[]; keys: ReadonlyMap<string, PublicJwk>; now: Date },
): Promise<Alarm | undefined> {
  const { index, payload, bytes } = leaf;
  const set = SetName.safeParse(payload.set);
  const named = { index, at: now.toISOString(), ...(set.success ? { set: set.data } : {}), number: numberOf(payload) };
  const form = formOf(leaf);
  if (typeof form === "string") return { ...named, digest: null, typ: "", kids: [], code: form };
  const { digest, typ } = form;
  if (isOurs(journals, digest)) return undefined;
  const verdict = await signersOf(bytes, typ, keys);
  return { ...named, digest, typ, ...verdict };
}

function isOurs(journals: readonly Journal[], digest: Digest): boolean {
  return journals.some((journal) => journal.has(digest));
}

async function signersOf(
  bytes: Uint8Array,
  typ: string,
  keys: ReadonlyMap<string, PublicJwk>,
): Promise<{ kids: string[]; code: ProblemCode | null }> {
  if (!ENVELOPE_TYPES.some((known) => known === typ)) return { kids: [], code: "envelope_typ" };
  try {
    const { kids } = await openEnvelope(bytes, typ as EnvelopeType, keys, 1, { unknownKids: "skip" });
    return { kids, code: null };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    const isNobodys = error.code === "signature_threshold";
    return { kids: [], code: isNobodys ? "envelope_kid_unknown" : error.code };
  }
}

function numberOf(payload: Record<string, unknown>): number | null {
  const number = payload.recall ?? payload.release ?? payload.version;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : null;
}
