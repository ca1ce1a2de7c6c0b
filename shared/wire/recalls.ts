/** Requests and answers of taking back: recalls, who has applied what, and what is pushed. */

import { z } from "zod";
import { Digest, Publisher, SetName } from "../ids.ts";
import { MemberName } from "./members.ts";

const Version = z.int().positive();
const Count = z.int().nonnegative();
const At = z.iso.datetime({ offset: true });

/** Recalls of one set that may be in force at once: a list holds many ids, so nobody needs more. */
export const RECALLS_ACTIVE_MAX = 64;
export const APPLIED_DEFAULT_RELEASES = 4;
export const APPLIED_MAX_RELEASES = 16;

/** `POST /v1/sets/{publisher}/{set}/recalls`: 201 when accepted, 200 when these bytes were accepted before. */
export const RecallAnswer = z.object({
  publisher: Publisher,
  set: SetName,
  recall: Version,
  digest: Digest,
  log_index: Count,
  /** When it ends by itself. */
  ends_at: At,
});
export type RecallAnswer = z.infer<typeof RecallAnswer>;

/**
 * `GET /v1/sets/{publisher}/{set}/recalls`: those in force, by number. `recall` is the newest number ever given out (0:
 * none), as in the header of `head`; `envelope` is the envelope's exact text.
 */
export const RecallsAnswer = z.object({
  recall: Count,
  recalls: z.array(z.object({ recall: Version, digest: Digest, log_index: Count, envelope: z.string() })),
});
export type RecallsAnswer = z.infer<typeof RecallsAnswer>;

/** A member that has fetched the set and not said that it applies this. `late` once `due_at` has passed. */
const Waiting = z.object({
  member: MemberName,
  title: z.string(),
  /** The newest it says it has; 0 when it never said. */
  has: Count,
  /** How many numbers lie between. */
  missing: Count,
  last_seen_at: At,
  late: z.boolean(),
});

/** `GET /v1/sets/{publisher}/{set}/applied`, for the set's own publisher; its own members are not counted. */
export const AppliedAnswer = z.object({
  publisher: Publisher,
  set: SetName,
  release: Count,
  recall: Count,
  /** Everybody who has fetched anything of the set, or acknowledged it. */
  members: z.array(
    z.object({
      member: MemberName,
      title: z.string(),
      release: Count,
      recall: Count,
      acknowledged_at: At.nullable(),
      last_seen_at: At,
    }),
  ),
  /** The newest first. */
  releases: z.array(
    z.object({
      release: Version,
      digest: Digest,
      released_at: At,
      /** The manifest's purge date: by then every copy has let go of what the release dropped. */
      due_at: At,
      applied: Count,
      waiting: z.array(Waiting),
      /** What the exchange itself destroyed when it was due: counts only. */
      purged: z.object({ purged_at: At, blobs: Count, rows: Count, derived: Count }).nullable(),
    }),
  ),
  /** Those in force, and the newest ones that have ended, newest first. */
  recalls: z.array(
    z.object({
      recall: Version,
      digest: Digest,
      log_index: Count,
      signed_at: At,
      due_at: At,
      in_force: z.boolean(),
      applied: Count,
      waiting: z.array(Waiting),
    }),
  ),
  /** Recalls that were brought for this set and refused: somebody else's attempt shows here. */
  refused: z.array(z.object({ code: z.string(), by: MemberName, times: Version, first_at: At, last_at: At })),
});
export type AppliedAnswer = z.infer<typeof AppliedAnswer>;

/**
 * `GET /v1/events` (server-sent events): one of these as the data of an event named `release` or `recall`. It says that
 * there is something, never what: the data comes through `head` and `recalls`. At the start each set is told once.
 */
export const SetEvent = z.union([
  z.object({ set: z.string(), release: Version }),
  z.object({ set: z.string(), recall: Version }),
]);
export type SetEvent = z.infer<typeof SetEvent>;
