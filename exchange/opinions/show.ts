/** What a set's publisher gets to see of opinions, and the operator of floods: counts, small ones said as few, names only of those who signed. */

import type { EntryId, Publisher, SetName } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { DisputeReason } from "@breakwater/shared/vocab/reasons.ts";
import {
  type EntryOpinions,
  type FloodSeen,
  type OperatorFloods,
  type OpinionsPage,
  SMALL_COUNT,
  shownCountOf,
} from "@breakwater/shared/wire/opinions.ts";
import { listMemberTitles } from "../members/index.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { findListedIds, type SetRow } from "../sets/index.ts";
import { FLOODS_SHOWN_DAYS, FLOODS_SHOWN_MAX } from "./limits.ts";

const DAY_MS = 86_400_000;
const CURSOR = /^[0-9a-f]{32}$/;
const dayOf = (at: Date) => at.toISOString().slice(0, 10);

export type Wanted = { cursor?: string | undefined; limit: number; only?: "rejected" | undefined };

/** By entry id: an order by counts would say what small counts leave out. @throws ExchangeError `cursor_invalid` */
export async function opinionsPage(deps: Deps, set: SetRow, { cursor, limit, only }: Wanted): Promise<OpinionsPage> {
  if (cursor !== undefined && !CURSOR.test(cursor)) throw new ExchangeError("cursor_invalid");
  const found = await listSubjects(deps, set.id, { after: cursor ?? "", limit: limit + 1, only });
  const ids = found.slice(0, limit);
  const entries = await entriesShown(deps, set, ids);
  const last = ids.at(-1);
  return {
    publisher: set.publisher as Publisher,
    set: set.name as SetName,
    small_count: SMALL_COUNT,
    entries,
    ...(cursor === undefined ? { floods: await listFloods(deps, set) } : {}),
    ...(found.length > limit && last !== undefined ? { cursor: last } : {}),
  };
}

async function listSubjects(
  { sql }: Queries,
  setId: number,
  { after, limit, only }: { after: string; limit: number; only: Wanted["only"] },
): Promise<string[]> {
  const rows =
    only === "rejected"
      ? await sql<{ entry: string }[]>`
          select entry from opinions where set_id = ${setId} and entry > ${after} and verdict = 'rejected'
          union select entry from opinion_days
            where set_id = ${setId} and entry > ${after} and (rejected is not null or overturned is not null)
          order by entry limit ${limit}`
      : await sql<{ entry: string }[]>`
          select entry from opinions where set_id = ${setId} and entry > ${after}
          union select entry from opinion_days where set_id = ${setId} and entry > ${after}
          order by entry limit ${limit}`;
  return rows.map(({ entry }) => entry);
}

type VerdictRow = { entry: string; verdict: string; reason: string | null; members: number };
type DayRow = Record<"matched" | "reviewed" | "confirmed" | "rejected" | "overturned", number> & {
  entry: string;
  seen_by: number;
  last_day: string;
};
type NamedRow = {
  entry: string;
  member_id: string;
  verdict: string;
  reason: string | null;
  release: number;
  day: string;
};

async function entriesShown(deps: Deps, set: SetRow, ids: readonly string[]): Promise<EntryOpinions[]> {
  if (ids.length === 0) return [];
  const { sql } = deps;
  const some = sql`set_id = ${set.id} and entry = any(${[...ids]}::text[])`;
  const verdicts = await sql<VerdictRow[]>`
    select entry, verdict, reason, count(*)::int as members from opinions where ${some} group by entry, verdict, reason`;
  const days = await sql<DayRow[]>`
    select entry, coalesce(sum(matched), 0)::float8 as matched, coalesce(sum(reviewed), 0)::float8 as reviewed,
      coalesce(sum(confirmed), 0)::float8 as confirmed, coalesce(sum(rejected), 0)::float8 as rejected,
      coalesce(sum(overturned), 0)::float8 as overturned, count(distinct member_id)::int as seen_by,
      to_char(max(day), 'YYYY-MM-DD') as last_day
    from opinion_days where ${some} group by entry`;
  const saidOn = await sql<{ entry: string; day: string }[]>`
    select entry, to_char(max(said_at) at time zone 'UTC', 'YYYY-MM-DD') as day from opinions where ${some} group by entry`;
  const named = await sql<NamedRow[]>`
    select entry, member_id, verdict, reason, release, to_char(said_at at time zone 'UTC', 'YYYY-MM-DD') as day
    from opinions where ${some} and named order by said_at desc`;
  const listed = new Set(await findListedIds(deps, set, ids));
  const titles = await listMemberTitles(deps, [...new Set(named.map(({ member_id }) => member_id))]);
  return ids.map((entry) => {
    const own = verdicts.filter((row) => row.entry === entry);
    const day = days.find((row) => row.entry === entry);
    const lastDays = [day?.last_day, saidOn.find((row) => row.entry === entry)?.day].filter(
      (text) => text !== undefined,
    );
    return {
      entry: entry as EntryId,
      listed: listed.has(entry),
      verdicts: verdictCounts(own),
      reasons: reasonCounts(own),
      outcomes: outcomeCounts(day),
      seen_by: membersShown(day?.seen_by ?? 0),
      last_day: lastDays.sort().at(-1) as string,
      named: named.filter((row) => row.entry === entry).map((row) => namedAnswer(row, titles)),
    };
  });
}

/**
 * Members are counted in steps: beside an exact total, the reasons that are shown would say how many gave the one that is
 * not, and two looks on two days that one more has spoken.
 */
const membersShown = (members: number) =>
  shownCountOf(members < SMALL_COUNT ? members : members - (members % SMALL_COUNT));

function verdictCounts(rows: readonly VerdictRow[]): EntryOpinions["verdicts"] {
  const of = (verdict: string) =>
    membersShown(rows.filter((row) => row.verdict === verdict).reduce((sum, { members }) => sum + members, 0));
  return { confirmed: of("confirmed"), rejected: of("rejected"), unclear: of("unclear") };
}

function reasonCounts(rows: readonly VerdictRow[]): EntryOpinions["reasons"] {
  return Object.fromEntries(
    rows.flatMap(({ reason, members }) => (reason === null ? [] : [[reason as DisputeReason, membersShown(members)]])),
  );
}

function outcomeCounts(day: DayRow | undefined): EntryOpinions["outcomes"] {
  return {
    matched: shownCountOf(day?.matched ?? 0),
    reviewed: shownCountOf(day?.reviewed ?? 0),
    confirmed: shownCountOf(day?.confirmed ?? 0),
    rejected: shownCountOf(day?.rejected ?? 0),
    overturned: shownCountOf(day?.overturned ?? 0),
  };
}

function namedAnswer(
  { member_id, verdict, reason, release, day }: NamedRow,
  titles: ReadonlyMap<string, { name: string; title: string }>,
): EntryOpinions["named"][number] {
  const member = titles.get(member_id);
  return {
    member: member?.name ?? "removed",
    title: member?.title ?? "removed",
    verdict: verdict as EntryOpinions["named"][number]["verdict"],
    reason: reason as DisputeReason | null,
    release,
    day,
  };
}

type FloodRow = { scope: FloodSeen["scope"]; subject: string; members: number; times: number; last_day: string };

function floodAnswer({ scope, subject, members, times, last_day }: FloodRow): FloodSeen {
  return {
    scope,
    entry: scope === "entry" ? (subject as EntryId) : null,
    release: scope === "release" ? Number(subject) : null,
    members: membersShown(members),
    times,
    last_day,
  };
}

async function listFloods({ sql, now }: Deps, set: SetRow): Promise<FloodSeen[]> {
  const since = dayOf(new Date(now().getTime() - FLOODS_SHOWN_DAYS * DAY_MS));
  const rows = await sql<FloodRow[]>`
    select scope, subject, count(distinct member_id)::int as members, max(times)::int as times,
      to_char(max(day), 'YYYY-MM-DD') as last_day
    from opinion_floods where set_id = ${set.id} and day >= ${since}::date
    group by scope, subject order by max(day) desc, scope, subject limit ${FLOODS_SHOWN_MAX}`;
  return rows.map(floodAnswer);
}

export async function operatorFloods({ sql, now }: Deps): Promise<OperatorFloods> {
  const since = dayOf(new Date(now().getTime() - FLOODS_SHOWN_DAYS * DAY_MS));
  const rows = await sql<(FloodRow & { publisher: string; set: string })[]>`
    select s.publisher, s.name as set, f.scope, f.subject, count(distinct f.member_id)::int as members,
      max(f.times)::int as times, to_char(max(f.day), 'YYYY-MM-DD') as last_day
    from opinion_floods f join sets s on s.id = f.set_id where f.day >= ${since}::date
    group by s.publisher, s.name, f.scope, f.subject
    order by max(f.day) desc, s.publisher, s.name, f.scope, f.subject limit ${FLOODS_SHOWN_MAX}`;
  return {
    floods: rows.map((row) => ({
      ...floodAnswer(row),
      publisher: row.publisher as Publisher,
      set: row.set as SetName,
    })),
  };
}
