/** Publishing from inside the exchange: a hotline's verified entries become the next release of its set, through the one door. */

import { type Blob, composeRelease, type EntrySource, type NewChange } from "@breakwater/shared/compose.ts";
import { naturalKeyDigest } from "@breakwater/shared/entries/checker.ts";
import { type Entry, formatEntry, naturalKey, parseEntry } from "@breakwater/shared/entries/index.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { parseManifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { parseStatement } from "@breakwater/shared/release.ts";
import type { DeletionReason } from "@breakwater/shared/vocab/reasons.ts";
import { actorOf, type Caller } from "../platform/caller.ts";
import type { Queries } from "../platform/db.ts";
import type { Deps } from "../platform/deps.ts";
import { acceptStatement, type Outcome } from "./accept.ts";
import { readBlob, storeOwnBlob } from "./blob-store.ts";
import { findRelease, listEntries } from "./reading.ts";
import { getCurrentRoot, seconds } from "./roots.ts";
import { getSet, requirePublisher } from "./sets.ts";
import type { SetRow } from "./tables.ts";

const PAGE_ROWS = 1_000;

export type EntryChanges = {
  /** Whole entries. Where the set holds one of the same natural key, that one is replaced and keeps its id. */
  puts: readonly Entry[];
  dels: readonly { id: string; why: DeletionReason }[];
};
export type EntriesToPublish = EntryChanges & {
  publisher: string;
  set: string;
  /** Whoever pressed the button: a person or key of the publisher. */
  by: Caller;
  /** The head that the change was shown against; another head by now is `conflict`. */
  expectedRelease?: number;
  /** `erasure`: a fresh snapshot, and a day until nothing anywhere may hold what was deleted. */
  purpose?: "erasure";
};

/** What a change would do to a set: the lines as they would be published, and what stands there now. */
export type PlannedChange =
  | { op: "put"; id: string; line: string; before: string | undefined }
  | { op: "del"; id: string; why: DeletionReason; before: string };

/**
 * Compose the set's next release from its current rows and admit it.
 *
 * Only for publishers whose release key the exchange holds, and only once release 1 is there: title, purpose and lawful
 * basis are the publisher's own words.
 *
 * @throws ExchangeError `conflict`, `snapshot_missing`, `delta_invalid` when nothing would change, and what admission refuses
 */
export async function publishEntries(deps: Deps, request: EntriesToPublish): Promise<Outcome> {
  const { setId, set } = await openTarget(deps, request);
  const planned = await planEntries(deps, request);
  if (planned.length === 0) throw new ExchangeError("delta_invalid", { reason: "nothing changes" });
  const composed = await compose(deps, setId, set, planned, request.purpose);
  const { memberId } = request.by;
  for (const { bytes } of composed.blobs as Blob[]) {
    await storeOwnBlob(deps, memberId, bytes, bytes[0] === GZIP_FIRST_BYTE ? "segment" : "json");
  }
  return acceptStatement(deps, composed.statementBytes, {
    kind: "exchange",
    memberId,
    actor: actorOf(request.by),
    setId,
  });
}

const GZIP_FIRST_BYTE = 0x1f;

/** The change as it would be published; rows that are so already are left out. Nothing is stored. */
export async function planEntries(deps: Deps, request: EntriesToPublish): Promise<PlannedChange[]> {
  const { set } = await openTarget(deps, request);
  const planned = new Map<string, PlannedChange>();
  for (const entry of request.puts) {
    const { id, line: before } = await findHeld(deps, set, entry);
    const line = formatEntry({ ...entry, id: (id ?? entry.id) as Entry["id"] });
    parseEntry(set.kind, line);
    if (line !== before) addOnce(planned, { op: "put", id: id ?? entry.id, line, before });
  }
  for (const { id, why } of request.dels) {
    const [row] = await listById(deps, set, id);
    if (row !== undefined) addOnce(planned, { op: "del", id, why, before: row.line });
  }
  return [...planned.values()];
}

function addOnce(planned: Map<string, PlannedChange>, change: PlannedChange): void {
  if (planned.has(change.id)) throw new ExchangeError("delta_invalid", { reason: "an id twice" });
  planned.set(change.id, change);
}

async function openTarget(deps: Deps, { publisher, set: name, by, expectedRelease }: EntriesToPublish) {
  requirePublisher(by, publisher);
  const setId = { publisher, set: name } as SetId;
  const set = await getSet(deps, setId);
  if (set.headRelease === 0) throw new ExchangeError("snapshot_missing", { reason: "release 1" });
  if (expectedRelease !== undefined && expectedRelease !== set.headRelease) {
    throw new ExchangeError("conflict", { have: set.headRelease, expected: expectedRelease });
  }
  return { setId, set };
}

async function findHeld(deps: Deps, set: SetRow, entry: Entry): Promise<{ id?: string; line?: string }> {
  const key = naturalKeyDigest(set.kind, naturalKey(set.kind, entry));
  const [row] = await deps.sql<{ id: string; line: string }[]>`
    select id, line from entry_versions
    where natural_key = ${key} and set_id = ${set.id} and op = 'put'
      and release <= ${set.headRelease} and (superseded_by is null or superseded_by > ${set.headRelease})
    order by seq limit 1`;
  return row ?? (await listById(deps, set, entry.id))[0] ?? {};
}

async function listById({ sql }: Queries, set: SetRow, id: string): Promise<{ id: string; line: string }[]> {
  return sql<{ id: string; line: string }[]>`
    select id, line from entry_versions
    where set_id = ${set.id} and id = ${id} and op = 'put'
      and release <= ${set.headRelease} and (superseded_by is null or superseded_by > ${set.headRelease})`;
}

async function compose(
  deps: Deps,
  { publisher, set: name }: SetId,
  set: SetRow,
  planned: readonly PlannedChange[],
  purpose: EntriesToPublish["purpose"],
) {
  const now = deps.now();
  const root = await getCurrentRoot(deps, publisher, now);
  const head = await findRelease(deps, set.id, set.headRelease);
  if (head === undefined) throw new Error("the head has no release row");
  const statement = parseStatement(parseEnvelope(head.envelope).payloadBytes);
  const manifest = await parseManifest(await readBlob(deps, head.manifest, statement.manifest_size), statement);
  const changes = planned.map(
    (change): NewChange =>
      change.op === "put" ? { op: "put", line: change.line } : { op: "del", id: change.id, why: change.why },
  );
  return composeRelease({
    previous: { statement, digest: head.digest, manifest },
    entries: entriesAfter(deps, set, planned),
    changes,
    about: manifest.about,
    publisher,
    set: name,
    rootVersion: root.root.version,
    // A clock that fell behind the last release would make the next one impossible.
    now: Math.max(seconds(now), statement.iat),
    random: deps.random,
    ...(purpose === undefined ? {} : { purpose }),
  });
}

/** The set after the change, row by row in the order of ids: a snapshot of any size is composed a page at a time. */
function entriesAfter(deps: Deps, set: SetRow, planned: readonly PlannedChange[]): EntrySource {
  const added = planned.filter((change) => change.op === "put" && change.before === undefined);
  const deleted = planned.filter(({ op }) => op === "del");
  return { count: set.entries + added.length - deleted.length, lines: () => mergedLines(deps, set, planned) };
}

async function* mergedLines(deps: Deps, set: SetRow, planned: readonly PlannedChange[]): AsyncGenerator<string> {
  const changed = new Map(planned.map((change) => [change.id, change]));
  const added = planned
    .filter((change) => change.op === "put" && change.before === undefined)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  let next = 0;
  for (let afterId = ""; ; ) {
    const rows = await listEntries(deps, set.id, { head: set.headRelease, afterId, limit: PAGE_ROWS });
    for (const { id, line } of rows) {
      for (; next < added.length && (added[next] as PlannedChange).id < id; next++) yield lineOf(added[next]);
      const change = changed.get(id);
      if (change?.op !== "del") yield change?.line ?? line;
    }
    afterId = rows.at(-1)?.id ?? afterId;
    if (rows.length < PAGE_ROWS) break;
  }
  for (; next < added.length; next++) yield lineOf(added[next]);
}

function lineOf(change: PlannedChange | undefined): string {
  if (change?.op !== "put") throw new Error("only puts are added");
  return change.line;
}
