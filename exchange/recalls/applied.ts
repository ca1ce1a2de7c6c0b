/** For a set's publisher: who has applied which release and which recall, who has not, and since when it is late. */

import type { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import { findPublisher, listMemberTitles } from "../members/index.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { getNewestRoot, listReaders, type ReaderState, type SetRow } from "../sets/index.ts";
import { isVouchedFor, listNewest, listRefusals, listUnexpired, type RecallRow } from "./store.ts";

/** Recalls that have ended stay in sight for this many. */
const RECALLS_SHOWN = 16;

type Named = ReaderState & { member: string; title: string };

export async function appliedAnswer(deps: Deps, set: SetRow, releases: number): Promise<AppliedAnswer> {
  const now = deps.now();
  const own = (await findPublisher(deps, set.publisher))?.memberId ?? "";
  const [readers, refused] = [await listReaders(deps, set, own), await listRefusals(deps, set.id)];
  const ids = [...readers.map(({ memberId }) => memberId), ...refused.map(({ memberId }) => memberId)];
  const titles = await listMemberTitles(deps, ids);
  const nameOf = (id: string) => titles.get(id) ?? { name: "gone", title: "A former member" };
  const members = readers.map((reader): Named => {
    const { name, title } = nameOf(reader.memberId);
    return { ...reader, member: name, title };
  });
  return {
    publisher: set.publisher as AppliedAnswer["publisher"],
    set: set.name as AppliedAnswer["set"],
    release: set.headRelease,
    recall: set.headRecall,
    members: members.map(({ member, title, release, recall, acknowledgedAt, lastSeenAt }) => ({
      member,
      title,
      release,
      recall,
      acknowledged_at: acknowledgedAt?.toISOString() ?? null,
      last_seen_at: lastSeenAt.toISOString(),
    })),
    releases: (await listReleases(deps, set, releases)).map((row) => ({
      release: row.release,
      digest: row.digest as AppliedAnswer["releases"][number]["digest"],
      released_at: row.releasedAt.toISOString(),
      due_at: row.dueAt.toISOString(),
      ...split(members, row.release, ({ release }) => release, row.dueAt <= now),
      purged:
        row.purgedAt === null
          ? null
          : {
              purged_at: row.purgedAt.toISOString(),
              blobs: row.blobs,
              rows: row.entries,
              derived: row.derived,
            },
    })),
    recalls: (await listShown(deps, set, now)).map((row) => ({
      recall: row.recall,
      digest: row.digest,
      log_index: row.logIndex,
      signed_at: row.signedAt.toISOString(),
      due_at: row.expiresAt.toISOString(),
      in_force: row.inForce,
      ...split(members, row.recall, ({ recall }) => recall, row.expiresAt <= now),
    })),
    refused: refused.map(({ code, memberId, times, firstAt, lastAt }) => ({
      code,
      by: nameOf(memberId).name as AppliedAnswer["refused"][number]["by"],
      times,
      first_at: firstAt.toISOString(),
      last_at: lastAt.toISOString(),
    })),
  };
}

/** Those whose copy is there, as a count, and the others by name. */
function split(members: readonly Named[], wanted: number, hasOf: (member: Named) => number, isLate: boolean) {
  const waiting = members.filter((member) => hasOf(member) < wanted);
  return {
    applied: members.length - waiting.length,
    waiting: waiting.map((one) => ({
      member: one.member,
      title: one.title,
      has: hasOf(one),
      missing: wanted - hasOf(one),
      last_seen_at: one.lastSeenAt.toISOString(),
      late: isLate,
    })),
  };
}

type ReleaseShown = {
  release: number;
  digest: string;
  releasedAt: Date;
  dueAt: Date;
  purgedAt: Date | null;
  blobs: number;
  entries: number;
  derived: number;
};

async function listReleases({ sql }: Queries, set: SetRow, limit: number): Promise<ReleaseShown[]> {
  return sql<ReleaseShown[]>`
    select r.release, r.digest, r.released_at as "releasedAt", r.due_at as "dueAt", r.purged_at as "purgedAt",
      coalesce(p.blobs, 0)::float8 as blobs, coalesce(p.entries, 0)::float8 as entries, coalesce(p.derived, 0)::float8 as derived
    from releases r left join purges p on p.set_id = r.set_id and p.release = r.release
    where r.set_id = ${set.id} order by r.release desc limit ${limit}`;
}

async function listShown(deps: Deps, set: SetRow, now: Date): Promise<(RecallRow & { inForce: boolean })[]> {
  if (set.headRecall === 0) return [];
  const root = await getNewestRoot(deps, set.publisher);
  const rows = [...(await listUnexpired(deps, set.id, now)), ...(await listNewest(deps, set.id, RECALLS_SHOWN))];
  const byNumber = new Map(rows.map((row) => [row.recall, row]));
  return [...byNumber.values()]
    .sort((a, b) => b.recall - a.recall)
    .map((row) => ({ ...row, inForce: row.expiresAt > now && isVouchedFor(row, root) }));
}
