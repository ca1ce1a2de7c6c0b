/** One set brought up to date: verified from the pinned root to the last entry, switched at once, or left as it was. */

import type { About } from "@breakwater/shared/about.ts";
import type { Digest } from "@breakwater/shared/bytes.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, type ProblemCode, type ProblemDetail } from "@breakwater/shared/problem.ts";
import { checkReleaseTimes, type ReleaseLink, type ReleaseStatement } from "@breakwater/shared/release.ts";
import { checkRootTimes, type Root } from "@breakwater/shared/root.ts";
import type { Exchange } from "../http/index.ts";
import type { LogPin } from "../profile/log-pins.ts";
import type { Pin } from "../profile/pins.ts";
import type { Change } from "./compare.ts";
import { areRowsSound, type Held, openHeld } from "./copy.ts";
import type { Tail } from "./log/tail.ts";
import { type IndexView, isSameView } from "./part/index-view.ts";
import { isClockBehind, readStatus, type SetStatus } from "./status.ts";
import { takeLogged } from "./take-logged.ts";
import { takeOwn } from "./take-own.ts";

export type SyncSource = Pick<
  Exchange,
  | "origin"
  | "findRoot"
  | "getHead"
  | "findHead"
  | "findRelease"
  | "getBlob"
  | "acknowledge"
  | "getLogInfo"
  | "getCheckpoint"
  | "getBundle"
  | "listRecalls"
  | "findRecall"
>;

export type SyncContext = {
  source: SyncSource;
  stateDir: string;
  setId: SetId;
  /** What was agreed on out of band; undefined: the publisher was never pinned, and nothing of it is taken. */
  pin: Pin | undefined;
  /** The log to hold the exchange to; otherwise the one held before, or at first use the one it offers. */
  log?: Pick<LogPin, "url" | "origin" | "vkey">;
  /** A tail of the log that was made for several sets at once. */
  tail?: Tail;
  now: Date;
  /** Forget what is held and load anew: for a copy that was damaged. */
  fresh?: boolean;
  /** The publisher's own set on the publisher's own machine: nobody else's mistake to brake, and no log to wait for. */
  trusted?: boolean;
  /** Is it a statement that this machine noted as its own before it left? Its key may have been replaced since. */
  isOwn?: (digest: Digest) => boolean;
  /** Which rows the indexes have; undefined: as the copy was made before. */
  view?: IndexView;
  /** Waits between looks at a log that lags behind; tests pass one that does not. */
  sleep?: (ms: number) => Promise<void>;
  onProgress?: (done: number, total: number) => void;
};

/** Something about the exchange that a person should know; the copy is as good as the outcome says all the same. */
export type Notice = { code: ProblemCode; detail?: ProblemDetail };

export type Synced = {
  /** Did the copy change? */
  switched: boolean;
  /** Set when the newest release is held but has run out: the copy is used as stale. */
  expired?: ProblemCode;
  release: number;
  entries: number;
  state: Digest;
  change: Change;
  purged: number;
  acknowledged: boolean;
  /** What was acknowledged now or before. */
  acked?: { statement: Digest; recall: number };
  about: About;
  notices: Notice[];
  /** When the publisher's first root was signed, RFC 3339. */
  publisherSince?: string;
};

/**
 * @throws ExchangeError for whatever keeps the newest release from being taken; the copy is then as it was before, or
 *   without the entries that a held release withdraws
 */
export async function takeNewest(context: SyncContext): Promise<Synced> {
  const { stateDir, setId, pin, now } = context;
  const status = await readStatus(stateDir, setId);
  checkClock(status, now);
  if (pin === undefined) throw new ExchangeError("root_pin", { reason: "not_pinned" });
  return context.trusted ? takeOwn(context, pin, status) : takeLogged(context, pin, status);
}

// A clock set back would make an old release look fresh (§2.13 step 1).
function checkClock(status: SetStatus | undefined, now: Date): void {
  if (isClockBehind(status?.verified_at, now)) throw new ExchangeError("clock");
}

/** Rows that were damaged or destroyed are loaded again; what proves the order of releases is needed in any case. */
export async function openIfSound(stateDir: string, setId: SetId): Promise<Held | undefined> {
  try {
    const held = await openHeld(stateDir, setId);
    return held !== undefined && (await areRowsSound(held)) ? held : undefined;
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "copy_damaged") return undefined;
    throw error;
  }
}

/** The head is held, whole, and indexed as it is wanted. */
export function isUpToDate(context: SyncContext, held: Held | undefined, head: ReleaseLink): held is Held {
  if (held === undefined || held.link.digest !== head.digest || held.current.v === 1) return false;
  const isWanted = context.view === undefined || isSameView(context.view, held.current.view);
  return isWanted && held.current.withdrawn === undefined;
}

export function findExpired(root: Root, statement: ReleaseStatement, now: Date): ProblemCode | undefined {
  const seconds = Math.floor(now.getTime() / 1000);
  try {
    checkRootTimes(root, seconds);
    checkReleaseTimes(statement, seconds);
    return undefined;
  } catch (error) {
    // Run out is not false: the state is still the publisher's newest word, only too old to be acted on alone.
    if (error instanceof ExchangeError && (error.code === "release_expired" || error.code === "root_expired"))
      return error.code;
    throw error;
  }
}
