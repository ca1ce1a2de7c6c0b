/** Appends to and reads the record of who did what. Written in the transaction of the act, so neither exists alone. */
import { desc, lt } from "drizzle-orm";
import type { Actor } from "../platform/caller.ts";
import type { Queries, Tx } from "../platform/db.ts";
import { isLoggable } from "../platform/events.ts";
import type { RetentionRule } from "../platform/retention.ts";
import { auditRecords } from "./tables.ts";

/** Seven years, and therefore no address, name or text in it. */
export const AUDIT_KEEP_DAYS = 7 * 365;

const ACTION = /^[a-z_]+\.[a-z_]+$/;

export type AuditEntry = {
  at: Date;
  actor: Actor;
  /** `noun.verb`, past tense: `invite.approved`. */
  action: string;
  /** The id of what it was done to; never what it says. */
  subject?: string | undefined;
  code?: string | undefined;
};

/** @throws TypeError when a field is not an id or code: a mistake of the caller, found by its first test */
export async function append({ db }: Tx, { at, actor, action, subject, code }: AuditEntry): Promise<void> {
  if (!ACTION.test(action)) throw new TypeError("audit action is not noun.verb");
  for (const value of [actor.id, subject, code]) {
    if (value !== undefined && !isLoggable(value)) throw new TypeError("audit takes ids and codes only");
  }
  await db.insert(auditRecords).values({ at, actorKind: actor.kind, actorId: actor.id, action, subject, code });
}

/** Newest first, those before `beforeId`. */
export async function listAudit({ db }: Queries, page: { beforeId?: number | undefined; limit: number }) {
  return db
    .select()
    .from(auditRecords)
    .where(page.beforeId === undefined ? undefined : lt(auditRecords.id, page.beforeId))
    .orderBy(desc(auditRecords.id))
    .limit(page.limit);
}

export const auditRetention: RetentionRule[] = [
  {
    table: "audit_records",
    what: "who did what, ids and codes only",
    keepDays: AUDIT_KEEP_DAYS,
    enforce: async ({ sql }, before) => {
      await sql`select set_config('breakwater.retention', 'on', true)`;
      return (await sql`delete from audit_records where at < ${before}`).count;
    },
  },
];
