/** What a member asks of an exchange's lists of exact hashes: which there are, and one bucket at a time. */

import type { Bytes } from "@breakwater/shared/bytes.ts";
import { LookupIndexes, OperatorLookups } from "@breakwater/shared/wire/lookup.ts";
import { OperatorFloods } from "@breakwater/shared/wire/opinions.ts";
import type { Call } from "./call.ts";

export function makeLookups(call: Call) {
  return {
    /** The indexes that this key may ask, and what is left of the day. */
    listLookups: (): Promise<LookupIndexes> => call.json({ path: "/v1/lookup" }, LookupIndexes),

    /** @param maxBytes - what the index says every bucket has */
    async getBucket(
      { index, epoch, prefix }: { index: string; epoch: number; prefix: number },
      maxBytes: number,
    ): Promise<Bytes> {
      return (await call.bytes({ path: `/v1/lookup/${index}/${epoch}/${prefix}`, maxBytes })).body;
    },
  };
}

/** For an exchange's operator: counts of look-ups, and what members' guards turned to review. */
export function makeLookupRecords(call: Call) {
  return {
    listLookupUses: async () => (await call.json({ path: "/v1/operator/lookups" }, OperatorLookups)).uses,
    listFloods: async () => (await call.json({ path: "/v1/operator/floods" }, OperatorFloods)).floods,
  };
}
