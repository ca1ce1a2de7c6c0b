/**
 * Private lookup: exact hashes against an exchange's lists. What goes out are numbers of buckets, true ones among others
 * drawn at random; which hash of a bucket was meant is decided here, on the whole tag.
 */

import { hexOf } from "@breakwater/shared/bytes.ts";
import {
  findInBucket,
  type LookupRecord,
  lookupPrefix,
  lookupTag,
  readLookupCode,
  slotsOf,
} from "@breakwater/shared/lookup.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { HumanReview, ReportDuty, RequestedAction, VerificationLevel } from "@breakwater/shared/vocab/entries.ts";
import type { LookupIndex } from "@breakwater/shared/wire/lookup.ts";
import type { Exchange } from "../http/index.ts";
import { describeNext } from "../match/next.ts";
import type { ExactHash } from "./parse-hash.ts";

/** An epoch that ends between two buckets is asked again under its successor so often. */
const EPOCHS_A_LOOKUP = 4;
const BUCKETS_AT_ONCE = 4;
/** True buckets and as many others, and never fewer than this in all: one file's hashes are not a request of their own. */
const BUCKETS_MIN = 8;

/** What a lookup cannot do, in words, for whoever shows its answer. */
export const LOOKUP_LIMITS =
  "Only the same file is found: a copy that was re-encoded, resized or cropped has other hashes and is missed; " +
  "your own copy of the set finds those (breakwater sync, breakwater match). " +
  "The exchange learns that you asked, and which buckets, those at random among them; not which hash, and not whether it was a hit.";

export type LookupSource = Pick<Exchange, "listLookups" | "getBucket">;

export type LookupOptions = {
  /** Ask coarser buckets of so many bits: larger answers that say less. Used as far as the index allows. */
  bits?: number;
  /** Buckets asked besides the true ones; as many as there are true ones when left out. */
  decoys?: number;
  /** For what to do next. ISO 3166-1 alpha-2. */
  country?: string;
  /** Bytes from a cryptographic generator, for the decoys and their order. */
  random?: (length: number) => Uint8Array;
};

export type LookupHit = {
  /** Opaque: quoted in a dispute, the exchange's operator finds the entry by it. */
  hit_ref: string;
  alg: ExactHash["alg"];
  /** `publisher/set` of everybody who lists it so. */
  sets: string[];
  /** As of when. */
  releases: number[];
  requested_action: RequestedAction | undefined;
  report_duty: ReportDuty | undefined;
  human_review: HumanReview | undefined;
  verification: VerificationLevel | undefined;
  /** The publisher takes it back for now, or takes something in the set back that the list does not say yet. */
  recalled: boolean;
  test: boolean;
  /** A look-up never says block: there is no copy behind it, no control and no ledger. */
  action: "observe" | "review";
  next: string;
};

export type LookedUp = {
  /** In the order of what was asked. */
  answers: { hash: { alg: ExactHash["alg"]; value: string }; hits: LookupHit[] }[];
  /** The lists that were asked, and the buckets of each, decoys among them. */
  asked: { index: string; epoch: number; buckets: number; decoys: number; left: number }[];
};

/**
 * @throws ExchangeError `lookup_budget`, `lookup_probing`, `lookup_tier`, `answer_invalid` for a bucket that is not what
 *   its index says, and what the exchange answers; `not_found` when there is no list for this key's tier
 */
export async function lookupHashes(
  source: LookupSource,
  hashes: readonly ExactHash[],
  options: LookupOptions = {},
): Promise<LookedUp> {
  const tags = await Promise.all(hashes.map(({ alg, digest }) => lookupTag(alg, digest)));
  for (let epochs = 1; ; epochs++) {
    // Always the newest word first: it says which sets are for review only since the buckets were made.
    const { indexes } = await source.listLookups();
    if (indexes.length === 0) throw new ExchangeError("not_found", { reason: "no_list_for_this_tier" });
    try {
      const asked = await Promise.all(indexes.map((index) => askIndex(source, index, tags, options)));
      const answers = hashes.map(({ alg, value }, i) => ({
        hash: { alg, value },
        hits: asked.flatMap(({ index, found }) =>
          (found[i] ?? []).flatMap((record) => hitOf(record, index, { alg, tag: tags[i] as Uint8Array, options })),
        ),
      }));
      return { answers, asked: asked.map(({ told }) => told) };
    } catch (error) {
      const isOldEpoch = error instanceof ExchangeError && error.code === "lookup_epoch";
      if (!isOldEpoch || epochs >= EPOCHS_A_LOOKUP) throw error;
    }
  }
}

type AskedIndex = { index: LookupIndex; found: LookupRecord[][]; told: LookedUp["asked"][number] };

async function askIndex(
  source: LookupSource,
  index: LookupIndex,
  tags: readonly Uint8Array[],
  options: LookupOptions,
): Promise<AskedIndex> {
  const bits = Math.min(index.bits, Math.max(index.bits_min, options.bits ?? index.bits));
  const size = index.records * index.record_bytes * 2 ** (index.bits - bits);
  const name = index.index.replace(/-b\d+$/, `-b${bits}`);
  const wanted = Map.groupBy(tags.keys(), (i) => lookupPrefix(tags[i] as Uint8Array, bits));
  const order = withDecoys([...wanted.keys()], bits, options);
  const found = tags.map((): LookupRecord[] => []);
  const next = order.values();
  const work = async () => {
    for (const prefix of next) {
      const bucket = await source.getBucket({ index: name, epoch: index.epoch, prefix }, size);
      const here = wanted.get(prefix) ?? [];
      const records = findInBucket(
        bucket,
        here.map((i) => tags[i] as Uint8Array),
        { size, bits, prefix },
      );
      here.forEach((i, at) => {
        found[i]?.push(...(records[at] ?? []));
      });
    }
  };
  await Promise.all(Array.from({ length: BUCKETS_AT_ONCE }, work));
  const told = {
    index: name,
    epoch: index.epoch,
    buckets: order.length,
    decoys: order.length - wanted.size,
    left: Math.max(0, index.left - order.length * 2 ** (index.bits - bits)),
  };
  return { index, found, told };
}

/** The true buckets among others, in an order that says nothing. */
function withDecoys(
  wanted: readonly number[],
  bits: number,
  { decoys, random = randomBytes }: LookupOptions,
): number[] {
  const all = 2 ** bits;
  const target = Math.min(all, wanted.length + (decoys ?? Math.max(wanted.length, BUCKETS_MIN - wanted.length)));
  const buckets = new Set(wanted);
  while (buckets.size < target) buckets.add(drawBelow(all, random));
  const order = [...buckets];
  for (let at = order.length - 1; at > 0; at--) {
    const other = drawBelow(at + 1, random);
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  return order;
}

/** Even: what would make small numbers likelier is drawn again. */
function drawBelow(limit: number, random: (length: number) => Uint8Array): number {
  const whole = 2 ** 32;
  for (;;) {
    const drawn = new DataView(Uint8Array.from(random(4)).buffer).getUint32(0);
    if (drawn < whole - (whole % limit)) return drawn % limit;
  }
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

type Of = { alg: ExactHash["alg"]; tag: Uint8Array; options: LookupOptions };

function hitOf(record: LookupRecord, index: LookupIndex, { alg, tag, options: { country } }: Of): LookupHit[] {
  const slots = slotsOf(record);
  const sets = index.sets.filter(({ slot }) => slots.includes(slot));
  // A record of sets that the table does not name says nothing of anybody.
  if (sets.length === 0) return [];
  const code = readLookupCode(record.code);
  const recalled = code.recalled || sets.some(({ review_only }) => review_only);
  const test = code.test || sets.every(({ stream }) => stream === "test");
  const action = test ? "observe" : "review";
  const next = describeNext({
    action,
    why: test ? "test_set" : recalled ? "recalled" : undefined,
    // Words that this version does not know: the most careful of those that it does.
    requested: code.requestedAction ?? "review",
    reportDuty: code.reportDuty ?? "check",
    humanReview: code.humanReview ?? "required",
    isTerm: false,
    country,
  });
  return [
    {
      hit_ref: `h_${hexOf(tag)}`,
      alg,
      sets: sets.map(({ publisher, set }) => `${publisher}/${set}`),
      releases: sets.map(({ release }) => release),
      requested_action: code.requestedAction,
      report_duty: code.reportDuty,
      human_review: code.humanReview,
      verification: code.verification,
      recalled,
      test,
      action,
      next,
    },
  ];
}
