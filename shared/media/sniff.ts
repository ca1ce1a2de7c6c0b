/** What kind of picture or video a file is, by its first bytes; a name or a Content-Type proves nothing. */

import { isAnimated } from "./animation.ts";
import { findPictureSize } from "./picture-size.ts";
import { ascii, uint32 } from "./read-bytes.ts";

export const MEDIA_NAMES = [
  "png",
  "jpeg",
  "gif",
  "webp",
  "avif",
  "heif",
  "jxl",
  "tiff",
  "bmp",
  "mp4",
  "quicktime",
  "webm",
  "matroska",
  "avi",
] as const;
export type MediaName = (typeof MEDIA_NAMES)[number];
export type MediaKind = "image" | "video";

export type SniffedMedia = {
  name: MediaName;
  mime: string;
  kind: MediaKind;
  /** Pixels as stored (before any orientation tag), where the header of the format tells. */
  width?: number;
  height?: number;
  /** Only where the header tells: more frames than the first, which is the one a still hash is made of. */
  animated?: boolean;
};

const FORMATS: Record<MediaName, { mime: string; kind: MediaKind }> = {
  png: { mime: "image/png", kind: "image" },
  jpeg: { mime: "image/jpeg", kind: "image" },
  gif: { mime: "image/gif", kind: "image" },
  webp: { mime: "image/webp", kind: "image" },
  avif: { mime: "image/avif", kind: "image" },
  heif: { mime: "image/heif", kind: "image" },
  jxl: { mime: "image/jxl", kind: "image" },
  tiff: { mime: "image/tiff", kind: "image" },
  bmp: { mime: "image/bmp", kind: "image" },
  mp4: { mime: "video/mp4", kind: "video" },
  quicktime: { mime: "video/quicktime", kind: "video" },
  webm: { mime: "video/webm", kind: "video" },
  matroska: { mime: "video/matroska", kind: "video" },
  avi: { mime: "video/x-msvideo", kind: "video" },
};

// The DocType stands in the EBML header, which is short in every file that a muxer writes.
const EBML_HEADER_MAX_BYTES = 64;
// An ftyp box names its brands in four characters each; files carry fewer than a dozen.
const BRANDS_MAX = 32;
const BMP_HEADER_SIZES = [12, 40, 52, 56, 64, 108, 124];

/** @returns undefined when the bytes begin like none of the known formats; never throws */
export function sniffMedia(bytes: Uint8Array): SniffedMedia | undefined {
  const name = findName(bytes);
  if (name === undefined) return undefined;
  const { mime, kind } = FORMATS[name];
  const animated = isAnimated(name, bytes);
  return {
    name,
    mime,
    kind,
    ...findPictureSize(name, bytes),
    ...(animated === undefined ? {} : { animated }),
  };
}

function findName(bytes: Uint8Array): MediaName | undefined {
  if (ascii(bytes, 0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (ascii(bytes, 0, 3) === "\xff\xd8\xff") return "jpeg";
  if (ascii(bytes, 0, 6) === "GIF87a" || ascii(bytes, 0, 6) === "GIF89a") return "gif";
  if (ascii(bytes, 0, 4) === "RIFF") return nameOfRiff(ascii(bytes, 8, 4));
  if (ascii(bytes, 4, 4) === "ftyp") return nameOfBrands(bytes);
  if (ascii(bytes, 0, 4) === "\x1aE\xdf\xa3") return nameOfEbml(bytes);
  if (ascii(bytes, 0, 4) === "II*\0" || ascii(bytes, 0, 4) === "MM\0*") return "tiff";
  if (ascii(bytes, 0, 12) === "\0\0\0\x0cJXL \r\n\x87\n" || ascii(bytes, 0, 2) === "\xff\x0a") return "jxl";
  if (ascii(bytes, 0, 2) === "BM" && BMP_HEADER_SIZES.includes(uint32(bytes, 14, "little") ?? 0)) return "bmp";
  // QuickTime files from before ftyp begin with one of these boxes.
  if (["moov", "mdat", "wide"].includes(ascii(bytes, 4, 4))) return "quicktime";
  return undefined;
}

function nameOfRiff(form: string): MediaName | undefined {
  if (form === "WEBP") return "webp";
  return form === "AVI " ? "avi" : undefined;
}

// Stills and videos share one container (ISO 14496-12); the compatible brands say which when the major one does not.
function nameOfBrands(bytes: Uint8Array): MediaName {
  const size = Math.min(uint32(bytes, 0, "big") ?? 0, bytes.length);
  const brands = [ascii(bytes, 8, 4)];
  for (let at = 16; at + 4 <= size && brands.length < BRANDS_MAX; at += 4) brands.push(ascii(bytes, at, 4));
  if (brands[0] === "qt  ") return "quicktime";
  if (brands.includes("avif") || brands.includes("avis")) return "avif";
  if (brands.some((brand) => /^(?:hei[cxms]|hev[cxms]|mif1|msf1|jpeg|avci)$/.test(brand))) return "heif";
  return "mp4";
}

function nameOfEbml(bytes: Uint8Array): MediaName {
  return ascii(bytes, 0, Math.min(bytes.length, EBML_HEADER_MAX_BYTES)).includes("webm") ? "webm" : "matroska";
}
