/** Lines gathered as the bytes that they are written and hashed as: as strings a million of them would fill the heap. */

import type { Bytes } from "./bytes.ts";

const START_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;
const UTF8_MAX_BYTES_A_CHAR = 3; // per UTF-16 unit

export type LineBuffer = {
  /** Adds the line and a line feed. @returns false, and adds nothing, when they do not fit */
  add(line: string): boolean;
  /** What was added; valid until the next change. */
  bytes(): Bytes;
  length(): number;
  clear(): void;
};

/** @param maxBytes - it grows up to this, and is as large as it was when it is used again */
export function createLineBuffer(maxBytes = Number.MAX_SAFE_INTEGER): LineBuffer {
  const encoder = new TextEncoder();
  let held = new Uint8Array(Math.min(START_BYTES, maxBytes));
  let length = 0;

  function grow(): boolean {
    if (held.length >= maxBytes) return false;
    const larger = new Uint8Array(Math.min(maxBytes, held.length * 2));
    larger.set(held.subarray(0, length));
    held = larger;
    return true;
  }

  return {
    add(line) {
      // A line that surely fits is written once; near the end it is tried, and the buffer grows where it may.
      while (length + line.length * UTF8_MAX_BYTES_A_CHAR >= held.length && grow());
      const { read, written } = encoder.encodeInto(line, held.subarray(length));
      if (read !== line.length || length + written >= held.length) return false;
      held[length + written] = LINE_FEED;
      length += written + 1;
      return true;
    },
    bytes: () => held.subarray(0, length),
    length: () => length,
    clear() {
      length = 0;
    },
  };
}
