// Rung 3, only where an organisation's policy allows it: the perceptual hash of what the screen shows of one item.
// The picture of the screen is cut at once, hashed and dropped; nothing exact is ever claimed from it.
import { Unreadable } from "./bytes.ts";
import { SIDE_MIN_PX } from "./limits.ts";
import { hashBitmap } from "./pixels.ts";
import type { PagePorts } from "./read.ts";
import type { Place, Reading } from "./reading.ts";

const SAME_PLACE_WITHIN_PX = 0.5;

function isSamePlace(a: Place, b: Place | undefined): boolean {
  return (
    b !== undefined &&
    (["x", "y", "width", "height", "scale"] as const).every(
      (side) => Math.abs(a[side] - b[side]) <= SAME_PLACE_WITHIN_PX,
    )
  );
}

/** `fetch("data:…")` is closed to us by our own content policy. */
export function bytesOfDataAddress(address: string): Uint8Array<ArrayBuffer> {
  const text = atob(address.slice(address.indexOf(",") + 1));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export async function cutFromScreen(
  tabId: number,
  source: string,
  page: Pick<PagePorts, "placeInFrame" | "captureTab">,
): Promise<Reading | undefined> {
  const before = await page.placeInFrame(tabId, source).catch(() => undefined);
  if (!before || before.covered) return undefined;
  const screen = bytesOfDataAddress(await page.captureTab(tabId).catch(() => ""));
  // The panel may have opened meanwhile and moved the page: then the cut would be of something else.
  const after = await page.placeInFrame(tabId, source).catch(() => undefined);
  if (screen.byteLength === 0 || !isSamePlace(before, after)) return undefined;
  const [x, y, width, height] = [before.x, before.y, before.width, before.height].map((px) =>
    Math.round(px * before.scale),
  ) as [number, number, number, number];
  if (width < SIDE_MIN_PX || height < SIDE_MIN_PX) return { outcome: "unread", why: "too_small" };
  try {
    const bitmap = await createImageBitmap(new Blob([screen], { type: "image/png" }), x, y, width, height, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
    screen.fill(0);
    try {
      const { pdq } = hashBitmap(bitmap);
      if (!pdq) return undefined;
      return {
        outcome: "read",
        media_type: "image",
        mime: "image/png",
        width,
        height,
        byte_length: 0,
        fidelity: "rendered",
        animated: false,
        hashes: [pdq],
        covered: false,
      };
    } finally {
      bitmap.close();
    }
  } catch (error) {
    return error instanceof Unreadable ? { outcome: "unread", why: error.why } : undefined;
  } finally {
    screen.fill(0);
  }
}
