// Runs inside the clicked page, in a world of its own: finds the item, reads what the browser holds of it,
// answers with digests. The bytes are never handed to anything else and are overwritten before it returns.
import { sniffMedia } from "@breakwater/shared/media/sniff.ts";
import { readHeldBytes, Unreadable } from "./bytes.ts";
import { digestFile } from "./digests.ts";
import { findMedia, type MediaElement, placeOf } from "./element.ts";
import { MEDIA_MAX_BYTES, PIXELS_MAX, READ_TIMEOUT_MS, SIDE_MIN_PX } from "./limits.ts";
import { decodePicture } from "./pixels.ts";
import type { Reading, UnreadReason } from "./reading.ts";

export type ReadRequest = { address: string };

export async function readFromPage({ address }: ReadRequest): Promise<Reading> {
  const element = findMedia(document, address);
  const place = element && placeOf(element);
  const unread = (why: UnreadReason): Reading => ({ outcome: "unread", why, ...(place ? { place } : {}) });
  if (element && isTiny(element)) return unread("too_small");
  const signal = AbortSignal.timeout(READ_TIMEOUT_MS);
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = await readHeldBytes(address, { maxBytes: MEDIA_MAX_BYTES, signal });
    return await readBytes(bytes);
  } catch (error) {
    if (error instanceof Unreadable) return unread(error.why);
    return unread(signal.aborted ? "timed_out" : "undecodable");
  } finally {
    bytes?.fill(0);
  }
}

/** The declared size, before a decode is spent on it. Zero means that the browser has not drawn it. */
function isTiny(element: MediaElement): boolean {
  const [width, height] =
    element instanceof HTMLImageElement
      ? [element.naturalWidth, element.naturalHeight]
      : [element.videoWidth, element.videoHeight];
  return width > 0 && height > 0 && (width < SIDE_MIN_PX || height < SIDE_MIN_PX);
}

export async function readBytes(bytes: Uint8Array<ArrayBuffer>): Promise<Reading> {
  const media = sniffMedia(bytes);
  if (!media) throw new Unreadable("no_media");
  const base = {
    outcome: "read" as const,
    mime: media.mime,
    byte_length: bytes.byteLength,
    fidelity: "original_bytes" as const,
    animated: media.animated ?? false,
  };
  if (media.kind === "video") {
    return { ...base, media_type: "video", width: 0, height: 0, hashes: await digestFile(bytes) };
  }
  // Its size is read from the header first: the decoder of a bomb never starts.
  if (media.width !== undefined && media.height !== undefined && media.width * media.height > PIXELS_MAX) {
    throw new Unreadable("too_large");
  }
  const picture = await decodePicture(bytes, media.mime);
  const hashes = await digestFile(bytes);
  return {
    ...base,
    media_type: "image",
    width: picture.width,
    height: picture.height,
    hashes: picture.pdq ? [...hashes, picture.pdq] : hashes,
  };
}
