// What a person clicked, as the menu reported it; held in the browser's memory until it becomes a draft.
import { newUuidV7 } from "@breakwater/shared/ids.ts";
import { z } from "zod";
import { ADDRESS_MAX_CHARS } from "./limits.ts";
import { Reading } from "./reading.ts";

export const PICK_KINDS = ["image", "video", "link", "page"] as const;
export type PickKind = (typeof PICK_KINDS)[number];

const address = z.string().max(ADDRESS_MAX_CHARS).optional();

export const Pick = z.strictObject({
  id: z.string(),
  kind: z.enum(PICK_KINDS),
  at: z.number(),
  tab_id: z.number().int(),
  frame_id: z.number().int(),
  /** A `data:` address is the picture itself: it never gets as far as this. */
  media: address,
  link: address,
  page: address,
  frame: address,
});
export type Pick = z.infer<typeof Pick>;

export type MenuFacts = {
  menuItemId: string | number;
  srcUrl?: string | undefined;
  linkUrl?: string | undefined;
  pageUrl?: string | undefined;
  frameUrl?: string | undefined;
  frameId?: number | undefined;
};

/** Reported addresses are those of the web; `blob:` and `data:` name something inside the page and nothing outside. */
export function isWebAddress(text: string | undefined): text is string {
  return text !== undefined && text.length <= ADDRESS_MAX_CHARS && /^https?:\/\//i.test(text);
}

export function pickFromMenu(facts: MenuFacts, tab: { id?: number; url?: string }, nowMs: number): Pick | undefined {
  const kind = PICK_KINDS.find((known) => facts.menuItemId === `flag-${known}`);
  if (!kind || tab.id === undefined) return undefined;
  const web = (text: string | undefined) => (isWebAddress(text) ? text : undefined);
  return {
    id: newUuidV7(nowMs),
    kind,
    at: nowMs,
    tab_id: tab.id,
    frame_id: facts.frameId ?? 0,
    media: web(facts.srcUrl),
    link: kind === "link" ? web(facts.linkUrl) : undefined,
    page: web(facts.pageUrl ?? tab.url),
    frame: web(facts.frameUrl),
  };
}

/** Memory of the browser, closed to pages: a pick under way, and what reading it came to. */
export type PickMemory = {
  get(name: string): Promise<Record<string, unknown>>;
  set(values: Record<string, unknown>): Promise<void>;
  remove(name: string | string[]): Promise<void>;
};

export const PICK = "pick";
export const readingName = (pickId: string): string => `reading:${pickId}`;

export async function rememberPick(memory: PickMemory, pick: Pick): Promise<void> {
  await memory.set({ [PICK]: pick });
}

export async function findPick(memory: PickMemory): Promise<Pick | undefined> {
  const parsed = Pick.safeParse((await memory.get(PICK))[PICK]);
  return parsed.success ? parsed.data : undefined;
}

export async function rememberReading(memory: PickMemory, pickId: string, reading: Reading): Promise<void> {
  await memory.set({ [readingName(pickId)]: reading });
}

export async function findReading(memory: PickMemory, pickId: string): Promise<Reading | undefined> {
  const parsed = Reading.safeParse((await memory.get(readingName(pickId)))[readingName(pickId)]);
  return parsed.success ? parsed.data : undefined;
}

/** Once the draft holds them, the memory lets go of both. */
export async function forgetPick(memory: PickMemory, pickId: string): Promise<void> {
  const held = await findPick(memory);
  await memory.remove(held?.id === pickId ? [PICK, readingName(pickId)] : readingName(pickId));
}
