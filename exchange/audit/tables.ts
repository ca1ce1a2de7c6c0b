/** The audit record: append-only rows of who did what, without addresses, names or texts. */
import { bigint, pgTable, text, timestamp } from "drizzle-orm/pg-core";

export const auditRecords = pgTable("audit_records", {
  id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
  at: timestamp("at", { withTimezone: true }).notNull(),
  actorKind: text("actor_kind").$type<"key" | "person" | "device" | "system">().notNull(),
  actorId: text("actor_id").notNull(),
  action: text("action").notNull(),
  subject: text("subject"),
  code: text("code"),
});
