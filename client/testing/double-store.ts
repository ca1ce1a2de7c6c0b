/** What the test double of an exchange holds, and the few rules that make it one: roots chain, releases chain, blobs are there. */

import { type Bytes, type Digest, digestOf } from "@breakwater/shared/bytes.ts";
import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { generateSigningKey, type NewSigningKey } from "@breakwater/shared/keys.ts";
import { type Manifest, parseManifest } from "@breakwater/shared/manifest.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { checkNextRecall, type OpenedRecall, openRecall } from "@breakwater/shared/recall.ts";
import { checkNext, type OpenedRelease, openRelease, parseStatement, signRelease } from "@breakwater/shared/release.ts";
import { type OpenedRoot, openRoot } from "@breakwater/shared/root.ts";
import type { OpinionItem } from "@breakwater/shared/wire/opinions.ts";
import type { SetAnswer, SetRequest } from "@breakwater/shared/wire/sets.ts";
import type { DoubleLog } from "./double-log.ts";

export type StoredRelease = OpenedRelease & { manifest: Manifest; logIndex: number };
export type StoredSet = {
  setId: SetId;
  request: SetRequest;
  releases: StoredRelease[];
  acks: { release: number; statement: string; recall?: number | undefined }[];
  /** Items by the id of their batch. */
  opinions: Map<string, OpinionItem[]>;
  recalls: StoredRecall[];
  /** As the head announces it; a dishonest exchange says something else than it serves. */
  announced?: number;
};
export type StoredRecall = OpenedRecall & { logIndex: number };

export class DoubleStore {
  readonly sets = new Map<string, StoredSet>();
  readonly blobs = new Map<Digest, Bytes>();
  readonly roots = new Map<string, OpenedRoot[]>();
  /** Publishers whose release key the double holds. */
  readonly held = new Map<string, NewSigningKey>();
  readonly log: DoubleLog;
  /** Off: what is accepted stays out of the log until it is appended by hand. */
  logs = true;

  constructor(log: DoubleLog) {
    this.log = log;
  }

  async holdKeyFor(publisher: string): Promise<void> {
    this.held.set(publisher, await generateSigningKey({ extractable: true }));
  }

  putSet(setId: SetId, request: SetRequest): StoredSet {
    const known = this.sets.get(formatSetId(setId));
    if (known !== undefined && known.request.kind !== request.kind) throw new ExchangeError("set_exists");
    const set = known ?? { setId, request, releases: [], acks: [], opinions: new Map(), recalls: [] };
    this.sets.set(formatSetId(setId), set);
    return set;
  }

  getSet(setId: SetId): StoredSet {
    const set = this.sets.get(formatSetId(setId));
    if (set === undefined) throw new ExchangeError("not_found");
    return set;
  }

  async putBlob(digest: Digest, bytes: Bytes): Promise<void> {
    if ((await digestOf(bytes)) !== digest) throw new ExchangeError("blob_digest_mismatch");
    this.blobs.set(digest, bytes);
  }

  async postRoot(publisher: string, envelope: Uint8Array): Promise<{ root: OpenedRoot; logIndex: number }> {
    const chain = this.roots.get(publisher) ?? [];
    const root = await openRoot(envelope, chain.at(-1));
    const isNew = root.digest !== chain.at(-1)?.digest;
    if (isNew) this.roots.set(publisher, [...chain, root]);
    return { root, logIndex: isNew ? this.appendLeaf(envelope) : 0 };
  }

  appendLeaf(envelope: Uint8Array): number {
    return this.logs ? this.log.append(envelope) : this.log.size;
  }

  /** As the exchange admits a recall: by the newest root, in order. */
  async postRecall(setId: SetId, envelope: Uint8Array): Promise<StoredRecall> {
    const root = this.roots.get(setId.publisher)?.at(-1);
    if (root === undefined) throw new ExchangeError("root_missing");
    const set = this.getSet(setId);
    const recall = await openRecall(envelope, root);
    const newest = set.recalls.at(-1);
    if (checkNextRecall(newest, recall) === "same") return newest as StoredRecall;
    const stored = { ...recall, logIndex: this.appendLeaf(envelope) };
    set.recalls.push(stored);
    return stored;
  }

  /** As the exchange admits: the same again is answered as the first time. */
  async postRelease(setId: SetId, envelope: Uint8Array): Promise<StoredRelease> {
    const set = this.getSet(setId);
    const root = this.roots.get(setId.publisher)?.at(-1);
    if (root === undefined) throw new ExchangeError("root_missing");
    const release = await openRelease(envelope, root);
    const repeated = set.releases.find(({ digest }) => digest === release.digest);
    if (repeated !== undefined) return repeated;
    checkNext(set.releases.at(-1), release);
    const bytes = this.blobs.get(release.statement.manifest);
    if (bytes === undefined) throw new ExchangeError("blob_missing");
    const manifest = await parseManifest(bytes, release.statement);
    for (const { segment } of manifest.deltas.flatMap((row) => row.segments)) {
      if (!this.blobs.has(segment)) throw new ExchangeError("blob_missing");
    }
    return this.append(set, { ...release, manifest });
  }

  async signAndPost(setId: SetId, statementBytes: Uint8Array): Promise<StoredRelease> {
    const key = this.held.get(setId.publisher);
    if (key === undefined) throw new ExchangeError("custody_mismatch");
    return this.postRelease(setId, await signRelease(parseStatement(statementBytes), [key]));
  }

  /** Without any rule: what a careless or hostile exchange would let through. */
  append(set: StoredSet, release: Omit<StoredRelease, "logIndex">): StoredRelease {
    const stored = { ...release, logIndex: this.appendLeaf(release.bytes) };
    set.releases.push(stored);
    return stored;
  }

  describeSet({ setId, request, releases }: StoredSet): SetAnswer {
    const head = releases.at(-1);
    return {
      ...setId,
      kind: request.kind,
      stream: request.stream,
      title: head?.manifest.about.title ?? null,
      custody: this.held.has(setId.publisher) ? "exchange" : "member",
      audience_tier: request.audience.tier,
      entries: head?.manifest.entries ?? 0,
      release: head?.statement.release ?? 0,
      released_at: head === undefined ? null : new Date(head.statement.iat * 1000).toISOString(),
      closed: head?.statement.closed ?? false,
      about: head?.manifest.about ?? null,
      yours: true,
    };
  }
}
