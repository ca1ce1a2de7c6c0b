/** Ids of rows that only the exchange names. */
import { hexOf } from "@breakwater/shared/bytes.ts";

export const ROW_ID_BYTES = 16;
export const ROW_ID = /^[0-9a-f]{32}$/;

/** 128 random bits in hex: says nothing of order or number. */
export function newRowId({ random }: { random: (byteLength: number) => Uint8Array }): string {
  return hexOf(random(ROW_ID_BYTES));
}
