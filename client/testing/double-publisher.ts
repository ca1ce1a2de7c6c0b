/** A publisher beside the double: signs real roots and releases, and can be made to speak twice, too late, or falsely. */

import { type About, parseAbout } from "@breakwater/shared/about.ts";
import { type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { type ComposeInput, composeRelease, type NewChange } from "@breakwater/shared/compose.ts";
import { type Entry, formatEntry } from "@breakwater/shared/entries/index.ts";
import { parseSetId, randomBytes, type SetId } from "@breakwater/shared/ids.ts";
import { generateSigningKey, type NewSigningKey } from "@breakwater/shared/keys.ts";
import { type Manifest, manifestBytes } from "@breakwater/shared/manifest.ts";
import { openRelease, type ReleaseStatement, signRelease } from "@breakwater/shared/release.ts";
import { type OpenedRoot, openRoot, ROOT_LIFETIME_SECONDS, Root, signRoot } from "@breakwater/shared/root.ts";
import { DAY_SECONDS } from "@breakwater/shared/schema.ts";
import { heldSnapshotOf } from "@breakwater/shared/testing/held-snapshot.ts";
import type { Pin } from "../profile/pins.ts";
import type { Double } from "./double-exchange.ts";
import type { StoredRelease } from "./double-store.ts";
import { TEST_ABOUT } from "./entries.ts";

/** Past a publisher's first 30 days, in which its sets are only observed. */
const ESTABLISHED_SECONDS = 60 * DAY_SECONDS;

export type DoublePublisher = {
  setId: SetId;
  pin: Pin;
  root: OpenedRoot;
  releaseKey: NewSigningKey;
  rootKey: NewSigningKey;
  entries: Map<string, string>;
  /** Publishes puts and deletions as the next release. */
  release(changes: NewChange[], options?: ReleaseOptions): Promise<StoredRelease>;
  put(...entries: Entry[]): NewChange[];
};

export type ReleaseOptions = {
  /** Integer seconds. */
  now?: number;
  purpose?: ComposeInput["purpose"];
  about?: Partial<About>;
  /** In place of the newest release: two releases then follow one. */
  after?: StoredRelease;
  /** A change of the manifest before it is signed. */
  bend?: (manifest: Manifest) => Manifest;
  /** A change of the statement before it is signed. */
  bendStatement?: (statement: ReleaseStatement) => ReleaseStatement;
  /** After a rotation: the root and the release key to sign by. */
  root?: OpenedRoot;
  key?: NewSigningKey;
  /** What the deltas leave out although the entries are gone. */
  hideDeletions?: boolean;
};

export async function makeDoublePublisher(
  double: Double,
  setText = "hotline.example/verified",
  about: About = TEST_ABOUT,
  { ageDays, linesEach }: { ageDays?: number; linesEach?: number } = {},
): Promise<DoublePublisher> {
  const setId = parseSetId(setText);
  const [rootKey, releaseKey] = [
    await generateSigningKey({ extractable: true }),
    await generateSigningKey({ extractable: true }),
  ];
  const age = ageDays === undefined ? {} : { iat: Math.floor(Date.now() / 1000) - ageDays * DAY_SECONDS };
  const root = await openRoot(await signRoot(rootOf(setId.publisher, rootKey, releaseKey, age), [rootKey]));
  double.store.roots.set(setId.publisher, [root]);
  double.store.appendLeaf(root.bytes);
  const set = double.store.putSet(setId, { kind: about.kind, stream: about.stream, audience: { tier: "test" } });
  const entries = new Map<string, string>();
  const publisher: DoublePublisher = {
    setId,
    pin: { version: root.root.version, digest: root.digest },
    root,
    releaseKey,
    rootKey,
    entries,
    put: (...items) => items.map((entry) => ({ op: "put", line: formatEntry(entry) })),
    async release(changes, options = {}) {
      const previous = options.after ?? set.releases.at(-1);
      const after = options.after === undefined ? entries : new Map(entries);
      const before = new Set(after.keys());
      apply(after, changes);
      const composed = await composeRelease({
        ...(previous === undefined ? {} : { previous }),
        ...(options.purpose === undefined ? {} : { purpose: options.purpose }),
        entries: options.hideDeletions
          ? { count: after.size, lines: () => [...after].sort().map(([, line]) => line) }
          : after,
        changes: options.hideDeletions ? changes.filter(({ op }) => op === "put") : changes,
        about: parseAbout({ ...about, ...options.about }),
        publisher: setId.publisher,
        set: setId.set,
        rootVersion: (options.root ?? root).root.version,
        now: options.now ?? Math.floor(Date.now() / 1000),
        random: randomBytes,
        ...(linesEach !== undefined && { packing: { linesEach } }),
        ...(previous !== undefined &&
          options.purpose === "erasure" &&
          !options.hideDeletions && {
            held: await heldSnapshotOf(previous.manifest, double.store.blobs, { ids: before }),
          }),
      });
      for (const { digest, bytes } of composed.blobs) double.store.blobs.set(digest, bytes);
      const manifest = options.bend?.(composed.manifest) ?? composed.manifest;
      const bytes = manifestBytes(manifest);
      const digest: Digest = await digestOf(bytes);
      double.store.blobs.set(digest, bytes);
      const honest: ReleaseStatement = { ...composed.statement, manifest: digest, manifest_size: bytes.length };
      const statement = options.bendStatement?.(honest) ?? honest;
      const envelope = await signRelease(statement, [options.key ?? releaseKey]);
      return double.store.append(set, { ...(await openRelease(envelope, options.root ?? root)), manifest });
    },
  };
  return publisher;
}

function apply(entries: Map<string, string>, changes: readonly NewChange[]): void {
  for (const change of changes) {
    if (change.op === "del") entries.delete(change.id);
    else entries.set((JSON.parse(change.line) as { id: string }).id, change.line);
  }
}

export function rootOf(
  publisher: string,
  rootKey: NewSigningKey,
  releaseKey: NewSigningKey,
  changes: Partial<Root> = {},
): Root {
  const iat = Math.floor(Date.now() / 1000) - ESTABLISHED_SECONDS;
  return Root.parse({
    exp: iat + ROOT_LIFETIME_SECONDS,
    iat,
    keys: { [rootKey.kid]: rootKey.publicJwk, [releaseKey.kid]: releaseKey.publicJwk },
    logs: ["exchange.example/log1"],
    prev: null,
    publisher,
    roles: { release: { kids: [releaseKey.kid], threshold: 1 }, root: { kids: [rootKey.kid], threshold: 1 } },
    version: 1,
    ...changes,
  });
}
