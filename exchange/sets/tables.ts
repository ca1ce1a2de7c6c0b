/** Rows of publishing: publishers' roots, sets, releases and acknowledgements. Bulk rows (entries, blobs) are reached by SQL in their own files. */

import type { Digest } from "@breakwater/shared/bytes.ts";
import type { SetKind, Stream } from "@breakwater/shared/vocab/sets.ts";
import type { AudienceTier } from "@breakwater/shared/wire/sets.ts";
import { bigint, boolean, integer, jsonb, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { bytea } from "../log/tables.ts";

const at = (name: string) => timestamp(name, { withTimezone: true });
const big = (name: string) => bigint(name, { mode: "number" });

export const publisherRoots = pgTable(
  "publisher_roots",
  {
    publisher: text("publisher").notNull(),
    version: integer("version").notNull(),
    digest: text("digest").$type<Digest>().notNull(),
    envelope: bytea("envelope").notNull(),
    logIndex: big("log_index").notNull(),
    acceptedAt: at("accepted_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.publisher, table.version] })],
);

export const sets = pgTable("sets", {
  id: big("id").primaryKey().generatedAlwaysAsIdentity(),
  publisher: text("publisher").notNull(),
  name: text("name").notNull(),
  kind: text("kind").$type<SetKind>().notNull(),
  stream: text("stream").$type<Stream>().notNull(),
  audienceTier: text("audience_tier").$type<AudienceTier>().notNull(),
  audienceFloor: text("audience_floor").$type<AudienceTier>().notNull().default("test"),
  headRelease: integer("head_release").notNull().default(0),
  headDigest: text("head_digest").$type<Digest>(),
  entries: big("entries").notNull().default(0),
  about: jsonb("about").$type<Record<string, unknown>>(),
  closed: boolean("closed").notNull().default(false),
  releasedAt: at("released_at"),
  nextSeq: big("next_seq").notNull().default(1),
  headRecall: integer("head_recall").notNull().default(0),
  createdAt: at("created_at").notNull(),
});
export type SetRow = typeof sets.$inferSelect;

export const setAudience = pgTable(
  "set_audience",
  { setId: big("set_id").notNull(), member: text("member").notNull() },
  (table) => [primaryKey({ columns: [table.setId, table.member] })],
);

export const releases = pgTable(
  "releases",
  {
    setId: big("set_id").notNull(),
    release: integer("release").notNull(),
    digest: text("digest").$type<Digest>().notNull(),
    envelope: bytea("envelope").notNull(),
    rootVersion: integer("root_version").notNull(),
    manifest: text("manifest").$type<Digest>().notNull(),
    delta: jsonb("delta").$type<unknown[]>().notNull(),
    snapshot: jsonb("snapshot").$type<Record<string, unknown>>().notNull(),
    entries: big("entries").notNull(),
    purgeBy: at("purge_by").notNull(),
    dueAt: at("due_at").notNull(),
    purgedAt: at("purged_at"),
    logIndex: big("log_index").notNull(),
    releasedAt: at("released_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.setId, table.release] })],
);
export type ReleaseRow = typeof releases.$inferSelect;

export const acks = pgTable(
  "acks",
  {
    setId: big("set_id").notNull(),
    memberId: text("member_id").notNull(),
    release: integer("release").notNull(),
    statement: text("statement").$type<Digest>().notNull(),
    acknowledgedAt: at("acknowledged_at").notNull(),
    recall: integer("recall").notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.setId, table.memberId] })],
);
