/** How a set's last check ended, beside the copy: what the copy may still be used for. */

import { join } from "node:path";
import { Digest, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, isProblemCode, type ProblemCode } from "@breakwater/shared/problem.ts";
import { CLOCK_SKEW_SECONDS } from "@breakwater/shared/schema.ts";
import { z } from "zod";
import { readIfThere, writePrivateFile } from "../profile/private-files.ts";
import { refuseNewer } from "./current.ts";
import { setDir } from "./paths.ts";

/** current: verified now. stale: not verified for too long. held: a person decides. refused: what was offered is not taken. */
export const CHECK_STATES = ["current", "stale", "held", "refused", "unreached"] as const;
export type CheckState = (typeof CHECK_STATES)[number];

const STATUS_VERSION = 1;
const StatusFile = z.object({
  v: z.literal(STATUS_VERSION),
  state: z.enum(CHECK_STATES),
  checked_at: z.iso.datetime(),
  /** The last time the newest release on offer was verified and is the one that is held. */
  verified_at: z.iso.datetime().optional(),
  code: z.custom<ProblemCode>(isProblemCode).optional(),
  detail: z.record(z.string(), z.unknown()).optional(),
  /** The statement that a person may let through with `release-hold`. */
  held_statement: Digest.optional(),
  held_release: z.int().positive().optional(),
  /** The statement that a person has let through. */
  released_statement: Digest.optional(),
  /** Entries that a held release withdraws, and that are gone from the copy already. */
  withdrawn: z.int().nonnegative().optional(),
  /** What the publisher was told, so that a poll without news tells nothing. */
  acked: z.object({ statement: Digest, recall: z.int().nonnegative() }).optional(),
  /** What a person should know although the set is current. */
  notices: z
    .array(
      z.object({ code: z.custom<ProblemCode>(isProblemCode), detail: z.record(z.string(), z.unknown()).optional() }),
    )
    .optional(),
  /** Since when the publisher has keys: its first 30 days are for watching (§2.13 step 17). */
  publisher_since: z.iso.datetime().optional(),
  /** A person has let a new publisher's sets do more than be observed. */
  released_new: z.literal(true).optional(),
  /** The copy was kept too long without a verification, and is gone. */
  destroyed_at: z.iso.datetime().optional(),
});
export type SetStatus = z.infer<typeof StatusFile>;

export async function readStatus(stateDir: string, setId: SetId): Promise<SetStatus | undefined> {
  const bytes = await readIfThere(join(setDir(stateDir, setId), "status.json"));
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ExchangeError("copy_damaged", { reason: "status" });
  }
  refuseNewer(value, STATUS_VERSION);
  const status = StatusFile.safeParse(value);
  if (!status.success) throw new ExchangeError("copy_damaged", { reason: "status" });
  return status.data;
}

export async function writeStatus(stateDir: string, setId: SetId, status: SetStatus): Promise<void> {
  await writePrivateFile(join(setDir(stateDir, setId), "status.json"), `${JSON.stringify(status, null, 2)}\n`);
}

const DAY_MS = 24 * 60 * 60 * 1000;
export const ACT_STALE_DEFAULT_DAYS = 7;
export const KEEP_STALE_DEFAULT_DAYS = 90;

/** A publisher's sets are only observed for as long, unless a person decides otherwise. */
export const NEW_PUBLISHER_DAYS = 30;

export function isNewPublisher(status: SetStatus | undefined, now: Date): boolean {
  if (status?.publisher_since === undefined || status.released_new) return false;
  return !isOlderThan(status.publisher_since, NEW_PUBLISHER_DAYS, now);
}

// Run out, or no telling how old: nobody vouches for it now. Any other trouble leaves it good until its age says not.
const REVIEW_AT_ONCE = new Set<ProblemCode>(["release_expired", "root_expired", "clock"]);

/** @param isOld - past the set's own `act_stale` */
export function isForReview(status: SetStatus | undefined, isOld: boolean): boolean {
  return isOld || (status?.state === "stale" && status.code !== undefined && REVIEW_AT_ONCE.has(status.code));
}

/**
 * Whether this machine's clock stands before what it has seen already: offline, a clock that was set back would make any
 * copy look fresh. Nobody can say then how old it is, so it is stale; and nothing is destroyed by such a clock.
 */
export function isClockBehind(verifiedAt: string | undefined, now: Date): boolean {
  return verifiedAt !== undefined && now.getTime() + CLOCK_SKEW_SECONDS * 1000 < Date.parse(verifiedAt);
}

/** @param days - the set's own limit, from its `about` */
export function isOlderThan(verifiedAt: string | undefined, days: number, now: Date): boolean {
  return verifiedAt === undefined || now.getTime() - Date.parse(verifiedAt) > days * DAY_MS;
}
