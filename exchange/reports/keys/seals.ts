/** Sealed parts wrapped again for keys that came later, so that a new analyst can read older open cases (rule 7). */
import type { Bytes } from "@breakwater/shared/bytes.ts";
import { refuseImagery } from "@breakwater/shared/imagery-gate.ts";
import type { SealingJwk } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SealedJwe } from "@breakwater/shared/sealed.ts";
import type { MissingSeal } from "@breakwater/shared/wire/hotline.ts";
import { append } from "../../audit/index.ts";
import { actorOf } from "../../members/index.ts";
import type { KeyCaller, PersonCaller } from "../../platform/caller.ts";
import { type Queries, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { readPayload } from "../payload.ts";
import { findHotline, findNewestList, listSealingKeys } from "./store.ts";

/** A round of re-wrapping: enough for a session, small enough for an answer (24 KiB of ciphertext each). */
export const MISSING_SEALS_PAGE = 50;

type HotlineCaller = KeyCaller | PersonCaller;
type OpenRow = { id: string; number: number; body: Bytes; sealed_kids: string[]; resealed: string[] };

/** What listed keys cannot open yet and the caller can: one row a report and key. */
export async function listMissingSeals(deps: Deps, caller: HotlineCaller, caseNumber?: number): Promise<MissingSeal[]> {
  const keys = await listedKeys(deps, caller.memberId);
  const mine = await ownKids(deps, caller);
  if (keys.size === 0 || mine.length === 0) return [];
  const rows = await findUnsealedFor(deps, caller.memberId, { kids: [...keys.keys()], mine, caseNumber });
  const missing: MissingSeal[] = [];
  for (const row of rows) {
    const payload = readPayload(row.body);
    const sealed = payload === null ? undefined : await openable(deps, row, mine, payload.sealed);
    if (payload === null || sealed === undefined) continue;
    for (const [kid, jwk] of keys) {
      if (row.sealed_kids.includes(kid) || row.resealed.includes(kid)) continue;
      missing.push({
        report_id: payload.id,
        case: row.number,
        kid: kid as MissingSeal["kid"],
        jwk,
        sealed,
        sealed_digest: payload.sealed_digest,
      });
    }
  }
  return missing;
}

async function findUnsealedFor(
  { sql }: Queries,
  hotlineId: string,
  { kids, mine, caseNumber }: { kids: string[]; mine: string[]; caseNumber: number | undefined },
): Promise<OpenRow[]> {
  return sql<OpenRow[]>`
    select r.id, c.number, r.body, r.sealed_kids, coalesce(s.kids, '{}') as resealed
    from reports r join cases c on c.id = r.case_id
    left join lateral (select array_agg(kid) as kids from report_seals where report_id = r.id) s on true
    where r.hotline_id = ${hotlineId} and r.body is not null
      and (${caseNumber ?? null}::integer is null or c.number = ${caseNumber ?? null}::integer)
      and (r.sealed_kids && ${mine}::text[] or s.kids && ${mine}::text[])
      and not (r.sealed_kids || coalesce(s.kids, '{}') @> ${kids}::text[])
    order by c.priority, r.received_at desc limit ${MISSING_SEALS_PAGE}`;
}

async function openable(
  { sql }: Queries,
  row: OpenRow,
  mine: string[],
  own: SealedJwe,
): Promise<SealedJwe | undefined> {
  if (row.sealed_kids.some((kid) => mine.includes(kid))) return own;
  const [seal] = await sql<{ jwe: SealedJwe }[]>`
    select jwe from report_seals where report_id = ${row.id} and kid = any(${mine}::text[]) limit 1`;
  return seal?.jwe;
}

async function listedKeys(queries: Queries, hotlineId: string): Promise<Map<string, SealingJwk>> {
  const listed = new Set((await findNewestList(queries, hotlineId))?.kids ?? []);
  const hotline = await findHotline(queries, hotlineId);
  const keys = new Map<string, SealingJwk>();
  for (const { kid, jwk } of await listSealingKeys(queries, hotlineId)) if (listed.has(kid)) keys.set(kid, jwk);
  if (hotline !== undefined && listed.has(hotline.sealing_kid)) keys.set(hotline.sealing_kid, hotline.sealing_key);
  return keys;
}

/** The kids that the caller holds the private part of: an analyst's browsers, or the agent's one key. */
export async function ownKids(queries: Queries, caller: HotlineCaller): Promise<string[]> {
  if (caller.kind === "key") {
    const hotline = await findHotline(queries, caller.memberId);
    return hotline === undefined ? [] : [hotline.sealing_kid];
  }
  const keys = await listSealingKeys(queries, caller.memberId);
  return keys.filter(({ person_id }) => person_id === caller.personId).map(({ kid }) => kid);
}

/**
 * Stores a re-wrap. What it holds cannot be seen here; its reader compares it with the report's signed digest.
 *
 * @throws ExchangeError `not_found`, `sealed_invalid`, `imagery_suspected`
 */
export async function storeSeal(
  deps: Deps,
  caller: HotlineCaller,
  reportId: string,
  { kid, jwe }: { kid: string; jwe: SealedJwe },
): Promise<void> {
  if (jwe.recipients.length !== 1 || jwe.recipients[0]?.header.kid !== kid) {
    throw new ExchangeError("sealed_invalid", { reason: "recipient" });
  }
  refuseImagery({ jwe });
  await transaction(deps, async (tx) => {
    const rows = await tx.sql`
      select 1 from reports where id = ${reportId} and hotline_id = ${caller.memberId} and body is not null for update`;
    if (rows.length === 0) throw new ExchangeError("not_found");
    if (!(await listedKeys(tx, caller.memberId)).has(kid))
      throw new ExchangeError("sealed_invalid", { reason: "recipient" });
    const actor = actorOf(caller);
    // The first wrap stays, unless the hotline's own agent replaces one that could not be opened.
    const changed = await tx.sql`
      insert into report_seals (report_id, kid, jwe, made_by_kind, made_by_id, made_at)
      values (${reportId}, ${kid}, ${JSON.stringify(jwe)}::jsonb, ${actor.kind}, ${actor.id}, ${deps.now()})
      on conflict (report_id, kid) do update set jwe = excluded.jwe, made_by_kind = excluded.made_by_kind,
        made_by_id = excluded.made_by_id, made_at = excluded.made_at
        where excluded.made_by_kind = 'key'
      returning kid`;
    if (changed.length === 1) {
      await append(tx, { at: deps.now(), actor, action: "seal.added", subject: reportId, code: kid });
    }
  });
}
