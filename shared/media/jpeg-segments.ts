/** Walks the marker segments of a JPEG up to its first scan (ITU-T T.81, B.1). */
import { uint16 } from "./read-bytes.ts";

export type JpegSegment = { marker: number; start: number; end: number };

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const TEM = 0x01;

/** Each segment's marker byte and where its content lies (behind the length); ends at what cannot be one. */
export function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment> {
  let at = 2;
  while (at < bytes.length) {
    // Decoders skip garbage between segments and fill bytes before a marker; so must we, or they see a tag we missed.
    if (bytes[at] !== 0xff) {
      at++;
      continue;
    }
    const marker = bytes[at + 1];
    if (marker === undefined || marker === EOI || marker === SOS) return;
    if (marker === 0xff || marker === 0) {
      at++;
      continue;
    }
    if (isBare(marker)) {
      at += 2;
      continue;
    }
    const length = uint16(bytes, at + 2, "big");
    if (length === undefined || length < 2) return;
    const end = Math.min(at + 2 + length, bytes.length);
    yield { marker, start: at + 4, end };
    at = end;
  }
}

function isBare(marker: number): boolean {
  return marker === TEM || (marker >= 0xd0 && marker <= SOI);
}
