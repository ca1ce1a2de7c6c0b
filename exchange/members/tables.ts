/** Organisations, their people, keys, invites and devices. */
import { boolean, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import type { MemberRole, PersonRole, Scope, Tier } from "../platform/caller.ts";
import type { SignerJwk } from "../platform/signer.ts";

const at = (name: string) => timestamp(name, { withTimezone: true });

export const members = pgTable("members", {
  id: text("id").primaryKey(),
  name: text("name").notNull().unique(),
  title: text("title").notNull(),
  roles: text("roles").array().$type<MemberRole[]>().notNull(),
  tier: text("tier").$type<Tier>().notNull(),
  publisher: text("publisher").unique(),
  custody: text("custody").$type<"member" | "exchange">(),
  hotlineId: text("hotline_id"),
  rung3: boolean("rung3").notNull().default(false),
  agentSigningKey: jsonb("agent_signing_key").$type<SignerJwk>(),
  createdAt: at("created_at").notNull(),
  suspendedAt: at("suspended_at"),
});
export type MemberRow = typeof members.$inferSelect;

export const people = pgTable("people", {
  id: text("id").primaryKey(),
  memberId: text("member_id").notNull(),
  name: text("name").notNull(),
  roles: text("roles").array().$type<PersonRole[]>().notNull(),
  createdAt: at("created_at").notNull(),
  removedAt: at("removed_at"),
});
export type PersonRow = typeof people.$inferSelect;

export const apiKeys = pgTable("api_keys", {
  id: text("id").primaryKey(),
  memberId: text("member_id").notNull(),
  secretSha256: text("secret_sha256").notNull(),
  scopes: text("scopes").array().$type<Scope[]>().notNull(),
  createdAt: at("created_at").notNull(),
  expiresAt: at("expires_at").notNull(),
  revokedAt: at("revoked_at"),
  replacedBy: text("replaced_by"),
  lastUsedAt: at("last_used_at"),
});
export type ApiKeyRow = typeof apiKeys.$inferSelect;

export const signInLinks = pgTable("sign_in_links", {
  tokenSha256: text("token_sha256").primaryKey(),
  personId: text("person_id").notNull(),
  createdAt: at("created_at").notNull(),
  expiresAt: at("expires_at").notNull(),
  usedAt: at("used_at"),
});

export const sessions = pgTable("sessions", {
  id: text("id").primaryKey(),
  tokenSha256: text("token_sha256").notNull().unique(),
  personId: text("person_id").notNull(),
  createdAt: at("created_at").notNull(),
  lastSeenAt: at("last_seen_at").notNull(),
  expiresAt: at("expires_at").notNull(),
});

export const invites = pgTable("invites", {
  id: text("id").primaryKey(),
  memberId: text("member_id").notNull(),
  secretSha256: text("secret_sha256").notNull(),
  state: text("state").$type<"waiting" | "approved" | "refused">().notNull(),
  createdAt: at("created_at").notNull(),
  expiresAt: at("expires_at").notNull(),
  createdByKind: text("created_by_kind").notNull(),
  createdById: text("created_by_id").notNull(),
  decidedAt: at("decided_at"),
  decidedByKind: text("decided_by_kind"),
  decidedById: text("decided_by_id"),
  usedAt: at("used_at"),
});
export type InviteRow = typeof invites.$inferSelect;

export const devices = pgTable("devices", {
  id: text("id").primaryKey(),
  memberId: text("member_id").notNull(),
  kid: text("kid").notNull().unique(),
  signingKey: jsonb("signing_key").$type<SignerJwk>().notNull(),
  clientName: text("client_name").notNull(),
  clientVersion: text("client_version").notNull(),
  language: text("language"),
  state: text("state").$type<"waiting" | "active" | "revoked">().notNull(),
  inviteId: text("invite_id").unique(),
  createdAt: at("created_at").notNull(),
  expiresAt: at("expires_at").notNull(),
  revokedAt: at("revoked_at"),
  lastSeenAt: at("last_seen_at"),
});
export type DeviceRow = typeof devices.$inferSelect;
