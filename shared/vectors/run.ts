/** Runs one vector: what a format makes of given bytes, as a problem code or "ok" and what came out. */

import { parseAbout } from "../about.ts";
import { digestOf } from "../bytes.ts";
import { applyChanges, type Change, parseDelta } from "../delta.ts";
import { parseEntry } from "../entries/index.ts";
import { type EnvelopeType, openEnvelope } from "../envelope.ts";
import { parseEntryId, parseKid, parsePublisher, parseSetId, parseSetName, parseUuidV7 } from "../ids.ts";
import { jcs, parseJcs } from "../jcs.ts";
import { type PublicJwk, parsePublicJwk, parseSealingJwk, thumbprint } from "../keys.ts";
import { type Manifest, parseIndex, parseManifest } from "../manifest.ts";
import { ExchangeError } from "../problem.ts";
import { checkNext, checkReleaseTimes, type OpenedRelease, openRelease, type ReleaseStatement } from "../release.ts";
import { checkRootTimes, type OpenedRoot, openPinnedRoot, openRoot, type RootPin } from "../root.ts";
import { decodeSegment, type SegmentPlace, type SegmentRef } from "../segment.ts";
import { entryIdOf, stateDigest } from "../state.ts";
import type { SetKind } from "../vocab/sets.ts";
import { LOG_RUNNERS, type LogGiven } from "./run-log.ts";
import { MATCH_RUNNERS, type MatchGiven } from "./run-matches.ts";
import { RECALL_RUNNERS, type RecallGiven } from "./run-recalls.ts";
import { REPORT_RUNNERS, type ReportGiven } from "./run-reports.ts";
import { bytesOf, type Spelled } from "./spelled.ts";

export { bytesOf, type Spelled } from "./spelled.ts";

/** What each format's vectors give. */
export type Given = {
  about: { about: unknown };
  delta: { lines: string[]; entries?: string[] };
  entry: { kind: SetKind; line: string };
  envelope: { bytes: Spelled; typ: EnvelopeType; keys: PublicJwk[]; threshold: number };
  id: { kind: keyof typeof ID_PARSERS; value: unknown };
  index: { bytes: Spelled; snapshot: Manifest["snapshot"] };
  jcs: { bytes: Spelled };
  key: { jwk: unknown; use: "signing" | "sealing" };
  manifest: { bytes: Spelled; statement: ReleaseStatement };
  release: { roots: Spelled[]; releases: Spelled[]; now: number };
  root: { roots: Spelled[]; pin?: RootPin; now: number };
  segment: { bytes: Spelled; ref: SegmentRef; place: SegmentPlace };
  state: { lines: string[]; state?: string };
} & ReportGiven &
  LogGiven &
  RecallGiven &
  MatchGiven;
export type VectorFormat = keyof Given;
export type Vector = {
  [Format in VectorFormat]: { format: Format; title: string; given: Given[Format]; expect: string; gives?: unknown };
}[VectorFormat];

const ID_PARSERS = {
  entry: parseEntryId,
  kid: parseKid,
  publisher: parsePublisher,
  set: parseSetName,
  set_id: parseSetId,
  uuid_v7: parseUuidV7,
};

const RUNNERS: { [Format in VectorFormat]: (given: Given[Format]) => unknown } = {
  ...REPORT_RUNNERS,
  ...LOG_RUNNERS,
  ...RECALL_RUNNERS,
  ...MATCH_RUNNERS,
  about: ({ about }) => parseAbout(about),
  delta: ({ lines, entries = [] }) => {
    const held = new Map(entries.map((line) => [entryIdOf(line), line]));
    const changes: Change[] = parseDelta(lines);
    applyChanges(held, changes);
    return { entries: [...held.keys()].sort() };
  },
  entry: ({ kind, line }) => parseEntry(kind, line),
  envelope: async ({ bytes, typ, keys, threshold }) => {
    const table = new Map(
      await Promise.all(keys.map(async (jwk) => [(await thumbprint(jwk)) as string, jwk] as const)),
    );
    const { payload, digest, kids } = await openEnvelope(bytesOf(bytes), typ, table, threshold);
    return { payload, digest, kids };
  },
  id: ({ kind, value }) => ID_PARSERS[kind](value),
  index: ({ bytes, snapshot }) => parseIndex(bytesOf(bytes), snapshot),
  jcs: ({ bytes }) => ({ text: jcs(parseJcs(bytesOf(bytes))) }),
  key: async ({ jwk, use }) => ({
    kid: await thumbprint(use === "signing" ? parsePublicJwk(jwk) : parseSealingJwk(jwk)),
  }),
  manifest: ({ bytes, statement }) => parseManifest(bytesOf(bytes), statement),
  release: async ({ roots, releases, now }) => {
    const root = (await openChain(roots)).at(-1) as OpenedRoot;
    let held: OpenedRelease | undefined;
    for (const release of releases) {
      const next = await openRelease(bytesOf(release), root);
      checkNext(held, next);
      held = next;
    }
    if (held !== undefined) checkReleaseTimes(held.statement, now);
    return { release: held?.statement.release, digest: held?.digest };
  },
  root: async ({ roots, pin, now }) => {
    const last =
      pin === undefined ? (await openChain(roots)).at(-1) : await openPinnedRoot(bytesOf(roots[0] as Spelled), pin);
    checkRootTimes((last as OpenedRoot).root, now);
    return { version: last?.root.version, digest: last?.digest };
  },
  segment: async ({ bytes, ref, place }) => ({ lines: (await decodeSegment(bytesOf(bytes), ref, place)).lines }),
  state: async ({ lines, state }) => {
    const computed = await stateDigest(lines);
    if (state !== undefined && state !== computed) throw new ExchangeError("state_digest");
    return { state: computed };
  },
};

async function openChain(envelopes: readonly Spelled[]): Promise<OpenedRoot[]> {
  const opened: OpenedRoot[] = [];
  for (const envelope of envelopes) opened.push(await openRoot(bytesOf(envelope), opened.at(-1)));
  return opened;
}

/** @throws anything that is not a refusal: a vector never makes a format crash */
export async function runVector(vector: Vector): Promise<{ code: string; gives?: unknown }> {
  try {
    const run = RUNNERS[vector.format] as (given: unknown) => unknown;
    return { code: "ok", gives: await run(vector.given) };
  } catch (error) {
    if (error instanceof ExchangeError) return { code: error.code };
    throw error;
  }
}

/** For whoever writes vectors: the digest of spelled bytes. */
export function digestOfSpelled(spelled: Spelled): Promise<string> {
  return digestOf(bytesOf(spelled));
}
