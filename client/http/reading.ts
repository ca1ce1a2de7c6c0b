/** What a subscriber asks of an exchange: catalogue, heads, roots, blobs, and its acknowledgements. */

import { type Bytes, type Digest, digestHex } from "@breakwater/shared/bytes.ts";
import { ENVELOPE_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { RecallsAnswer } from "@breakwater/shared/wire/recalls.ts";
import {
  type AckRequest,
  CatalogueAnswer,
  type CatalogueRow,
  PublisherAnswer,
  SetAnswer,
} from "@breakwater/shared/wire/sets.ts";
import type { Call } from "./call.ts";
import { BLOB_TIMEOUT_MS } from "./limits.ts";

/** On every answer of `head`: the newest recall of the set. */
const RECALL_HEADER = "breakwater-recall";
/** A catalogue longer than this is a loop or an attack. */
const CATALOGUE_MAX_PAGES = 200;

export function makeReading(call: Call) {
  return {
    async listSets(): Promise<CatalogueRow[]> {
      const sets: CatalogueRow[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < CATALOGUE_MAX_PAGES; page++) {
        const query: string = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
        const answer = await call.json({ path: `/v1/sets${query}` }, CatalogueAnswer);
        sets.push(...answer.sets);
        if (answer.cursor === undefined) return sets;
        cursor = answer.cursor;
      }
      throw new ExchangeError("answer_invalid", { reason: "pages" });
    },

    getSet: (setId: SetId): Promise<SetAnswer> => call.json({ path: pathOf(setId) }, SetAnswer),

    getPublisher: (publisher: string): Promise<PublisherAnswer> =>
      call.json({ path: `/v1/publishers/${publisher}` }, PublisherAnswer),

    /** As {@link getPublisher}, with the key that the exchange would sign with: for the publisher itself. */
    askForCustody: (publisher: string): Promise<PublisherAnswer> =>
      call.json({ path: `/v1/publishers/${publisher}?custody=exchange` }, PublisherAnswer),

    /** The root envelope of a version; undefined when the exchange has none of that number. */
    findRoot: (publisher: string, version: number): Promise<Bytes | undefined> =>
      findBytes(call, `/v1/publishers/${publisher}/roots/${version}`, ENVELOPE_MAX_BYTES),

    /** The newest release envelope; `not_found` for a set that is not there, not for us, or without a release. */
    async getHead(setId: SetId): Promise<Bytes> {
      return (await call.bytes({ path: `${pathOf(setId)}/head`, maxBytes: ENVELOPE_MAX_BYTES })).body;
    },

    /** The newest release envelope and the number of the set's newest recall (0: none); undefined when there is no head. */
    async findHead(setId: SetId): Promise<{ bytes: Bytes; recall: number } | undefined> {
      try {
        const answer = await call.bytes({ path: `${pathOf(setId)}/head`, maxBytes: ENVELOPE_MAX_BYTES });
        return { bytes: answer.body, recall: parseCount(answer.headers.get(RECALL_HEADER)) };
      } catch (error) {
        if (error instanceof ExchangeError && error.code === "not_found") return undefined;
        throw error;
      }
    },
    /** The recalls in force; nothing of them is believed before their signatures hold. */
    listRecalls: (setId: SetId): Promise<RecallsAnswer> =>
      call.json({ path: `${pathOf(setId)}/recalls` }, RecallsAnswer),
    findRecall: (setId: SetId, recall: number): Promise<Bytes | undefined> =>
      findBytes(call, `${pathOf(setId)}/recalls/${recall}`, ENVELOPE_MAX_BYTES),
    findRelease: (setId: SetId, release: number): Promise<Bytes | undefined> =>
      findBytes(call, `${pathOf(setId)}/releases/${release}`, ENVELOPE_MAX_BYTES),

    /**
     * A blob's bytes as they came: the caller checks their digest.
     *
     * @param maxBytes - the size that the signed document above it states
     */
    async getBlob(digest: Digest, maxBytes: number): Promise<Bytes> {
      const path = `/v1/blobs/sha256/${digestHex(digest)}`;
      return (await call.bytes({ path, maxBytes, timeoutMs: BLOB_TIMEOUT_MS })).body;
    },

    async acknowledge(setId: SetId, ack: AckRequest): Promise<void> {
      const path = `${pathOf(setId)}/acks`;
      const body = JSON.stringify(ack);
      // Only the latest is kept, so sending it twice is sending it once.
      await call.bytes({ method: "POST", path, body, contentType: "application/json", repeatable: true });
    },
  };
}

function parseCount(text: string | null): number {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

export function pathOf({ publisher, set }: SetId): string {
  return `/v1/sets/${publisher}/${set}`;
}

async function findBytes(call: Call, path: string, maxBytes: number): Promise<Bytes | undefined> {
  try {
    return (await call.bytes({ path, maxBytes })).body;
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "not_found") return undefined;
    throw error;
  }
}
