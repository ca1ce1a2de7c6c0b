/** A bucket's bytes: its records and dummies that look like them, sorted, always the same size. */

import { concatBytes } from "@breakwater/shared/bytes.ts";
import { compareBytes, LOOKUP_BITS_MAX, RECORD_BYTES, TAG_BYTES } from "@breakwater/shared/lookup.ts";

export const SECRET_BYTES = 32;
/** Of the key stream, for one dummy: a tag, and a number that says whose mask and code it borrows. */
const DUMMY_BYTES = TAG_BYTES + 4;
/** Mask and code of a dummy where there is no record to borrow from: the first set, and nothing known of it. */
const NO_RECORD = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0);

export type Padder = (prefix: number, records: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>;

/**
 * Dummies come from a secret of the epoch and the bucket's number alone: the bucket is the same bytes whoever asks, and
 * one that is written again with one record more shows one dummy less.
 *
 * @param secret - 32 bytes that never leave the exchange: who knew them could tell dummies from records
 * @param size - records a bucket
 */
export async function openPadder(secret: Uint8Array, { bits, size }: { bits: number; size: number }): Promise<Padder> {
  const key = await crypto.subtle.importKey("raw", Uint8Array.from(secret), "AES-CTR", false, ["encrypt"]);
  return async (prefix, records) => {
    const real = records.length / RECORD_BYTES;
    if (!Number.isInteger(real) || real > size) throw new RangeError("more records than the bucket holds");
    const counter = new Uint8Array(16);
    new DataView(counter.buffer).setUint32(0, prefix);
    // A key stream: the encryption of zeros.
    const stream = new Uint8Array(
      await crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 64 }, key, new Uint8Array(size * DUMMY_BYTES)),
    );
    const rows = Array.from({ length: real }, (_, i) => records.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES));
    for (let i = real; i < size; i++) {
      const drawn = stream.subarray((i - real) * DUMMY_BYTES, (i - real + 1) * DUMMY_BYTES);
      const pick = new DataView(drawn.buffer, drawn.byteOffset + TAG_BYTES).getUint32(0);
      const borrowed = real === 0 ? NO_RECORD : (rows[pick % real] as Uint8Array).subarray(TAG_BYTES);
      rows.push(concatBytes([inBucket(drawn.subarray(0, TAG_BYTES), prefix, bits), borrowed]));
    }
    return concatBytes(rows.sort(compareBytes));
  };
}

/** The drawn tag with the bucket's number in place of its first bits. */
function inBucket(drawn: Uint8Array, prefix: number, bits: number): Uint8Array {
  const tag = Uint8Array.from(drawn);
  const low = LOOKUP_BITS_MAX - bits;
  const first = (((tag[0] as number) << 8) | (tag[1] as number)) & (2 ** low - 1);
  const whole = (prefix << low) | first;
  tag[0] = whole >>> 8;
  tag[1] = whole & 0xff;
  return tag;
}
