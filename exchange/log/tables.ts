/** The log's rows: how many leaves there are, and the leaves. */

import { bigint, customType, pgTable, smallint, text, timestamp } from "drizzle-orm/pg-core";

export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => "bytea" });

export const logHead = pgTable("log_head", {
  id: smallint("id").primaryKey().default(1),
  size: bigint("size", { mode: "number" }).notNull().default(0),
});

export const logLeaves = pgTable("log_leaves", {
  logIndex: bigint("log_index", { mode: "number" }).primaryKey(),
  digest: text("digest").notNull().unique(),
  typ: text("typ").notNull(),
  envelope: bytea("envelope").notNull(),
  addedAt: timestamp("added_at", { withTimezone: true }).notNull(),
});
