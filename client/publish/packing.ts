/** Gzip on the platform's own threads: segments are packed while the next one's lines are still being read. */

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Compress } from "@breakwater/shared/segment.ts";

/** Segments in the making while the next is gathered: each holds its 8 MiB, and two cores are busy with one. */
export const SEGMENTS_AHEAD = 1;

const packed = promisify(gzip);

/** One member, no name and no time in its header: the same bytes from the same lines. */
export const gzipBeside: Compress = async (plain) => {
  const { buffer, byteOffset, length } = await packed(plain);
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
};
