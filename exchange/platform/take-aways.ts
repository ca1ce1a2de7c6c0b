/**
 * What was taken away from somebody, kept outside the database too: a restored database gives nothing back (keys, devices,
 * invites, people, memberships, audiences, lists of readers). Ids, codes and public keys only, one object each, never changed.
 */
import { hexOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { jcs, parseJcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { AUDIENCE_TIERS } from "@breakwater/shared/wire/sets.ts";
import { z } from "zod";
import type { Deps } from "./deps.ts";
import type { Objects } from "./objects.ts";

const PREFIX = "state/take-aways/";
/** Twice as long as a backup may be kept. */
export const TAKE_AWAYS_KEEP_DAYS = 60;
const DAY_MS = 86_400_000;
const TAKE_AWAY_MAX_BYTES = 512 * 1024;

const Id = z.string().min(1).max(64);
const Code = z.string().max(40);
const Instant = z.iso.datetime();

export const TakeAway = z.discriminatedUnion("kind", [
  /** Revoked, or ended early because another took its place. */
  z.strictObject({ kind: z.literal("api_key"), id: Id, ends_at: Instant, revoked: z.boolean() }),
  z.strictObject({ kind: z.literal("device"), id: Id }),
  z.strictObject({ kind: z.literal("invite_used"), id: Id }),
  z.strictObject({ kind: z.literal("invite_refused"), id: Id }),
  z.strictObject({ kind: z.literal("person"), id: Id }),
  z.strictObject({ kind: z.literal("member_suspended"), id: Id }),
  /** What a member has at most from here on. */
  z.strictObject({
    kind: z.literal("member_rights"),
    id: Id,
    roles: z.array(Code).max(20),
    tier: Code,
    rung3: z.boolean(),
  }),
  /** Who reads a set at most from here on. */
  z.strictObject({
    kind: z.literal("set_audience"),
    publisher: z.string().max(253),
    set: z.string().max(63),
    tier: z.enum(AUDIENCE_TIERS),
    members: z.array(Id),
  }),
  /** Who reads a hotline's reports from here on: its signed list, byte for byte, so that nobody taken off it is on again. */
  z.strictObject({
    kind: z.literal("recipients"),
    hotline: Id,
    version: z.int().positive(),
    envelope: z.base64url(),
  }),
]);
export type TakeAway = z.infer<typeof TakeAway>;
export type NotedTakeAway = TakeAway & { at: Date };

/**
 * To be called in the transaction that takes away, as its last act before the commit. If the commit then fails, the note
 * says more than was done: a restore takes it away, which whoever asked for it wanted. The other order could lose it.
 *
 * @throws ExchangeError `busy` when it cannot be noted: then nothing is taken away either, and the caller is told
 */
export async function noteTakeAway(
  { objects, random, now }: Pick<Deps, "objects" | "random" | "now">,
  takeAway: TakeAway,
): Promise<void> {
  const at = now().toISOString();
  const body = utf8Of(jcs({ at, take_away: TakeAway.parse(takeAway) }));
  await objects.put(`${dayPrefix(at)}${at}-${hexOf(random(8))}`, body, { ifAbsent: true });
}

const Noted = z.strictObject({ at: Instant, take_away: TakeAway });

/**
 * In the order of their times.
 *
 * @throws ExchangeError `internal` when one cannot be read: whom it locks out is not known, so nobody is let in
 */
export async function listTakeAways(
  { objects }: { objects: Objects },
  since: Date,
  until: Date,
): Promise<NotedTakeAway[]> {
  const noted: NotedTakeAway[] = [];
  for (const prefix of daysBetween(since, until)) {
    for (const key of await listKeys(objects, prefix)) {
      const { at, take_away } = await readNote(objects, key);
      if (new Date(at) >= since) noted.push({ ...take_away, at: new Date(at) });
    }
  }
  return noted;
}

/** Older than any backup that may still be restored. @returns how many objects went */
export async function sweepTakeAways({ objects, now }: Pick<Deps, "objects" | "now">): Promise<number> {
  const before = `${PREFIX}${new Date(now().getTime() - TAKE_AWAYS_KEEP_DAYS * DAY_MS).toISOString().slice(0, 10)}`;
  const { objects: oldest } = await objects.list(PREFIX);
  const keys = oldest.map(({ key }) => key).filter((key) => key < before);
  if (keys.length > 0) await objects.delete(keys);
  return keys.length;
}

function dayPrefix(at: string): string {
  return `${PREFIX}${at.slice(0, 10)}/`;
}

function daysBetween(since: Date, until: Date): string[] {
  const prefixes: string[] = [];
  for (let day = Math.floor(since.getTime() / DAY_MS); day * DAY_MS <= until.getTime(); day++) {
    prefixes.push(dayPrefix(new Date(day * DAY_MS).toISOString()));
  }
  return prefixes;
}

async function listKeys(objects: Objects, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await objects.list(prefix, cursor);
    keys.push(...page.objects.map(({ key }) => key));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return keys.sort();
}

async function readNote(objects: Objects, key: string): Promise<z.infer<typeof Noted>> {
  const found = await objects.get(key);
  if (found === undefined || found.size > TAKE_AWAY_MAX_BYTES)
    throw new ExchangeError("internal", { reason: "take-away" });
  const bytes = new Uint8Array(await new Response(found.body as BodyInit).arrayBuffer());
  const parsed = Noted.safeParse(parseJcs(bytes));
  if (!parsed.success) throw new ExchangeError("internal", { reason: "take-away" });
  return parsed.data;
}
