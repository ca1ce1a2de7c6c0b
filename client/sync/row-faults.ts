/** What a row can be held for by itself, whatever else a release changes. */

/** PDQ compares coefficients with their median, so about 128 of 256 bits are set; far from that it matches everything. */
const PDQ_BITS_MIN = 32;
const PDQ_BITS_MAX = 224;
/** Above this many bits that rounding decides, a PDQ says nothing: the picture is symmetric or flat. */
export const AMBIGUOUS_BITS_MAX = 64;

export type RowFault = "degenerate" | "ill_conditioned" | "benign";

export function degenerateFault(pdq: Uint8Array, ambiguousBits: number): RowFault | undefined {
  let bits = 0;
  for (const byte of pdq) bits += BITS[byte] as number;
  if (bits < PDQ_BITS_MIN || bits > PDQ_BITS_MAX) return "degenerate";
  return ambiguousBits > AMBIGUOUS_BITS_MAX ? "ill_conditioned" : undefined;
}

const BITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest > 0; rest >>= 1) bits += rest & 1;
  return bits;
});
