/** The closed names: publisher, set, entry id, key id, digest, UUIDv7. Nothing free-form can reach the log through them. */

import { z } from "zod";
import { type Digest as DigestText, hexOf } from "./bytes.ts";
import { ExchangeError } from "./problem.ts";

export const PUBLISHER_MAX_CHARS = 253;
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
// At least two labels, and the last one not all digits, so that an address like 10.0.0.1 is no name.
const PUBLISHER_PATTERN = new RegExp(`^(?:${LABEL}\\.)+(?![0-9]+$)${LABEL}$`);
const SET_NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
const ENTRY_ID_PATTERN = /^[0-9a-f]{32}$/;
const KID_PATTERN = /^[A-Za-z0-9_-]{43}$/;
const UUID_V7_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const LOG_ORIGIN_PATTERN = new RegExp(`^(?:${LABEL}\\.)+(?![0-9]+/)${LABEL}/[a-z0-9][a-z0-9-]{0,62}$`);

export const ENTRY_ID_BYTES = 16;

/** A publisher: a DNS name, lower case (an IDN in its `xn--` form). */
export const Publisher = z.string().max(PUBLISHER_MAX_CHARS).regex(PUBLISHER_PATTERN).brand<"Publisher">();
export type Publisher = z.infer<typeof Publisher>;

/** A set's slug within its publisher. */
export const SetName = z.string().regex(SET_NAME_PATTERN).brand<"SetName">();
export type SetName = z.infer<typeof SetName>;

/** 128 random bits chosen by the publisher, stable across releases. */
export const EntryId = z.string().regex(ENTRY_ID_PATTERN).brand<"EntryId">();
export type EntryId = z.infer<typeof EntryId>;

/** `sha256:` and 64 lower-case hex digits. */
// A string to JSON Schema (the published API), a template to TypeScript.
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/) as unknown as z.ZodType<DigestText, DigestText>;
export type Digest = DigestText;

/** RFC 7638 thumbprint of a public key, base64url. */
export const Kid = z.string().regex(KID_PATTERN).brand<"Kid">();
export type Kid = z.infer<typeof Kid>;

export const UuidV7 = z.string().regex(UUID_V7_PATTERN).brand<"UuidV7">();
export type UuidV7 = z.infer<typeof UuidV7>;

/** The origin of a transparency log: `exchange.example/log1`. */
export const LogOrigin = z.string().max(PUBLISHER_MAX_CHARS).regex(LOG_ORIGIN_PATTERN).brand<"LogOrigin">();
export type LogOrigin = z.infer<typeof LogOrigin>;

export const SetId = z.strictObject({ publisher: Publisher, set: SetName });
export type SetId = z.infer<typeof SetId>;

function parseId<Schema extends z.ZodType>(schema: Schema, value: unknown, expected: string): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) throw new ExchangeError("id_invalid", { expected });
  return result.data;
}

export function parsePublisher(value: unknown): Publisher {
  return parseId(Publisher, value, "publisher");
}

export function parseSetName(value: unknown): SetName {
  return parseId(SetName, value, "set");
}

export function parseEntryId(value: unknown): EntryId {
  return parseId(EntryId, value, "entry id");
}

export function parseKid(value: unknown): Kid {
  return parseId(Kid, value, "kid");
}

export function parseUuidV7(value: unknown): UuidV7 {
  return parseId(UuidV7, value, "uuid v7");
}

/** `{publisher, set}` or its text `publisher/set`. */
export function parseSetId(value: unknown): SetId {
  if (typeof value !== "string") return parseId(SetId, value, "publisher and set");
  const [publisher, set, ...rest] = value.split("/");
  if (rest.length > 0) throw new ExchangeError("id_invalid", { expected: "publisher/set" });
  return { publisher: parsePublisher(publisher), set: parseSetName(set) };
}

export function formatSetId({ publisher, set }: { publisher: string; set: string }): string {
  return `${publisher}/${set}`;
}

/**
 * A new entry's id. Random on purpose: a time in it would tell when, a hash in it would tell what.
 *
 * @param random - 16 bytes from a cryptographic generator
 */
export function newEntryId(random: (length: number) => Uint8Array): EntryId {
  return parseEntryId(hexOf(random(ENTRY_ID_BYTES)));
}

/**
 * A UUID version 7 (RFC 9562 §5.7): 48 bits of time, then random bits.
 *
 * @param nowMs - milliseconds since 1970
 * @param random - bytes from a cryptographic generator; the platform's when left out
 */
export function newUuidV7(nowMs: number, random: (length: number) => Uint8Array = randomBytes): UuidV7 {
  const bytes = new Uint8Array(16);
  let time = nowMs;
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes.set(random(10), 6);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = hexOf(bytes);
  return parseUuidV7(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
  );
}

/** Milliseconds since 1970 that a UUIDv7 carries. */
export function uuidV7TimeMs(id: UuidV7): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}
