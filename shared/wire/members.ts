/** Requests and answers about who may call: members, API keys, people, sign-in, invites and devices. */
import { z } from "zod";
import { Kid, Publisher } from "../ids.ts";
import { PublicJwk } from "../keys.ts";

export const NAME_MAX_CHARS = 63;
export const TITLE_MAX_CHARS = 100;

export const Scope = z.enum(["read", "publish", "hotline", "operator"]);
export const MemberRole = z.enum([
  "publisher",
  "subscriber",
  "hotline",
  "flagger",
  "sme",
  "authorised_body",
  "operator",
]);
export const PersonRole = z.enum(["analyst", "publisher", "administrator", "operator", "subscriber"]);
export const Tier = z.enum(["test", "agreed", "vetted"]);
export const Custody = z.enum(["member", "exchange"]);

/** A member's short name, as in an address. */
export const MemberName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
/** What people read; a name, so it never stands in a log. */
export const Title = z
  .string()
  .min(1)
  .max(TITLE_MAX_CHARS)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u);
export const RowId = z.string().regex(/^[0-9a-f]{32}$/);
export const KeyId = z.string().regex(/^[0-9a-f]{16}$/);
const Instant = z.iso.datetime({ offset: true });

function distinct<Item extends z.ZodType>(item: Item) {
  return z
    .array(item)
    .min(1)
    .max(20)
    .refine((items) => new Set(items).size === items.length);
}

// Members

export const NewMember = z
  .strictObject({
    name: MemberName,
    title: Title.optional(),
    roles: distinct(MemberRole),
    tier: Tier,
    publisher: Publisher.optional(),
    custody: Custody.optional(),
    /** The hotline that this member's flaggers report to. */
    hotline: MemberName.optional(),
    rung3: z.boolean().default(false),
  })
  .refine((member) => member.roles.includes("publisher") === (member.publisher !== undefined), { path: ["publisher"] })
  .refine((member) => member.custody === undefined || member.publisher !== undefined, { path: ["custody"] })
  .refine((member) => !member.roles.includes("hotline") || member.hotline === undefined, { path: ["hotline"] });
export type NewMember = z.infer<typeof NewMember>;

export const MemberChange = z
  .strictObject({ title: Title, roles: distinct(MemberRole), tier: Tier, rung3: z.boolean(), suspended: z.boolean() })
  .partial()
  .refine((change) => Object.keys(change).length > 0);
export type MemberChange = z.infer<typeof MemberChange>;

export const Member = z.strictObject({
  name: MemberName,
  title: Title,
  roles: z.array(MemberRole),
  tier: Tier,
  publisher: Publisher.optional(),
  custody: Custody.optional(),
  hotline: MemberName.optional(),
  rung3: z.boolean(),
  created_at: Instant,
  suspended_at: Instant.optional(),
});
export type Member = z.infer<typeof Member>;
export const MemberList = z.strictObject({ members: z.array(Member) });

// API keys

/** The key's text: `bw_<keyid>_<secret>`, 64 + 256 bits. */
export const ApiKeyText = z.string().regex(/^bw_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
export const NewApiKey = z.strictObject({ scopes: distinct(Scope), expires_at: Instant.optional() });
/** The only answer that ever holds the key. */
export const MadeApiKey = z.strictObject({
  key_id: KeyId,
  api_key: ApiKeyText,
  scopes: z.array(Scope),
  expires_at: Instant,
});
export type MadeApiKey = z.infer<typeof MadeApiKey>;
export const RotatedApiKey = MadeApiKey.extend({ previous: z.strictObject({ key_id: KeyId, expires_at: Instant }) });
export type RotatedApiKey = z.infer<typeof RotatedApiKey>;
export const ApiKeyRow = z.strictObject({
  key_id: KeyId,
  scopes: z.array(Scope),
  state: z.enum(["active", "expired", "revoked"]),
  created_at: Instant,
  expires_at: Instant,
  last_used_at: Instant.optional(),
  replaced_by: KeyId.optional(),
});
export const ApiKeyList = z.strictObject({ keys: z.array(ApiKeyRow) });

// People and sessions

export const NewPerson = z.strictObject({ name: Title, roles: distinct(PersonRole) });
export const MadePerson = z.strictObject({ person_id: RowId });
export const Person = z.strictObject({
  person_id: RowId,
  name: Title,
  roles: z.array(PersonRole),
  created_at: Instant,
});
export const PersonList = z.strictObject({ people: z.array(Person) });

/** `url` is `<origin>/sign-in#<token>`: the fragment never reaches a server, so no log or Referer holds the token. */
export const SignInLink = z.strictObject({ url: z.url(), expires_at: Instant });
export type SignInLink = z.infer<typeof SignInLink>;
export const SignInToken = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
export const SignIn = z.strictObject({ token: SignInToken });
export const Session = z.strictObject({
  person: z.strictObject({ id: RowId, name: Title, roles: z.array(PersonRole) }),
  member: z.strictObject({
    name: MemberName,
    title: Title,
    roles: z.array(MemberRole),
    publisher: Publisher.optional(),
  }),
  /** The exchange's name. */
  exchange: z.string(),
  /** The latest moment at which it ends; without activity it ends sooner. */
  expires_at: Instant,
});
export type Session = z.infer<typeof Session>;

// Invites

export const INVITE_HOURS = 72;
export const InviteId = RowId;
/** 256 random bits made by whoever invites. */
export const InviteSecret = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
export const NewInvite = z.strictObject({
  invite_id: InviteId,
  /** SHA-256, in hex, of the secret's 43 characters: the secret itself is sent by the device that uses it and by nobody else. */
  secret_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  member: MemberName,
});
export type NewInvite = z.infer<typeof NewInvite>;
export const InviteState = z.enum(["waiting", "approved", "refused", "used", "expired"]);
export const Invite = z.strictObject({
  invite_id: InviteId,
  member: MemberName,
  member_title: Title,
  state: InviteState,
  created_at: Instant,
  expires_at: Instant,
  /** True when the caller is the person who made it, and so cannot approve it. */
  yours: z.boolean(),
  /** A device has shown the secret and waits for the approval. */
  device_waiting: z.boolean(),
});
export type Invite = z.infer<typeof Invite>;
export const InviteList = z.strictObject({ invites: z.array(Invite) });

// Devices

export const EnrolDevice = z.strictObject({
  invite_id: InviteId,
  invite_secret: InviteSecret,
  signing_key: PublicJwk,
  client: z.strictObject({
    name: z.string().regex(/^[a-z0-9-]{1,40}$/),
    version: z.string().regex(/^[0-9A-Za-z.+-]{1,40}$/),
  }),
  language: z
    .string()
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/)
    .optional(),
});
export type EnrolDevice = z.infer<typeof EnrolDevice>;
/** `expired` still reports; what it sends is marked. */
export const DeviceState = z.enum(["waiting", "active", "expired"]);
export const Device = z.strictObject({
  device_id: RowId,
  state: DeviceState,
  member: MemberName,
  member_title: Title,
  hotline: z.strictObject({
    name: MemberName,
    title: Title,
    publisher: Publisher.optional(),
    /** The agent's signing key: checked against the pin in the invite, then opens the list of recipients. */
    agent_key: PublicJwk.optional(),
  }),
  /** Who may approve, as the waiting page names them. */
  administrator: Title.optional(),
  expires_at: Instant,
  receipt_keys: z.array(PublicJwk),
  policy: z.strictObject({ rung3: z.boolean(), max_items_per_hour: z.number().int().positive() }),
  /**
   * After a restore of the exchange: reports with receipts from `resend_since` up to `resend_until` may be lost, and are
   * asked for once more, byte for byte.
   */
  resend_since: Instant.optional(),
  resend_until: Instant.optional(),
});
export type Device = z.infer<typeof Device>;
export const DeviceRow = z.strictObject({
  device_id: RowId,
  kid: Kid,
  member: MemberName,
  state: z.enum(["waiting", "active", "expired", "revoked"]),
  created_at: Instant,
  expires_at: Instant,
});
export const DeviceList = z.strictObject({ devices: z.array(DeviceRow) });

/** What a device signs (`bw-device+jws`) to call a route: for this exchange, this path, about now. */
export const DeviceProof = z.strictObject({
  aud: z.string().max(200),
  iat: z.number().int().nonnegative(),
  path: z.string().max(300),
});
export type DeviceProof = z.infer<typeof DeviceProof>;
