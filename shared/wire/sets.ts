/** Requests and answers of publishing and reading, as the exchange checks and documents them and its callers parse them. */

import { z } from "zod";
import { Digest, EntryId, Publisher, SetName } from "../ids.ts";
import { DeletionReason } from "../vocab/reasons.ts";
import { SetKind, Stream, Tier } from "../vocab/sets.ts";
import { MemberName } from "./members.ts";

/** Widest first; a member of a tier sees sets of that tier and the wider ones, `named` only by name (DESIGN rule 10). */
export const AUDIENCE_TIERS = Tier.options;
export type AudienceTier = Tier;

export const AUDIENCE_MAX_MEMBERS = 1_000;
export const CHANGES_MAX_LIMIT = 1_000;
export const CHANGES_DEFAULT_LIMIT = 100;

export const STATEMENT_CONTENT_TYPE = "application/vnd.breakwater.statement+json";
export const ENVELOPE_CONTENT_TYPE = "application/jose+json";
/** Names the release that a whole-set stream shows. */
export const RELEASE_HEADER = "Breakwater-Release";
/** Names the newest recall of a set (0: none yet), so that one conditional request tells of releases and recalls. */
export const RECALL_HEADER = "Breakwater-Recall";

const Version = z.int().positive();
const Count = z.int().nonnegative();
const At = z.iso.datetime({ offset: true });

/** `PUT /v1/sets/{publisher}/{set}`. */
export const SetRequest = z.strictObject({
  kind: SetKind,
  stream: Stream,
  audience: z
    .strictObject({ tier: Tier, members: z.array(MemberName).max(AUDIENCE_MAX_MEMBERS).optional() })
    .refine(({ tier, members }) => members === undefined || tier === "named", "only a named audience lists members"),
});
export type SetRequest = z.infer<typeof SetRequest>;

/** One set as its readers see it; `about` is the manifest's, as its publisher wrote it; null before release 1. */
export const CatalogueRow = z.object({
  publisher: Publisher,
  set: SetName,
  kind: SetKind,
  stream: Stream,
  title: z.string().nullable(),
  custody: z.enum(["member", "exchange"]),
  audience_tier: Tier,
  entries: Count,
  release: Count,
  released_at: At.nullable(),
  closed: z.boolean(),
  about: z.record(z.string(), z.unknown()).nullable(),
});
export type CatalogueRow = z.infer<typeof CatalogueRow>;

export const CatalogueAnswer = z.object({ sets: z.array(CatalogueRow), cursor: z.string().optional() });
export type CatalogueAnswer = z.infer<typeof CatalogueAnswer>;

/** `audience_members` is shown to the set's own publisher only. */
export const SetAnswer = CatalogueRow.extend({ yours: z.boolean(), audience_members: z.array(MemberName).optional() });
export type SetAnswer = z.infer<typeof SetAnswer>;

export const PublicJwkAnswer = z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() });

/** `release_key` is there when the exchange holds it: list it under `roles.release` of the root. */
export const PublisherAnswer = z.object({
  publisher: Publisher,
  name: z.string(),
  custody: z.enum(["member", "exchange"]),
  root_version: Count,
  root_digest: Digest.nullable(),
  release_key: PublicJwkAnswer.optional(),
});
export type PublisherAnswer = z.infer<typeof PublisherAnswer>;

export const RootAnswer = z.object({ publisher: Publisher, version: Version, digest: Digest, log_index: Count });
export type RootAnswer = z.infer<typeof RootAnswer>;

export const ReleaseAnswer = z.object({
  publisher: Publisher,
  set: SetName,
  release: Version,
  digest: Digest,
  log_index: Count,
  entries: Count,
});
export type ReleaseAnswer = z.infer<typeof ReleaseAnswer>;

/** The answer 202: where to ask how the admission goes. */
export const AdmissionPointer = z.object({ admission: z.string() });
export type AdmissionPointer = z.infer<typeof AdmissionPointer>;

export const ADMISSION_STATES = ["queued", "running", "done", "failed"] as const;
export const AdmissionAnswer = z.object({
  state: z.enum(ADMISSION_STATES),
  digest: Digest,
  code: z.string().optional(),
  detail: z.record(z.string(), z.unknown()).optional(),
  rows_done: Count,
  rows_total: Count,
});
export type AdmissionAnswer = z.infer<typeof AdmissionAnswer>;

export const BlobAnswer = z.object({ digest: Digest, size: Count });
export type BlobAnswer = z.infer<typeof BlobAnswer>;

/** One row of `changes`: the newest state of one entry, or the id-only trace of one taken out. */
export const ChangeRow = z.discriminatedUnion("op", [
  z.object({
    op: z.literal("put"),
    seq: z.int().positive(),
    release: Version,
    entry: z.looseObject({ id: EntryId }),
  }),
  z.object({ op: z.literal("del"), seq: z.int().positive(), release: Version, id: EntryId, why: DeletionReason }),
]);
export type ChangeRow = z.infer<typeof ChangeRow>;

/** `cursor` is opaque and always there: it also says where to go on when `more` is false. */
export const ChangesPage = z.object({ entries: z.array(ChangeRow), cursor: z.string(), more: z.boolean() });
export type ChangesPage = z.infer<typeof ChangesPage>;

/** `POST …/acks`: which release a member's copy has reached, and up to which number it applies recalls. */
export const AckRequest = z.strictObject({ release: Version, statement: Digest, recall: Version.optional() });
export type AckRequest = z.infer<typeof AckRequest>;
