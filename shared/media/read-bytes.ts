/** Reading numbers and names out of foreign bytes without ever reading past their end. */

export type ByteOrder = "little" | "big";

/** The characters at a place, one a byte (Latin-1); shorter than asked when the bytes end, so comparisons just fail. */
export function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

/** @returns undefined past the end */
export function uint16(bytes: Uint8Array, at: number, order: ByteOrder): number | undefined {
  const [first, second] = [bytes[at], bytes[at + 1]];
  if (first === undefined || second === undefined) return undefined;
  return order === "big" ? first * 0x100 + second : second * 0x100 + first;
}

/** @returns undefined past the end */
export function uint32(bytes: Uint8Array, at: number, order: ByteOrder): number | undefined {
  const [first, second] = [uint16(bytes, at, order), uint16(bytes, at + 2, order)];
  if (first === undefined || second === undefined) return undefined;
  return order === "big" ? first * 0x10000 + second : second * 0x10000 + first;
}
