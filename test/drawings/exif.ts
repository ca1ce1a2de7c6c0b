/** Makes files that say "turn me": the EXIF orientation tag put into a JPEG, PNG or WebP, for tests of its removal. */
import { joined, pngChunk } from "./chunk.ts";

export type ExifOptions = {
  byteOrder?: "II" | "MM";
  /** TIFF type of the tag: SHORT as the standard says, or what careless writers use. */
  type?: "BYTE" | "SHORT" | "LONG";
};

const ORIENTATION_TAG = 0x0112;
const TYPES = { BYTE: 1, SHORT: 3, LONG: 4 };

/** A TIFF structure of one directory: another tag before and after the orientation. */
export function tiffWithOrientation(orientation: number, options: ExifOptions = {}): Uint8Array<ArrayBuffer> {
  const { byteOrder = "II", type = "SHORT" } = options;
  const little = byteOrder === "II";
  const bytes = new Uint8Array(8 + 2 + 3 * 12 + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(byteOrder));
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, 3, little);
  const entry = (index: number, tag: number, tiffType: number, write: (at: number) => void) => {
    const at = 10 + index * 12;
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, tiffType, little);
    view.setUint32(at + 4, 1, little);
    write(at + 8);
  };
  entry(0, 0x0102, TYPES.SHORT, (at) => view.setUint16(at, 8, little));
  entry(1, ORIENTATION_TAG, TYPES[type], (at) => {
    if (type === "BYTE") view.setUint8(at, orientation);
    else if (type === "SHORT") view.setUint16(at, orientation, little);
    else view.setUint32(at, orientation, little);
  });
  entry(2, 0x0213, TYPES.SHORT, (at) => view.setUint16(at, 1, little));
  return bytes;
}

/** The JPEG with an EXIF segment right behind its start. */
export function jpegWithOrientation(
  jpeg: Uint8Array,
  orientation: number,
  options?: ExifOptions,
): Uint8Array<ArrayBuffer> {
  const tiff = tiffWithOrientation(orientation, options);
  const length = 2 + 6 + tiff.length;
  const head = [0xff, 0xe1, length >> 8, length & 255, ...new TextEncoder().encode("Exif\0\0")];
  return joined(jpeg.subarray(0, 2), head, tiff, jpeg.subarray(2));
}

/** The PNG with an eXIf chunk behind its header chunk. */
export function pngWithOrientation(
  png: Uint8Array,
  orientation: number,
  options?: ExifOptions,
): Uint8Array<ArrayBuffer> {
  const behindHeader = 8 + 12 + 13;
  const chunk = pngChunk("eXIf", tiffWithOrientation(orientation, options));
  return joined(png.subarray(0, behindHeader), chunk, png.subarray(behindHeader));
}

/** A WebP container of one EXIF chunk and no picture: enough for what reads only metadata. */
export function webpWithOrientation(orientation: number, options?: ExifOptions): Uint8Array<ArrayBuffer> {
  const tiff = tiffWithOrientation(orientation, options);
  const text = new TextEncoder();
  const number = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
  const flags = [0x08, 0, 0, 0, 15, 0, 0, 7, 0, 0];
  const body = joined(
    text.encode("WEBPVP8X"),
    number(flags.length),
    flags,
    text.encode("EXIF"),
    number(tiff.length),
    tiff,
    tiff.length % 2 === 1 ? [0] : [],
  );
  return joined(text.encode("RIFF"), number(body.length), body);
}
