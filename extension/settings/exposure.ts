// How many items were opened for a report in the last hour, for the person at this device and for nobody else.
import type { LocalArea } from "./settings.ts";

/** After so many in one hour a break is due; it is said and never forced, and nobody else learns of it. */
export const BREAK_AFTER_ITEMS = 20;
const OPENED = "opened";
const HOUR_MS = 60 * 60_000;
const REMEMBERED_MAX = 500;

function times(value: unknown, nowMs: number): number[] {
  const list = Array.isArray(value) ? value.filter((at): at is number => typeof at === "number") : [];
  return list.filter((at) => nowMs - at < HOUR_MS && at <= nowMs).slice(-REMEMBERED_MAX);
}

export async function openedThisHour(area: LocalArea, nowMs: number): Promise<number[]> {
  return times((await area.get(OPENED))[OPENED], nowMs);
}

export async function countOpened(area: LocalArea, nowMs: number): Promise<void> {
  await area.set({ [OPENED]: [...(await openedThisHour(area, nowMs)), nowMs] });
}
