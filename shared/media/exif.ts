/**
 * Sets a picture's EXIF orientation to "as stored" in a copy, before a decoder that would turn the picture sees it.
 *
 * PDQ is made of the pixels as stored; a turned picture is another picture to it (about half of the bits). Browsers turn
 * whatever option is set, so the tag itself has to go. Everything else in the file stays as it was.
 */
import type { Bytes } from "../bytes.ts";
import { pngChunks, webpChunks } from "./chunks.ts";
import { crc32 } from "./crc32.ts";
import { jpegSegments } from "./jpeg-segments.ts";
import { ascii, type ByteOrder, uint16, uint32 } from "./read-bytes.ts";
import { sniffMedia } from "./sniff.ts";

/** 1..8 as EXIF 2.32 §4.6.5 defines them; 1 is "as stored". */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
export type Neutralised = { bytes: Uint8Array; orientation: Orientation };

type Span = { start: number; end: number };
/** One orientation entry: where its value lies, how wide it is, in which order, what it says. */
type Tag = { at: number; width: 1 | 2 | 4; order: ByteOrder; value: number };

const ORIENTATION_TAG = 0x0112;
const IFD_ENTRY_BYTES = 12;
const APP1 = 0xe1;
const EXIF_PREFIX = "Exif\0";
const EXIF_PREFIX_BYTES = 6;
// TIFF types that decoders take for this tag: BYTE, SHORT, LONG.
const WIDTHS: Record<number, 1 | 2 | 4> = { 1: 1, 3: 2, 4: 4 };

/**
 * Reads and neutralises the orientation of a JPEG, PNG or WebP.
 *
 * @returns the same object when there is nothing to change, else a changed copy; `orientation` is what the first tag
 *   said (1 when there is none, or when it says what does not exist). Never throws, whatever the bytes are.
 */
export function neutraliseOrientation(bytes: Uint8Array): Neutralised {
  let orientation: Orientation | undefined;
  let copy: Bytes | undefined;
  for (const span of tiffSpans(bytes)) {
    for (const tag of orientationTags(bytes, span)) {
      if (isOrientation(tag.value)) orientation ??= tag.value;
      if (tag.value === 1) continue;
      copy ??= new Uint8Array(bytes);
      writeOne(copy, tag);
    }
  }
  if (copy) repairPngChecksums(copy);
  return { bytes: copy ?? bytes, orientation: orientation ?? 1 };
}

function isOrientation(value: number): value is Orientation {
  return value >= 1 && value <= 8;
}

/** Where TIFF structures with EXIF lie. All of them: decoders differ in which of two they believe. */
function* tiffSpans(bytes: Uint8Array): Generator<Span> {
  const name = sniffMedia(bytes)?.name;
  if (name === "jpeg") {
    for (const { marker, start, end } of jpegSegments(bytes)) {
      if (marker === APP1 && hasExifPrefix(bytes, start)) yield { start: start + EXIF_PREFIX_BYTES, end };
    }
  } else if (name === "png") {
    for (const { type, start, end } of pngChunks(bytes)) if (type === "eXIf") yield { start, end };
  } else if (name === "webp") {
    for (const { type, start, end } of webpChunks(bytes)) {
      if (type === "EXIF") yield { start: hasExifPrefix(bytes, start) ? start + EXIF_PREFIX_BYTES : start, end };
    }
  }
}

function hasExifPrefix(bytes: Uint8Array, at: number): boolean {
  return ascii(bytes, at, EXIF_PREFIX.length) === EXIF_PREFIX;
}

/** The orientation entries of the first directory (TIFF 6.0 §2); offsets count from the start of the span. */
function* orientationTags(bytes: Uint8Array, { start, end }: Span): Generator<Tag> {
  const tiff = bytes.subarray(start, end);
  const order = byteOrder(ascii(tiff, 0, 2));
  if (order === undefined) return;
  const directory = uint32(tiff, 4, order);
  const entries = directory === undefined ? undefined : uint16(tiff, directory, order);
  if (directory === undefined || entries === undefined) return;
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + i * IFD_ENTRY_BYTES;
    if (at + IFD_ENTRY_BYTES > tiff.length) return;
    if (uint16(tiff, at, order) !== ORIENTATION_TAG) continue;
    const width = WIDTHS[uint16(tiff, at + 2, order) ?? 0];
    if (width === undefined) continue;
    yield { at: start + at + 8, width, order, value: readValue(tiff, at + 8, width, order) };
  }
}

function byteOrder(mark: string): ByteOrder | undefined {
  if (mark === "II") return "little";
  return mark === "MM" ? "big" : undefined;
}

function readValue(tiff: Uint8Array, at: number, width: 1 | 2 | 4, order: ByteOrder): number {
  const value = width === 1 ? tiff[at] : width === 2 ? uint16(tiff, at, order) : uint32(tiff, at, order);
  return value ?? 0;
}

function writeOne(bytes: Uint8Array, { at, width, order }: Tag): void {
  bytes.fill(0, at, at + width);
  bytes[order === "little" ? at : at + width - 1] = 1;
}

// A chunk whose checksum is wrong is dropped by some decoders and fails the whole file in others.
function repairPngChecksums(bytes: Uint8Array): void {
  if (sniffMedia(bytes)?.name !== "png") return;
  for (const { type, start, end } of pngChunks(bytes)) {
    if (type !== "eXIf") continue;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(end, crc32(bytes.subarray(start - 4, end)));
  }
}
