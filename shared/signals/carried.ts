/**
 * Signals that the exchange carries for those who can compute and compare them, and never computes itself (of vPDQ, the
 * client does both: shared/match/video.ts).
 *
 * Each form is as narrow as its algorithm allows, because a field of free bytes is a field that could hold a picture:
 * a value is hashes and numbers in their own notation, or it is refused.
 */

/** A frame is 64 hex + quality + seconds: about 115 frames. As long as the value of any entry may be. */
export const VPDQ_MAX_CHARS = 8_192;
export const PHOTODNA_BYTES = 144;
const PHOTODNA_CHARS = (PHOTODNA_BYTES / 3) * 4;
/** TMK's level-1 feature: the pure average, 256 little-endian float32. The whole file (about 258 kB) exceeds an entry. */
export const TMK_BYTES = 1_024;
const TMK_CHARS = Math.ceil(TMK_BYTES / 3) * 4;
/** PDQ's frame features stay far below this; picture bytes read as float32 do not. */
const TMK_MAX_MAGNITUDE = 1e6;

const VPDQ_FRAME = /^[0-9a-f]{64},(?:100|[1-9]?[0-9]),(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,3})?$/;
const BASE64_PHOTODNA = new RegExp(`^[A-Za-z0-9+/]{${PHOTODNA_CHARS}}$`);
const BASE64_TMK = new RegExp(`^[A-Za-z0-9+/]{${TMK_CHARS - 3}}[AQgw]==$`);
// The reference tool prints version 1 digests: "T1" and 70 upper-case hex characters.
const TLSH = /^T1[0-9A-F]{70}$/;
// Block size, then two digests of at most 64 base64 characters each (spamsum).
const SSDEEP = /^[1-9][0-9]{0,9}:[A-Za-z0-9+/]{1,64}:[A-Za-z0-9+/]{1,64}$/;

/** vPDQ: `hash,quality,seconds` for each sampled frame, joined by `;` in order of time. */
export function isVpdq(text: string): boolean {
  return text.length <= VPDQ_MAX_CHARS && text.split(";").every((frame) => VPDQ_FRAME.test(frame));
}

/** TMK+PDQF: base64 of the pure average feature. */
export function isTmk(text: string): boolean {
  if (!BASE64_TMK.test(text)) return false;
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  for (let offset = 0; offset < TMK_BYTES; offset += 4) {
    const feature = view.getFloat32(offset, true);
    if (!Number.isFinite(feature) || Math.abs(feature) > TMK_MAX_MAGNITUDE) return false;
  }
  return true;
}

/** TLSH, as the reference tool writes it. */
export function isTlsh(text: string): boolean {
  return TLSH.test(text);
}

/** ssdeep, without the file name that the tool appends. */
export function isSsdeep(text: string): boolean {
  return SSDEEP.test(text);
}

/** PhotoDNA: base64 of the 144 bytes. Opaque: its algorithm is licensed by its vendor. */
export function isPhotodna(text: string): boolean {
  return BASE64_PHOTODNA.test(text);
}
