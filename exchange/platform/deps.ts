/** What a request works with, made once per request and passed down; nothing here outlives it. */
import type { Assets, Config, ParsedBindings } from "./bindings.ts";
import type { Caller } from "./caller.ts";
import { DB_CLOSE_TIMEOUT_S, type Db, openDb, type Sql } from "./db.ts";
import { type Events, makeEvents } from "./events.ts";
import { type KillPoint, makeKillPoint } from "./kill-points.ts";
import { type LogSigner, logSignerOver } from "./log-signer.ts";
import { type Objects, r2Objects } from "./objects.ts";
import { type Signer, signerOver } from "./signer.ts";

export type { Bindings, Config } from "./bindings.ts";

export type Deps = {
  sql: Sql;
  db: Db;
  objects: Objects;
  signer: Signer;
  logSigner: LogSigner;
  /** The only clock. Read once at the start of a rule and passed down. */
  now: () => Date;
  random: (byteLength: number) => Uint8Array<ArrayBuffer>;
  events: Events;
  config: Config;
  killPoint: (name: KillPoint) => Promise<void>;
  /**
   * Work that goes on after the answer; the database stays open until it settles. A route that answers with a stream
   * defers a promise that settles when the stream ends or is cancelled.
   */
  defer: (work: Promise<unknown>) => void;
  /**
   * Works with a database client of its own, which is closed when the work ends: for what looks now and then and holds
   * nothing while it waits.
   */
  borrow: <T>(work: (own: Deps) => Promise<T>) => Promise<T>;
  /** Says that jobs were queued: they are begun after the answer instead of at the next tick. */
  nudgeJobs: () => void;
};

/** Deps and how to end them. */
export type OpenDeps = {
  deps: Deps;
  wasNudged: () => boolean;
  /** Waits for all deferred work, then closes the client. Hand it to `waitUntil`. */
  close: () => Promise<void>;
};

export type DepsParts = Pick<Deps, "objects" | "signer" | "logSigner" | "config"> &
  Partial<Pick<Deps, "now" | "random" | "events" | "killPoint">> & { databaseUrl: string };

export function makeDeps(parts: DepsParts): OpenDeps {
  const { sql, db } = openDb(parts.databaseUrl);
  const deferred: Promise<unknown>[] = [];
  let nudged = false;
  const now = parts.now ?? (() => new Date());
  const deps: Deps = {
    sql,
    db,
    objects: parts.objects,
    signer: parts.signer,
    logSigner: parts.logSigner,
    now,
    random: parts.random ?? ((byteLength) => crypto.getRandomValues(new Uint8Array(byteLength))),
    events: parts.events ?? makeEvents(undefined, now),
    config: parts.config,
    killPoint: parts.killPoint ?? makeKillPoint(parts.config),
    defer: (work) => void deferred.push(work),
    async borrow(work) {
      const own = openDb(parts.databaseUrl);
      try {
        return await work({ ...deps, ...own });
      } finally {
        await own.sql.end({ timeout: DB_CLOSE_TIMEOUT_S }).catch(() => {});
      }
    },
    nudgeJobs: () => {
      nudged = true;
    },
  };
  return {
    deps,
    wasNudged: () => nudged,
    async close() {
      // Deferred work may defer more.
      for (let next = deferred.shift(); next !== undefined; next = deferred.shift()) await next.catch(() => {});
      await sql.end({ timeout: DB_CLOSE_TIMEOUT_S }).catch(() => {});
    },
  };
}

/** The runtime's bindings as deps. */
export function depsOver({ config, databaseUrl, bucket, signer, logSigner }: ParsedBindings): OpenDeps {
  return makeDeps({
    config,
    databaseUrl,
    objects: r2Objects(bucket),
    signer: signerOver(signer),
    logSigner: logSignerOver(logSigner),
  });
}

/** `Bindings` is what the Worker hands the app with a request, not the runtime's own bindings: those stop at worker.ts. */
export type Env = { Bindings: { deps: Deps; assets?: Assets | undefined }; Variables: Variables };
/** `caller` is there behind a `require…` middleware of members/auth.ts and nowhere else. */
export type Variables = { deps: Deps; requestId: string; caller: Caller };
