/** Push: server-sent events that say there is something new, never what. Rows are polled, so every instance sees all of it. */

import { utf8Of } from "@breakwater/shared/bytes.ts";
import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SetEvent } from "@breakwater/shared/wire/recalls.ts";
import type { Caller } from "../platform/caller.ts";
import { type Queries, transaction } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { newRowId } from "../platform/ids.ts";
import type { RetentionRule } from "../platform/retention.ts";
import { listReadableSets, type SetRow } from "../sets/index.ts";

/** How often the log's size is looked at while a stream is open: one number from one row. */
export const EVENTS_POLL_MS = 1_000;
/** A comment, so that whatever lies between does not take the silence for an end. */
export const EVENTS_HEARTBEAT_MS = 15_000;
/** Then the stream ends and the client comes again, with a key that is checked again. */
export const EVENTS_MAX_MS = 5 * 60_000;
/** Each looks once a second, with a connection that it holds for that look only. Who finds no room polls, and loses seconds. */
export const EVENT_STREAMS_MAX = 64;
export const EVENT_STREAMS_PER_MEMBER = 4;
/** Some runtimes never tell a stream that its reader hung up, so a place that is not renewed for this long is free again. */
export const PLACE_MS = 10_000;
const PLACE_RENEW_MS = 3_000;
const FULL_RETRY_S = 10;
const SETS_PAGE = 500;
const STREAM_KEEP_DAYS = 1;

export const feedRetention: RetentionRule[] = [
  {
    table: "event_streams",
    what: "push connections that ended without a word",
    keepDays: STREAM_KEEP_DAYS,
    enforce: async ({ sql }, before) => (await sql`delete from event_streams where open_until < ${before}`).count,
  },
];

/** @throws ExchangeError `rate_limited` (this member has enough open), `busy` (everybody together) */
export async function openEvents(deps: Deps, caller: Caller): Promise<ReadableStream<Uint8Array>> {
  const until = new Date(deps.now().getTime() + EVENTS_MAX_MS);
  const place = await takePlace(deps, caller.memberId);
  let settle: () => void = () => {};
  // The request's database client lives until this settles.
  deps.defer(new Promise<void>((resolve) => (settle = resolve)).then(() => leavePlace(deps, place)));
  const pause = makePause();
  const watch = watchSets(caller);
  let ended = false;
  let spokeAt = 0;
  let renewedAt = deps.now().getTime();
  const end = () => {
    ended = true;
    pause.wake();
    settle();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          while (!ended) {
            const now = deps.now().getTime();
            if (now >= until.getTime()) break;
            const isDue = now - renewedAt >= PLACE_RENEW_MS;
            if (isDue) renewedAt = now;
            const news = await deps.borrow(async (own) => {
              if (isDue) await keepPlace(own, place, caller.memberId);
              return watch(own);
            });
            const isFirst = spokeAt === 0;
            if (isFirst || news.length > 0 || now - spokeAt >= EVENTS_HEARTBEAT_MS) {
              spokeAt = now;
              controller.enqueue(utf8Of(`${isFirst ? "retry: 5000\n\n" : ""}${news.join("") || ":\n\n"}`));
              return;
            }
            await pause.wait(EVENTS_POLL_MS);
          }
          if (!ended) controller.close();
        } catch {
          // The answer has begun; the client comes again and is told then.
          if (!ended) controller.error(new Error("events broke off"));
        }
        end();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

/** A wait that its owner can cut short. */
function makePause(): { wait: (ms: number) => Promise<void>; wake: () => void } {
  let wake: () => void = () => {};
  return {
    wake: () => wake(),
    wait: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}

/** What changed since the last call, as events; at the first, every set that the caller may see. */
function watchSets(caller: Caller): (queries: Queries) => Promise<string[]> {
  const told = new Map<number, Pick<SetRow, "headRelease" | "headRecall">>();
  let seen = -1;
  return async (queries) => {
    // Releases and recalls are leaves, so a log that did not grow has no news.
    const size = await logSize(queries);
    if (size === seen) return [];
    seen = size;
    const events: string[] = [];
    for (let after: { publisher: string; set: string } | undefined, more = true; more; ) {
      const rows = await listReadableSets(queries, caller, { after, limit: SETS_PAGE });
      for (const row of rows) {
        events.push(...newsOf(row, told.get(row.id)));
        told.set(row.id, { headRelease: row.headRelease, headRecall: row.headRecall });
      }
      const last = rows.at(-1);
      more = rows.length === SETS_PAGE;
      if (last !== undefined) after = { publisher: last.publisher, set: last.name };
    }
    return events;
  };
}

// The recall first: it is the one that cannot wait.
function newsOf(row: SetRow, before: Pick<SetRow, "headRelease" | "headRecall"> | undefined): string[] {
  const set = formatSetId({ publisher: row.publisher, set: row.name });
  const news: string[] = [];
  if (row.headRecall > (before?.headRecall ?? 0)) news.push(eventOf("recall", { set, recall: row.headRecall }));
  if (row.headRelease > (before?.headRelease ?? 0)) news.push(eventOf("release", { set, release: row.headRelease }));
  return news;
}

const eventOf = (name: "recall" | "release", data: SetEvent) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

async function logSize({ sql }: Queries): Promise<number> {
  const [row] = await sql<{ size: number }[]>`select size::float8 as size from log_head where id = 1`;
  return row?.size ?? 0;
}

/** Counted in rows, so that every instance of the Worker counts the same streams. */
async function takePlace(deps: Deps, memberId: string): Promise<string> {
  const id = newRowId(deps);
  const now = deps.now();
  await transaction(deps, async ({ sql }) => {
    // Two who ask at once would both be the last; readers are not kept waiting by it.
    await sql`lock table event_streams in share row exclusive mode`;
    const [open] = await sql<{ all: number; own: number }[]>`
      select count(*)::int as all, count(*) filter (where member_id = ${memberId})::int as own
      from event_streams where open_until > ${now}`;
    const retry = { retry_after: FULL_RETRY_S };
    if ((open?.own ?? 0) >= EVENT_STREAMS_PER_MEMBER) {
      throw new ExchangeError("rate_limited", { ...retry, max: EVENT_STREAMS_PER_MEMBER });
    }
    if ((open?.all ?? 0) >= EVENT_STREAMS_MAX) throw new ExchangeError("busy", { ...retry, reason: "events" });
    await sql`insert into event_streams (id, member_id, open_until) values (${id}, ${memberId}, ${placeUntil(now)})`;
  });
  return id;
}

const placeUntil = (now: Date) => new Date(now.getTime() + PLACE_MS);

// Put back if it ran out: a stream that was slow for a while is still open, and counts.
async function keepPlace({ sql, now }: Deps, id: string, memberId: string): Promise<void> {
  const until = placeUntil(now());
  await sql`
    insert into event_streams (id, member_id, open_until) values (${id}, ${memberId}, ${until})
    on conflict (id) do update set open_until = excluded.open_until`;
}

async function leavePlace({ sql }: Deps, id: string): Promise<void> {
  await sql`delete from event_streams where id = ${id}`;
}
