/** PDQ without WebAssembly, for where a content policy would report the attempt: the same hashes as index.ts gives. */
import { hashPicture, type PdqResult } from "./hash.ts";
import { plainSpectrum } from "./plain-path.ts";

/** @see hashPdq in index.ts */
export function hashPdq(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): PdqResult {
  return hashPicture({ pixels: rgba, bytesPerPixel: 4, width, height }, plainSpectrum);
}
