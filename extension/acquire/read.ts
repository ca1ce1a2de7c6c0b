// From a pick to a reading: first what the page's browser cache still holds; with leave of the organisation's policy,
// what is drawn on the screen; otherwise the reason why there is nothing but the address.
import type { Pick } from "./pick.ts";
import { type Place, parseReading, type Reading } from "./reading.ts";
import { cutFromScreen } from "./rendered.ts";

/** The browser's part, so that the order of steps can be tested without one. */
export type PagePorts = {
  /** Puts the page reader into the frame and asks it; throws where the browser lets no extension in. */
  readInFrame(tabId: number, frameId: number, address: string): Promise<unknown>;
  placeInFrame(tabId: number, address: string): Promise<Place | undefined>;
  captureTab(tabId: number): Promise<string>;
};

export async function readPick(
  pick: Pick,
  source: string | undefined,
  rung3: boolean,
  page: PagePorts,
): Promise<Reading> {
  if (pick.kind === "link" || pick.kind === "page" || source === undefined)
    return { outcome: "unread", why: "no_media" };
  let answer: unknown;
  try {
    answer = await page.readInFrame(pick.tab_id, pick.frame_id, source);
  } catch {
    // Browser pages, the PDF viewer, stores, and frames of another site.
    return { outcome: "unread", why: "page_closed" };
  }
  const reading = parseReading(answer);
  if (reading.outcome === "read" || !rung3 || pick.kind !== "image" || !canBeDrawn(reading)) return reading;
  const drawn = await cutFromScreen(pick.tab_id, source, page);
  return drawn ?? reading;
}

/** Only when the file itself could not be had; a refused picture stays refused. */
function canBeDrawn(reading: Reading & { outcome: "unread" }): boolean {
  return reading.place !== undefined && (reading.why === "other_site" || reading.why === "not_kept");
}
