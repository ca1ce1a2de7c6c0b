/** What a subscriber keeps of a log: how far it was read, whose statements it follows, and where each set stands by it. */

import { join } from "node:path";
import { findBase64url } from "@breakwater/shared/bytes.ts";
import { Digest, LogOrigin } from "@breakwater/shared/ids.ts";
import { checkFrontier, type Frontier } from "@breakwater/shared/log/index.ts";
import { ExchangeError, isProblemCode, type ProblemCode } from "@breakwater/shared/problem.ts";
import { z } from "zod";
import { readIfThere, writePrivateFile } from "../../profile/private-files.ts";
import { logDir } from "../paths.ts";

const Count = z.int().nonnegative();
const Code = z.custom<ProblemCode>(isProblemCode);
const Base64url = z.string().regex(/^[\w-]*$/);

/** A person is needed; until one has decided, the last good state goes on. */
const Hold = z.object({ code: Code, at: z.iso.datetime(), detail: z.record(z.string(), z.unknown()).optional() });
export type Hold = z.infer<typeof Hold>;

/** An accepted leaf: its place in the log, and its envelope as it came. */
const Leaf = z.object({ index: Count, envelope: z.string() });
const Candidate = z.object({ ...Leaf.shape, release: z.int().positive(), digest: Digest });

const SetLog = z.object({
  /** The newest release by the log; undefined while none verified. */
  head: Candidate.optional(),
  /** Numbers and digests of the newest statements, the head's last. */
  chain: z.array(z.tuple([z.int().positive(), Digest])),
  held: Hold.optional(),
  /** While held: the newest properly signed release of any chain, which a person may choose. */
  candidate: Candidate.optional(),
  /** A person chose the head from several chains: what was held before leads nowhere, and is loaded anew. */
  chosen: z.literal(true).optional(),
});
export type SetLog = z.infer<typeof SetLog>;
export type LoggedRelease = z.infer<typeof Candidate>;

const PublisherLog = z.object({
  pin: z.object({ version: z.int().positive(), digest: Digest }),
  /** Was the pinned root found in the log? Nothing counts before. */
  anchored: z.boolean(),
  /** Lowest version first, without a hole. */
  roots: z.array(Leaf),
  held: Hold.optional(),
  sets: z.record(z.string(), SetLog),
  /** Leaves in the publisher's name that do not count, by why. */
  ignored: z.record(z.string(), Count),
});
export type PublisherLog = z.infer<typeof PublisherLog>;

const LogStateFile = z.object({
  v: z.literal(1),
  exchange: z.string(),
  log: z.object({ url: z.url(), origin: LogOrigin, vkey: z.string() }),
  size: Count,
  frontier: z.array(Base64url),
  /** Verbatim: what is shown as evidence when the log contradicts it. */
  checkpoint: z.string().nullable(),
  etag: z.string().optional(),
  /** When the exchange last showed this very checkpoint. */
  checked_at: z.iso.datetime().optional(),
  held: Hold.optional(),
  publishers: z.record(z.string(), PublisherLog),
  /** Leaves of publishers that are not followed, and bytes that are no statement at all. */
  skipped: Count,
  /** When, and at which size of the log, the catalogue was last asked what else there is to read. */
  catalogue: z.object({ at: z.iso.datetime(), size: Count }).optional(),
});
export type LogState = z.infer<typeof LogStateFile>;

/** Statements before the newest that are kept by digest: as many as a manifest lists. */
export const CHAIN_KEPT = 65;

export function newLogState(exchange: string, log: LogState["log"]): LogState {
  const { url, origin, vkey } = log;
  return {
    v: 1,
    exchange,
    log: { url, origin, vkey },
    size: 0,
    frontier: [],
    checkpoint: null,
    publishers: {},
    skipped: 0,
  };
}

/** @throws ExchangeError `copy_damaged`: a state that cannot be read is not a first use */
export async function readLogState(stateDir: string, exchange: string): Promise<LogState | undefined> {
  const bytes = await readIfThere(join(logDir(stateDir, exchange), "state.json"));
  if (bytes === undefined) return undefined;
  try {
    const state = LogStateFile.parse(JSON.parse(new TextDecoder().decode(bytes)));
    frontierOf(state);
    return state;
  } catch (cause) {
    throw new ExchangeError("copy_damaged", { reason: "log" }, { cause });
  }
}

export async function writeLogState(stateDir: string, state: LogState): Promise<void> {
  await writePrivateFile(join(logDir(stateDir, state.exchange), "state.json"), `${JSON.stringify(state)}\n`);
}

export function frontierOf({ size, frontier }: LogState): Frontier {
  return checkFrontier({ size, hashes: frontier.map((text) => findBase64url(text) ?? new Uint8Array()) });
}

export function findSetLog(state: LogState | undefined, publisher: string, set: string): SetLog | undefined {
  const sets = state?.publishers[publisher]?.sets;
  return sets !== undefined && Object.hasOwn(sets, set) ? sets[set] : undefined;
}

export function hold(code: ProblemCode, now: Date, detail: ExchangeError["detail"] = {}): Hold {
  return { code, at: now.toISOString(), ...(Object.keys(detail).length === 0 ? {} : { detail }) };
}

/** A hold as the refusal that it is, for whoever asks about the set. */
export function errorOf({ code, detail = {} }: Hold): ExchangeError {
  return new ExchangeError(code, detail as ExchangeError["detail"]);
}
