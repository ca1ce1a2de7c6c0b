/** The log's rows: how many leaves there are, the leaves, and how far they are published. */

import { bigint, customType, pgTable, smallint, text, timestamp } from "drizzle-orm/pg-core";

export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => "bytea" });

/** Why no leaf is given an index: rows and what was published do not fit together. */
export type LogHalt = "log_behind" | "log_conflict";

export const logHead = pgTable("log_head", {
  id: smallint("id").primaryKey().default(1),
  size: bigint("size", { mode: "number" }).notNull().default(0),
  halted: text("halted").$type<LogHalt>(),
});

export const logLeaves = pgTable("log_leaves", {
  logIndex: bigint("log_index", { mode: "number" }).primaryKey(),
  digest: text("digest").notNull().unique(),
  typ: text("typ").notNull(),
  envelope: bytea("envelope").notNull(),
  addedAt: timestamp("added_at", { withTimezone: true }).notNull(),
});

export const logPublication = pgTable("log_publication", {
  id: smallint("id").primaryKey().default(1),
  size: bigint("size", { mode: "number" }).notNull().default(0),
  publishedAt: timestamp("published_at", { withTimezone: true }),
  leaseToken: text("lease_token"),
  leaseUntil: timestamp("lease_until", { withTimezone: true }),
});
