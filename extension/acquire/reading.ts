// What reading an item in a page came to: digests and measures, or why there are none. Never bytes.
import { z } from "zod";
import { MEDIA_MAX_BYTES, PIXELS_MAX } from "./limits.ts";

/** Why an item has no hashes. The panel has a sentence for each. */
export const UNREAD_REASONS = [
  "not_found",
  "not_kept",
  "other_site",
  "too_small",
  "too_large",
  "blank",
  "undecodable",
  "page_closed",
  "timed_out",
  "no_media",
] as const;
export type UnreadReason = (typeof UNREAD_REASONS)[number];

const count = (max: number) => z.number().int().min(0).max(max);
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

export const Hash = z.discriminatedUnion("alg", [
  z.strictObject({ alg: z.literal("md5"), value: hex(32) }),
  z.strictObject({ alg: z.literal("sha1"), value: hex(40) }),
  z.strictObject({ alg: z.literal("sha256"), value: hex(64) }),
  z.strictObject({ alg: z.literal("pdq"), value: hex(64), quality: count(100), ambiguous_bits: count(256) }),
]);
export type Hash = z.infer<typeof Hash>;

/** Where on the screen the item stands, in CSS pixels of the top frame; only then can its drawn pixels be cut out. */
export const Place = z.strictObject({
  x: z.number(),
  y: z.number(),
  width: z.number().positive(),
  height: z.number().positive(),
  scale: z.number().positive().max(16),
  /** Some sampled point of the item is covered by, or lies outside of, what the screen shows. */
  covered: z.boolean(),
});
export type Place = z.infer<typeof Place>;

export const Reading = z.discriminatedUnion("outcome", [
  z.strictObject({
    outcome: z.literal("read"),
    media_type: z.enum(["image", "video"]),
    mime: z.string().max(100),
    width: count(PIXELS_MAX),
    height: count(PIXELS_MAX),
    byte_length: count(MEDIA_MAX_BYTES),
    fidelity: z.enum(["original_bytes", "rendered"]),
    animated: z.boolean(),
    hashes: z.array(Hash).min(1).max(4),
    /** Pixels of the screen divided by pixels of the file; 1 unless drawn. */
    scale: z.number().positive().optional(),
    covered: z.boolean().optional(),
  }),
  z.strictObject({ outcome: z.literal("unread"), why: z.enum(UNREAD_REASONS), place: Place.optional() }),
]);
export type Reading = z.infer<typeof Reading>;

/** A page's answer is as trustworthy as the page: whatever does not fit is "undecodable", never repaired. */
export function parseReading(value: unknown): Reading {
  const parsed = Reading.safeParse(value);
  return parsed.success ? parsed.data : { outcome: "unread", why: "undecodable" };
}
