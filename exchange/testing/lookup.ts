/** Private lookup for tests: asked over HTTP and read as the client does, whole tag against bucket. */

import { parseHex } from "@breakwater/shared/bytes.ts";
import {
  findInBucket,
  isLookupAlg,
  type LookupCode,
  lookupPrefix,
  lookupTag,
  readLookupCode,
  slotsOf,
} from "@breakwater/shared/lookup.ts";
import { type LookupIndex, LookupIndexes } from "@breakwater/shared/wire/lookup.ts";
import type { TestExchange } from "./test-exchange.ts";

export type LookedUp = LookupCode & { sets: string[] };

export function openTestLookup(exchange: TestExchange) {
  /** What a scheduled run would do until every index is whole. */
  async function build(): Promise<void> {
    await exchange.settle();
    await exchange.tick();
    await exchange.runJobs();
    await exchange.settle();
  }

  async function indexes(key: string): Promise<LookupIndex[]> {
    const response = await exchange.request("/v1/lookup", { key });
    if (!response.ok) throw new Error(`lookup: ${response.status} ${await response.text()}`);
    const { indexes } = LookupIndexes.parse(await response.json());
    // A look at an index that is behind begins the builder.
    await exchange.settle();
    return indexes;
  }

  function bucket(key: string, index: string, epoch: number, prefix: number): Promise<Response> {
    return exchange.request(`/v1/lookup/${index}/${epoch}/${prefix}`, { key });
  }

  /** Every record of a hash in all of the caller's indexes. */
  async function find(key: string, { alg, value }: { alg: string; value: string }): Promise<LookedUp[]> {
    if (!isLookupAlg(alg)) throw new Error("not an exact hash");
    const tag = await lookupTag(alg, parseHex(value));
    const found: LookedUp[] = [];
    for (const index of await indexes(key)) {
      const { bits, epoch, records, record_bytes, sets } = index;
      const prefix = lookupPrefix(tag, bits);
      const response = await bucket(key, index.index, epoch, prefix);
      if (!response.ok) throw new Error(`bucket: ${response.status} ${await response.text()}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const [hits = []] = findInBucket(bytes, [tag], { size: records * record_bytes, bits, prefix });
      for (const hit of hits) {
        const slots = slotsOf(hit);
        const named = sets.filter(({ slot }) => slots.includes(slot)).map((set) => `${set.publisher}/${set.set}`);
        found.push({ ...readLookupCode(hit.code), sets: named });
      }
    }
    return found;
  }

  return { build, indexes, bucket, find };
}
