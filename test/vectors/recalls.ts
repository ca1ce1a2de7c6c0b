/** Vectors of recalls: statements, numbers, keys, and lists of ids. */

import { digestOf, utf8Of } from "../../shared/bytes.ts";
import { signEnvelope } from "../../shared/envelope.ts";
import { type RecallableEntry, recallBytes, signRecall } from "../../shared/recall.ts";
import { RECALL_LIST_MAX_PLAIN_BYTES, type RecallListPlace } from "../../shared/recall-list.ts";
import { type Root, rootDigest, signRoot } from "../../shared/root.ts";
import { type ExamplePublisher, exampleKeys, exampleRoot, NOW, PUBLISHER, SET } from "../../shared/testing/examples.ts";
import { type RecallChange, testRecall } from "../../shared/testing/recall.ts";
import { storedGzip } from "./gzip-by-hand.ts";
import { type NamedVector, spelled, vector } from "./named-vector.ts";

const HOUR = 3_600;
const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(32)) as [string, string, string];
const DIGEST = `sha256:${"1".repeat(64)}` as const;
const BASE = { exp: NOW + 72 * HOUR, iat: NOW, publisher: PUBLISHER, recall: 1, root: 1, set: SET };
/** As copies hold them: put by a release that is known, or loaded with a snapshot of release 5. */
const ENTRIES: RecallableEntry[] = [
  { id: A, release: 2 },
  { id: B, release: 7 },
  { id: C, release: 5, earliest: 1 },
];
const recallOf = (change: RecallChange) => testRecall({ ...BASE, ...change });
const listed = (change: object = {}) => ({ list: DIGEST, list_plain: 200, list_size: 150, ...change });

async function statementVectors(keys: ExamplePublisher): Promise<NamedVector[]> {
  const { root1, release, spare } = keys;
  const first = await signRoot(exampleRoot(keys), [root1]);
  const nextRoot = async (kept: ExamplePublisher["release"]): Promise<Uint8Array> => {
    const jwks = { [root1.kid]: root1.publicJwk, [kept.kid]: kept.publicJwk } as Root["keys"];
    const roles = { release: { kids: [kept.kid], threshold: 1 }, root: { kids: [root1.kid], threshold: 1 } };
    return signRoot(exampleRoot(keys, { keys: jwks, roles, prev: await rootDigest(first), version: 2 }), [root1]);
  };
  type More = { roots?: Uint8Array[]; now?: number; entries?: RecallableEntry[]; listed?: string[] };
  const make = (title: string, expect: string, recalls: Uint8Array[], more: More = {}, gives?: unknown) => {
    const { roots = [first], now = NOW + 60, ...rest } = more;
    const given = { roots: roots.map(spelled), recalls: recalls.map(spelled), now, ...rest };
    return vector("recall", title, expect, given, gives);
  };
  const shaped = async (title: string, change: object, expect = "recall_invalid") =>
    make(title, expect, [await signEnvelope("bw-recall+jws", { ...BASE, ...change }, [release])]);
  const signed = (change: object, key = release) => signRecall(recallOf(change), [key]);
  const covering = async (title: string, change: object, covered: string[], ids?: string[]) => {
    const gives = { recall: 1, digest: await digestOf(recallBytes(recallOf(change))), covered };
    const more = { entries: ENTRIES, ...(ids === undefined ? {} : { listed: ids }) };
    return make(title, "ok", [await signed(change)], more, gives);
  };
  const [one, two] = [await signed({ entries: [A] }), await signed({ recall: 2, entries: [B] })];
  return [
    await covering("entries", { entries: [A, C] }, [A, C]),
    await covering("a range of releases", { releases: [6, 7] }, [B]),
    await covering("a range that a snapshot's entries may be of", { releases: [2, 3] }, [A, C]),
    await covering("a list that was fetched", listed(), [B], [B]),
    await covering("a list that was not fetched covers all", listed(), [A, B, C]),
    make("the second recall", "ok", [one, two]),
    make("the same recall again", "ok", [one, one]),
    make("after a rotation that keeps the key", "ok", [one], { roots: [first, await nextRoot(release)] }),
    make("number too low", "recall_rollback", [one, two, one]),
    make("number too high", "recall_gap", [one, await signed({ recall: 3, entries: [B] })]),
    make("starts at 2", "recall_gap", [two]),
    make("number repeated with other bytes", "recall_fork", [one, await signed({ entries: [B] })]),
    make("other set", "recall_invalid", [one, await signed({ recall: 2, entries: [B], set: "other" })]),
    make("other publisher", "publisher_mismatch", [await signed({ entries: [A], publisher: "other.example" })]),
    make("root that is not known yet", "recall_root", [await signed({ entries: [A], root: 2 })]),
    make("signed by a key that was revoked", "recall_key_revoked", [one], { roots: [first, await nextRoot(spare)] }),
    make(
      "signed by a key that was revoked and naming the new root",
      "recall_key_revoked",
      [await signed({ entries: [A], root: 2 })],
      { roots: [first, await nextRoot(spare)] },
    ),
    make("signed by a stranger", "envelope_kid_unknown", [await signed({ entries: [A] }, spare)]),
    make("signed by the root key", "envelope_kid_unknown", [await signed({ entries: [A] }, root1)]),
    make("release type", "envelope_typ", [await signEnvelope("bw-release+jws", recallOf({ entries: [A] }), [release])]),
    make("ended", "recall_expired", [one], { now: BASE.exp }),
    make("from the future", "recall_time", [one], { now: NOW - 301 }),
    await shaped("lasts 72 hours and a second", { entries: [A], exp: BASE.exp + 1 }, "recall_lifetime"),
    await shaped("ends before it begins", { entries: [A], exp: NOW }, "recall_lifetime"),
    await shaped("names nothing", {}),
    await shaped("names entries and releases", { entries: [A], releases: [1, 2] }),
    await shaped("names entries and a list", { entries: [A], ...listed() }),
    await shaped("no entries", { entries: [] }),
    await shaped("entries that are not sorted", { entries: [B, A] }),
    await shaped("an entry twice", { entries: [A, A] }),
    await shaped("an entry that is no id", { entries: ["x"] }),
    await shaped("more entries than a statement takes", {
      entries: Array.from({ length: 257 }, (_, i) => i.toString(16).padStart(32, "0")),
    }),
    await shaped("a list without its sizes", { list: DIGEST }),
    await shaped("sizes without a list", { entries: [A], list_plain: 200, list_size: 150 }),
    await shaped("a list larger than is unpacked", listed({ list_plain: RECALL_LIST_MAX_PLAIN_BYTES + 1 })),
    await shaped("releases the wrong way round", { releases: [3, 2] }),
    await shaped("release 0", { releases: [0, 2] }),
    await shaped("one release instead of two", { releases: [2] }),
    await shaped("recall 0", { entries: [A], recall: 0 }),
    await shaped("other member", { entries: [A], note: "x" }),
  ];
}

async function listVectors(): Promise<NamedVector[]> {
  const place = { publisher: PUBLISHER, recall: 1, set: SET } as RecallListPlace;
  const headerOf = (change: object = {}) =>
    JSON.stringify({
      kind: "recall",
      publisher: PUBLISHER,
      recall: 1,
      salt: "ab".repeat(32),
      set: SET,
      v: 1,
      ...change,
    });
  const make = async (title: string, expect: string, text: string, ref: object = {}, gives?: unknown) => {
    const plain = utf8Of(text);
    const bytes = storedGzip(plain);
    const stated = { digest: await digestOf(bytes), plain: plain.length, size: bytes.length, ...ref };
    return vector("recall-list", title, expect, { bytes: spelled(bytes), ref: stated, place }, gives);
  };
  const lines = (...ids: string[]) => ids.map((id) => `"${id}"\n`).join("");
  const good = `${headerOf()}\n${lines(A, B, C)}`;
  return [
    await make("three ids", "ok", good, {}, { ids: [A, B, C] }),
    await make("other digest", "recall_list", good, { digest: DIGEST }),
    await make("other size", "recall_list", good, { size: 1 }),
    await make("other unpacked size", "segment_size", good, { plain: good.length + 1 }),
    await make("unpacked size above the limit", "recall_list", good, { plain: RECALL_LIST_MAX_PLAIN_BYTES + 1 }),
    await make("no ids", "recall_list", `${headerOf()}\n`),
    await make("ids that are not sorted", "recall_list", `${headerOf()}\n${lines(B, A)}`),
    await make("an id twice", "recall_list", `${headerOf()}\n${lines(A, A)}`),
    await make("an id without quotes", "recall_list", `${headerOf()}\n${A}\n`),
    await make("an id in upper case", "recall_list", `${headerOf()}\n${lines("A".repeat(32))}`),
    await make("an empty line", "recall_list", `${headerOf()}\n${lines(A)}\n`),
    await make("no LF at the end", "recall_list", good.slice(0, -1)),
    await make("no header", "recall_list", lines(A, B)),
    await make("header that is not canonical", "recall_list", `${headerOf().replace(",", ", ")}\n${lines(A)}`),
    await make("header with another member", "recall_list", `${headerOf({ w: 1 })}\n${lines(A)}`),
    await make("header of a segment", "recall_list", `${headerOf({ kind: "delta" })}\n${lines(A)}`),
    await make("header of another recall", "recall_list", `${headerOf({ recall: 2 })}\n${lines(A)}`),
    await make("header of another set", "recall_list", `${headerOf({ set: "other" })}\n${lines(A)}`),
  ];
}

export async function recallVectors(): Promise<NamedVector[]> {
  return [...(await statementVectors(await exampleKeys())), ...(await listVectors())];
}
