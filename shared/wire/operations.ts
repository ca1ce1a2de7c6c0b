/** Answers about the exchange itself: the audit record and what is kept for how long. */
import { z } from "zod";

export const AuditPage = z.strictObject({
  records: z.array(
    z.strictObject({
      id: z.number().int(),
      at: z.iso.datetime(),
      actor: z.strictObject({ kind: z.enum(["key", "person", "device", "system"]), id: z.string() }),
      action: z.string(),
      subject: z.string().optional(),
      code: z.string().optional(),
    }),
  ),
  cursor: z.string().optional(),
});
export type AuditPage = z.infer<typeof AuditPage>;

export const RetentionPage = z.strictObject({
  rules: z.array(
    z.strictObject({
      table: z.string(),
      what: z.string(),
      keep_days: z.number().int(),
      last_run_at: z.iso.datetime().nullable(),
      last_removed: z.number().int().nullable(),
    }),
  ),
});
export type RetentionPage = z.infer<typeof RetentionPage>;
