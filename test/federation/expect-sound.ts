/** Re-verifies everything that an exchange stores, from the bytes up: nothing here believes a row or a route. */

import { type Digest, digestHex, digestOf, hexOf, sha256 } from "@breakwater/shared/bytes.ts";
import { applyChanges, parseDelta } from "@breakwater/shared/delta.ts";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { type Manifest, parseIndex, parseManifest, type SegmentRow } from "@breakwater/shared/manifest.ts";
import { checkNextRecall, openRecall, type RecallLink } from "@breakwater/shared/recall.ts";
import { checkNext, type OpenedRelease, openRelease } from "@breakwater/shared/release.ts";
import { type OpenedRoot, openRoot } from "@breakwater/shared/root.ts";
import { decodeSegment } from "@breakwater/shared/segment.ts";
import { entryIdOf, stateDigest } from "@breakwater/shared/state.ts";
import { expect } from "vitest";
import { expectSoundLog, type TestExchange } from "../../exchange/testing/index.ts";

const CONTENT_PREFIX = /^(?:blobs|pending)\/([0-9a-f]{64})$/;

type Leaf = { log_index: string; typ: string; digest: string; envelope: Uint8Array };
/** What the leaves of the log say, replayed by its order alone. */
type Said = {
  roots: Map<string, OpenedRoot[]>;
  releases: Map<string, OpenedRelease[]>;
  recalls: Map<string, RecallLink>;
};

/** @returns the entry lines of every set by its name, sorted by id, as the newest release's blobs give them */
export async function expectSound(x: TestExchange): Promise<Map<string, string[]>> {
  await expectSoundLog(x);
  await expectSoundObjects(x);
  const said = await replayLog(x);
  await expectRootRows(x, said);
  const states = new Map<string, string[]>();
  for (const { id, name, head_release, head_digest, head_recall, entries } of await listSets(x)) {
    const releases = said.releases.get(name) ?? [];
    // The head that readers see is what the log says, and neither is ahead of the other.
    expect({ name, release: head_release, digest: head_digest, recall: head_recall }).toEqual({
      ...{ name, release: releases.length, digest: releases.at(-1)?.digest ?? null },
      recall: said.recalls.get(name)?.recall.recall ?? 0,
    });
    const head = releases.at(-1);
    if (head === undefined) continue;
    const lines = await stateOfBlobs(x, head);
    const rows = await x.sql<{ line: string }[]>`
      select line from entry_versions where set_id = ${id} and op = 'put' and release <= ${head_release}
        and (superseded_by is null or superseded_by > ${head_release}) order by id`;
    expect(rows.map(({ line }) => line)).toEqual(lines);
    expect(Number(entries)).toBe(lines.length);
    states.set(name, lines);
  }
  return states;
}

/** Each object under a digest is the bytes of that digest; what is neither that nor the log's is not known here. */
async function expectSoundObjects({ objects }: TestExchange): Promise<void> {
  for (const key of objects.keys()) {
    // Buckets are named by index and epoch; exchange/lookup holds them to the rows that they are built from.
    if (key.startsWith("log/") || key.startsWith("state/") || key.startsWith("lookup/")) continue;
    const hex = CONTENT_PREFIX.exec(key)?.[1];
    expect(hex, `${key} is no object of an exchange`).toBeDefined();
    expect(hexOf(await sha256(objects.bytes(key) as Uint8Array)), key).toBe(hex);
  }
}

/** Every leaf verifies under the root that was newest before it, and continues what its publisher said before. */
async function replayLog({ sql }: TestExchange): Promise<Said> {
  const leaves = await sql<Leaf[]>`select log_index, typ, digest, envelope from log_leaves order by log_index`;
  const said: Said = { roots: new Map(), releases: new Map(), recalls: new Map() };
  for (const leaf of leaves) await replayLeaf(said, leaf);
  return said;
}

async function replayLeaf({ roots, releases, recalls }: Said, { typ, digest, envelope: row }: Leaf): Promise<void> {
  const envelope = new Uint8Array(row);
  const { publisher, set } = JSON.parse(new TextDecoder().decode(parseEnvelope(envelope).payloadBytes)) as {
    publisher: string;
    set: string;
  };
  const chain = roots.get(publisher) ?? [];
  const newest = chain.at(-1) as OpenedRoot;
  const name = `${publisher}/${set}`;
  if (typ === "bw-root+jws") {
    const opened = await openRoot(envelope, newest);
    expect(opened.root.version).toBe(chain.length + 1);
    expect(opened.digest).toBe(digest);
    roots.set(publisher, [...chain, opened]);
  } else if (typ === "bw-release+jws") {
    const opened = await openRelease(envelope, newest);
    expect(opened.digest).toBe(digest);
    const before = releases.get(name) ?? [];
    expect(checkNext(before.at(-1), opened)).toBe("next");
    releases.set(name, [...before, opened]);
  } else {
    expect(typ).toBe("bw-recall+jws");
    const opened = await openRecall(envelope, newest);
    expect(opened.digest).toBe(digest);
    expect(checkNextRecall(recalls.get(name), opened)).toBe("next");
    recalls.set(name, opened);
  }
}

async function expectRootRows({ sql }: TestExchange, { roots }: Said): Promise<void> {
  const rows = await sql<{ publisher: string; version: number; digest: string }[]>`
    select publisher, version, digest from publisher_roots order by publisher, version`;
  const logged = [...roots]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([publisher, chain]) => chain.map(({ root: { version }, digest }) => ({ publisher, version, digest })));
  expect([...rows]).toEqual(logged);
}

type SetHead = {
  id: string;
  name: string;
  head_release: number;
  head_digest: string | null;
  head_recall: number;
  entries: string;
};

const listSets = ({ sql }: TestExchange) => sql<SetHead[]>`
  select id, publisher || '/' || name as name, head_release, head_digest, head_recall, entries from sets order by 2`;

/** As a newcomer would: manifest by the signed digest, snapshot by the index, deltas after it, the state's digest last. */
async function stateOfBlobs({ objects }: TestExchange, { statement }: OpenedRelease): Promise<string[]> {
  const keep = async (digest: Digest): Promise<Uint8Array> => {
    const bytes = objects.bytes(`blobs/${digestHex(digest)}`);
    expect(bytes, `${digest} is named by the newest manifest`).toBeDefined();
    expect(await digestOf(bytes as Uint8Array)).toBe(digest);
    return bytes as Uint8Array;
  };
  const segmentLines = async ({ segment: digest, size, plain }: SegmentRow): Promise<string[]> =>
    (await decodeSegment(await keep(digest), { digest, size, plain })).lines;

  const manifest: Manifest = await parseManifest(await keep(statement.manifest), statement);
  const { snapshot } = manifest;
  const entries = new Map<string, string>();
  for (const row of await parseIndex(await keep(snapshot.index), snapshot)) {
    for (const line of await segmentLines(row)) entries.set(entryIdOf(line), line);
  }
  expect(await stateDigest(sorted(entries))).toBe(snapshot.state);
  for (const { release, segments } of manifest.deltas) {
    for (const segment of segments) {
      // Rows up to the snapshot's release are kept for those who follow; they have to be there all the same.
      const changes = parseDelta(await segmentLines(segment));
      if (release > snapshot.release) applyChanges(entries, changes);
    }
  }
  const lines = sorted(entries);
  expect(lines).toHaveLength(manifest.entries);
  return lines;
}

function sorted(entries: ReadonlyMap<string, string>): string[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}
