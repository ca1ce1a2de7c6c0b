/**
 * Points of edwards25519 (RFC 8032 §5.1) in plain arithmetic, to make signatures that no honest signer makes. Slow, not
 * constant-time, for vectors only: the product verifies by the platform.
 */

import { createHash } from "node:crypto";

export type Point = { x: bigint; y: bigint };

const P = 2n ** 255n - 19n;
/** The order of the base point. */
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * inverse(121666n));
const SQRT_MINUS_1 = power(2n, (P - 1n) / 4n);

export const IDENTITY: Point = { x: 0n, y: 1n };
export const BASE: Point = decodePoint(Uint8Array.from([0x58, ...Array<number>(31).fill(0x66)]));

export function add(a: Point, b: Point): Point {
  const product = mod(D * a.x * b.x * a.y * b.y);
  return {
    x: mod((a.x * b.y + b.x * a.y) * inverse(1n + product)),
    y: mod((a.y * b.y + a.x * b.x) * inverse(1n - product)),
  };
}

export function multiply(scalar: bigint, point: Point): Point {
  let sum = IDENTITY;
  for (let rest = scalar, power = point; rest > 0n; rest >>= 1n, power = add(power, power)) {
    if (rest & 1n) sum = add(sum, power);
  }
  return sum;
}

/** @param aboveP - write y as y + p, which a strict reader refuses; only where it fits into 255 bits */
export function encodePoint({ x, y }: Point, { aboveP = false, flipSign = false } = {}): Uint8Array {
  const sign = (x & 1n) ^ (flipSign ? 1n : 0n);
  return littleEndian((aboveP ? y + P : y) | (sign << 255n));
}

export function decodePoint(bytes: Uint8Array): Point {
  const number = numberOf(bytes);
  const y = mod(number & (2n ** 255n - 1n));
  const ratio = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(ratio, (P + 3n) / 8n);
  if (mod(x * x - ratio) !== 0n) x = mod(x * SQRT_MINUS_1);
  if (mod(x * x - ratio) !== 0n) throw new RangeError("Not a point");
  return { x: (x & 1n) === number >> 255n ? x : mod(-x), y };
}

/** RFC 8032 §5.1.6, step 4: the hash that binds R, key and message. */
export function challenge(r: Uint8Array, key: Uint8Array, message: string): bigint {
  return numberOf(createHash("sha512").update(r).update(key).update(message).digest()) % L;
}

export function littleEndian(number: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((number >> BigInt(8 * at)) & 0xffn));
}

export function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function mod(number: bigint): bigint {
  return ((number % P) + P) % P;
}

function inverse(number: bigint): bigint {
  return power(mod(number), P - 2n);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let rest = exponent, square = base; rest > 0n; rest >>= 1n, square = mod(square * square)) {
    if (rest & 1n) result = mod(result * square);
  }
  return result;
}
