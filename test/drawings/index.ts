/** Synthetic pictures and the files they are put into; nothing here is stored in the tree. */
export { joined, pngChunk } from "./chunk.ts";
export { type Drawing, drawRgb, type Generator, lcg, toRgba } from "./draw.ts";
export {
  type ExifOptions,
  jpegWithOrientation,
  pngWithOrientation,
  tiffWithOrientation,
  webpWithOrientation,
} from "./exif.ts";
export { encodeJpeg } from "./jpeg.ts";
export { encodePng, encodePngRgba } from "./png.ts";
