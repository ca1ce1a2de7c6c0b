/** The release statement: numbered, chained, signed; the only thing about a set that the log keeps. */

import { z } from "zod";
import { type Bytes, type Digest as DigestText, utf8Of } from "./bytes.ts";
import { openEnvelope, signEnvelope } from "./envelope.ts";
import { Digest, type Kid, Publisher, SetName } from "./ids.ts";
import { jcs, parseJcs } from "./jcs.ts";
import type { SigningKey } from "./keys.ts";
import { ExchangeError } from "./problem.ts";
import { type OpenedRoot, roleKeys } from "./root.ts";
import {
  CLOCK_SKEW_SECONDS,
  Counter,
  closed,
  DAY_SECONDS,
  type ObjectOf,
  open,
  type ParseOptions,
  parseWith,
  refuse,
  Seconds,
} from "./schema.ts";

export const RELEASE_LIFETIME_MAX_SECONDS = 30 * DAY_SECONDS;
export const MANIFEST_MAX_BYTES = 1024 * 1024;

function statementSchema(object: ObjectOf) {
  return object({
    closed: z.literal(true).optional(),
    exp: Seconds,
    iat: Seconds,
    manifest: Digest,
    manifest_size: z.int().positive().max(MANIFEST_MAX_BYTES),
    prev: Digest.nullable(),
    publisher: Publisher,
    release: Counter,
    root: Counter,
    set: SetName,
  }).superRefine((statement, context) => {
    if ((statement.release === 1) !== (statement.prev === null)) refuse(context, "prev", "null for release 1 only");
  });
}

export const ReleaseStatement = statementSchema(closed);
export type ReleaseStatement = z.output<typeof ReleaseStatement>;
const TolerantStatement = statementSchema(open);

/** A statement with its digest: what the next release must continue. */
export type ReleaseLink = { statement: ReleaseStatement; digest: DigestText };
export type OpenedRelease = ReleaseLink & { bytes: Bytes; kids: Kid[] };

/** The bytes that are signed. */
export function statementBytes(statement: ReleaseStatement): Bytes {
  return utf8Of(jcs(parseWith(ReleaseStatement, statement, "release_invalid")));
}

/** Statement bytes that are not signed yet (exchange custody: the signer signs them). @throws `jcs_invalid`, `release_invalid` */
export function parseStatement(bytes: Uint8Array, { strict = true }: ParseOptions = {}): ReleaseStatement {
  return parseWith(strict ? ReleaseStatement : TolerantStatement, parseJcs(bytes), "release_invalid");
}

/**
 * Verify a release by its publisher's root, then parse it.
 *
 * @param root - the newest root in the log before this release: that order is what revokes a stolen key
 * @throws ExchangeError what openEnvelope throws, `release_invalid`, `publisher_mismatch`, `release_root`
 */
export async function openRelease(
  bytes: Uint8Array,
  root: OpenedRoot,
  { strict = true }: ParseOptions = {},
): Promise<OpenedRelease> {
  const { threshold } = root.root.roles.release;
  const { payload, digest, kids } = await openEnvelope(bytes, "bw-release+jws", roleKeys(root, "release"), threshold);
  const statement = parseWith(strict ? ReleaseStatement : TolerantStatement, payload, "release_invalid");
  if (statement.publisher !== root.root.publisher) throw new ExchangeError("publisher_mismatch");
  if (statement.root !== root.root.version) {
    throw new ExchangeError("release_root", { have: root.root.version, got: statement.root });
  }
  return { statement, digest, kids, bytes: Uint8Array.from(bytes) };
}

/**
 * Does a release follow the one held? Clock-free; see {@link checkReleaseTimes} for the clock.
 *
 * @returns "same" when it is the very statement that is held, so that a repeat can be answered as the first time
 * @throws ExchangeError `release_rollback`, `release_fork`, `release_gap`, `release_chain`, `release_closed`,
 *   `release_root`, `release_time`, `release_invalid` when it is another set's
 */
export function checkNext(previous: ReleaseLink | undefined, next: ReleaseLink): "next" | "same" {
  const have = previous?.statement.release ?? 0;
  const got = next.statement.release;
  if (previous !== undefined && !isSameSet(previous.statement, next.statement)) {
    throw new ExchangeError("release_invalid", { path: "/set" });
  }
  if (got === have) {
    if (next.digest === previous?.digest) return "same";
    throw new ExchangeError("release_fork", { have, got });
  }
  if (got < have) throw new ExchangeError("release_rollback", { have, got });
  if (got > have + 1) throw new ExchangeError("release_gap", { have, got });
  if (next.statement.prev !== (previous?.digest ?? null)) throw new ExchangeError("release_chain", { have, got });
  checkLifetime(next.statement);
  if (previous !== undefined) checkContinues(previous.statement, next.statement);
  return "next";
}

function isSameSet(a: ReleaseStatement, b: ReleaseStatement): boolean {
  return a.publisher === b.publisher && a.set === b.set;
}

function checkLifetime({ iat, exp }: ReleaseStatement): void {
  if (exp <= iat || exp - iat > RELEASE_LIFETIME_MAX_SECONDS) throw new ExchangeError("release_time", { iat, exp });
}

function checkContinues(previous: ReleaseStatement, next: ReleaseStatement): void {
  if (previous.closed) throw new ExchangeError("release_closed", { have: previous.release });
  if (next.iat < previous.iat) throw new ExchangeError("release_time", { have: previous.iat, got: next.iat });
  if (next.root < previous.root) throw new ExchangeError("release_root", { have: previous.root, got: next.root });
}

/** @param now - integer seconds. @throws ExchangeError `release_time` (from the future), `release_expired` */
export function checkReleaseTimes(statement: ReleaseStatement, now: number): void {
  checkLifetime(statement);
  if (statement.iat > now + CLOCK_SKEW_SECONDS) throw new ExchangeError("release_time", { iat: statement.iat });
  if (statement.exp <= now) throw new ExchangeError("release_expired", { exp: statement.exp });
}

export async function signRelease(statement: ReleaseStatement, keys: readonly SigningKey[]): Promise<Bytes> {
  return signEnvelope("bw-release+jws", parseWith(ReleaseStatement, statement, "release_invalid"), keys);
}
