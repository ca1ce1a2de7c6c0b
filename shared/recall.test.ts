/** Recalls: signed by a release key of the current root, numbered, short; and which entries they cover. */

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ENVELOPE_MAX_BYTES } from "./envelope.ts";
import {
  checkNextRecall,
  checkRecallTimes,
  isRecallInForce,
  openRecall,
  parseRecall,
  RECALL_ENTRIES_MAX,
  RECALL_LIFETIME_MAX_SECONDS,
  recallBytes,
  recallCovers,
  signRecall,
} from "./recall.ts";
import { decodeRecallList, encodeRecallList, RECALL_LIST_MAX_IDS, type RecallListPlace } from "./recall-list.ts";
import type { OpenedRoot } from "./root.ts";
import { type ExamplePublisher, exampleKeys, exampleOpenedRoot, NOW, PUBLISHER, SET } from "./testing/examples.ts";
import { fixedKey } from "./testing/keys.ts";
import { type RecallChange, testRecall } from "./testing/recall.ts";
import { outcome } from "./testing/refusal.ts";

const A = "a".repeat(32);
const PLACE = { publisher: PUBLISHER, recall: 1, set: SET } as RecallListPlace;
let keys: ExamplePublisher;
let root: OpenedRoot;
beforeAll(async () => {
  keys = await exampleKeys();
  root = await exampleOpenedRoot(keys);
});

const recall = (change: RecallChange = {}) => testRecall({ entries: [A], ...change });
const idOf = (at: number) => at.toString(16).padStart(32, "0");

describe("a recall", () => {
  it("comes back as it was signed", async () => {
    const opened = await openRecall(await signRecall(recall(), [keys.release]), root);
    expect(opened.recall).toEqual(recall());
    expect(opened.kids).toEqual([keys.release.kid]);
    expect(parseRecall(recallBytes(recall()))).toEqual(recall());
  });

  it("with as many entries as it may name fits an envelope, also with fifteen signatures", async () => {
    const entries = Array.from({ length: RECALL_ENTRIES_MAX }, (_, at) => idOf(at));
    const signers = await Promise.all(Array.from({ length: 15 }, (_, at) => fixedKey(`recall ${at}`)));
    const bytes = await signRecall(recall({ entries }), signers);
    expect(bytes.length).toBeLessThanOrEqual(ENVELOPE_MAX_BYTES);
  });

  it("is not signed when it could not be opened", async () => {
    expect(
      await outcome(() => signRecall(recall({ exp: NOW + RECALL_LIFETIME_MAX_SECONDS + 1 }), [keys.release])),
    ).toBe("recall_lifetime");
    expect(await outcome(() => recallBytes(recall({ releases: [1, 2] })))).toBe("recall_invalid");
  });

  it("of a newer publisher is read without the members that are not known", async () => {
    const { signEnvelope } = await import("./envelope.ts");
    const bytes = await signEnvelope("bw-recall+jws", { ...recall(), hint: 1 }, [keys.release]);
    expect(await outcome(() => openRecall(bytes, root))).toBe("recall_invalid");
    expect((await openRecall(bytes, root, { strict: false })).recall).toEqual(recall());
  });

  it("is in force from its time to its end, whichever clock is a little off", () => {
    expect(isRecallInForce(recall(), NOW - 301)).toBe(false);
    expect(isRecallInForce(recall(), NOW - 300)).toBe(true);
    expect(isRecallInForce(recall(), NOW + RECALL_LIFETIME_MAX_SECONDS - 1)).toBe(true);
    expect(isRecallInForce(recall(), NOW + RECALL_LIFETIME_MAX_SECONDS)).toBe(false);
  });

  it("in force and its times agree", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000, max: 400_000 }), fc.integer({ min: 1, max: 260_000 }), (after, lasts) => {
        const one = recall({ exp: NOW + Math.min(lasts, RECALL_LIFETIME_MAX_SECONDS) });
        let refused = false;
        try {
          checkRecallTimes(one, NOW + after);
        } catch {
          refused = true;
        }
        expect(isRecallInForce(one, NOW + after)).toBe(!refused);
      }),
    );
  });
});

describe("numbers", () => {
  it("rise by one, whatever is thrown at them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ number: fc.integer({ min: 1, max: 6 }), digest: fc.integer({ min: 0, max: 2 }) })),
        (tries) => {
          let held: Parameters<typeof checkNextRecall>[0];
          for (const { number, digest } of tries) {
            const next = {
              recall: recall({ recall: number }),
              digest: `sha256:${idOf(digest)}${idOf(digest)}` as const,
            };
            const before = held?.recall.recall ?? 0;
            try {
              const verdict = checkNextRecall(held, next);
              expect(verdict).toBe(number === before ? "same" : "next");
              expect([before, before + 1]).toContain(number);
              held = next;
            } catch (error) {
              const code = (error as { code: string }).code;
              const wanted = number < before ? "recall_rollback" : number === before ? "recall_fork" : "recall_gap";
              expect(code).toBe(wanted);
            }
          }
        },
      ),
    );
  });
});

describe("what a recall covers", () => {
  it("is by id, and nothing beside it", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 50 }), { minLength: 1 }),
        fc.nat(50),
        fc.nat(9),
        (some, at, release) => {
          const entries = some.map(idOf).sort();
          const entry = { id: idOf(at), release: release + 1 };
          expect(recallCovers(recall({ entries }), entry)).toBe(some.includes(at));
          const list = recall({ entries: undefined, list: `sha256:${A}${A}`, list_plain: 1, list_size: 1 });
          expect(recallCovers(list, entry, new Set(entries))).toBe(some.includes(at));
          expect(recallCovers(list, entry)).toBe(true);
        },
      ),
    );
  });

  it("by releases never misses an entry that may be of them", () => {
    const bounds = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(bounds, bounds, fc.nat(20), ([from, more], [earliest, width], offset) => {
        const range = recall({ entries: undefined, releases: [from, from + more] });
        const held = { id: A, earliest, release: earliest + width };
        const truth = { id: A, release: earliest + Math.min(offset, width) };
        if (recallCovers(range, truth)) expect(recallCovers(range, held)).toBe(true);
        expect(recallCovers(range, truth)).toBe(truth.release >= from && truth.release <= from + more);
      }),
    );
  });
});

describe("a list", () => {
  it("gives back the ids, sorted and each once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(500), { minLength: 1, maxLength: 60 }), async (some) => {
        const list = await encodeRecallList(PLACE, some.map(idOf), "5a".repeat(32));
        expect(await decodeRecallList(list.bytes, list, PLACE)).toEqual([...new Set(some.map(idOf))].sort());
      }),
      { numRuns: 25 },
    );
  });

  it("has an end", async () => {
    const ids = Array.from({ length: RECALL_LIST_MAX_IDS }, (_, at) => idOf(at));
    const list = await encodeRecallList(PLACE, ids, "5a".repeat(32));
    expect(await decodeRecallList(list.bytes, list, PLACE)).toHaveLength(RECALL_LIST_MAX_IDS);
    const salt = "5a".repeat(32);
    expect(await outcome(() => encodeRecallList(PLACE, [...ids, "f".repeat(32)], salt))).toBe("recall_list");
    expect(await outcome(() => encodeRecallList(PLACE, [], salt))).toBe("recall_list");
    expect(await outcome(() => encodeRecallList(PLACE, ids.slice(0, 1), "short"))).toBe("recall_list");
  });

  it("of the same ids has another digest under another salt", async () => {
    const one = await encodeRecallList(PLACE, [A], "5a".repeat(32));
    const two = await encodeRecallList(PLACE, [A], "5b".repeat(32));
    expect(one.digest).not.toBe(two.digest);
  });
});
