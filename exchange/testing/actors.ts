/** Members, people and devices for tests, made through the same routes as anybody's. */
import { base64urlOf, hexOf, sha256, utf8Of } from "@breakwater/shared/bytes.ts";
import { signEnvelope } from "@breakwater/shared/envelope.ts";
import { generateSigningKey, type NewSigningKey } from "@breakwater/shared/keys.ts";
import type { Device } from "@breakwater/shared/wire/members.ts";
import type { MemberRole, PersonRole, Scope, Tier } from "../platform/caller.ts";
import type { TestRequest } from "./test-exchange.ts";

export type TestMember = { name: string; key: string; keyId: string; publisher?: string | undefined };
export type TestPerson = { id: string; name: string; cookie: string };
export type TestDevice = {
  id: string;
  key: NewSigningKey;
  answer: Device;
  /** The value for `device:` of a request to this path. */
  proof: (path: string, change?: { iat?: number; aud?: string; path?: string }) => Promise<string>;
};
export type NewTestMember = {
  name?: string;
  roles?: MemberRole[];
  tier?: Tier;
  publisher?: string;
  custody?: "member" | "exchange";
  hotline?: string;
  rung3?: boolean;
  /** Of its key; what the roles allow when left out. */
  scopes?: Scope[];
};

type Exchange = {
  origin: string;
  operatorKey: string;
  clock: { now: () => Date };
  request: (path: string, init?: TestRequest) => Promise<Response>;
};

export type Actors = ReturnType<typeof makeActors>;

let made = 0;

export function makeActors({ request, operatorKey, origin, clock }: Exchange) {
  async function asked<T>(path: string, init: TestRequest): Promise<T> {
    const response = await request(path, init);
    if (!response.ok) throw new Error(`${init.method ?? "POST"} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async function member(wanted: NewTestMember = {}): Promise<TestMember> {
    made += 1;
    const roles = wanted.roles ?? ["subscriber"];
    const name = wanted.name ?? `${roles[0]?.replaceAll("_", "-")}-${made}`;
    const publisher = wanted.publisher ?? (roles.includes("publisher") ? `${name}.example` : undefined);
    const { scopes = scopesOf(roles), ...fields } = wanted;
    await asked("/v1/operator/members", {
      key: operatorKey,
      json: { tier: "vetted", ...fields, name, roles, ...(publisher ? { publisher } : {}) },
    });
    const key = await apiKey(name, scopes);
    return { name, publisher, ...key };
  }

  async function apiKey(
    memberName: string,
    scopes: Scope[],
    expiresAt?: Date,
  ): Promise<{ key: string; keyId: string }> {
    const answer = await asked<{ api_key: string; key_id: string }>(`/v1/operator/members/${memberName}/keys`, {
      key: operatorKey,
      json: { scopes, ...(expiresAt ? { expires_at: expiresAt.toISOString() } : {}) },
    });
    return { key: answer.api_key, keyId: answer.key_id };
  }

  /** A person, signed in. */
  async function person(memberName: string, roles: PersonRole[], wantedName?: string): Promise<TestPerson> {
    made += 1;
    const name = wantedName ?? `Person ${made}`;
    const { person_id: id } = await asked<{ person_id: string }>(`/v1/operator/members/${memberName}/people`, {
      key: operatorKey,
      json: { name, roles },
    });
    return { id, name, cookie: await signIn(id) };
  }

  /** A new session of a person; the value of the cookie. */
  async function signIn(personId: string): Promise<string> {
    const { url } = await asked<{ url: string }>(`/v1/operator/people/${personId}/sign-in-link`, {
      key: operatorKey,
      method: "POST",
    });
    const response = await request("/v1/session", {
      json: { token: url.split("#")[1] },
      origin,
      // Everybody at a desk of their own, or the limit on sign-ins from one address would end a long test.
      headers: { "cf-connecting-ip": personId },
    });
    const cookie = /^bw_session=([^;]+);/.exec(response.headers.get("set-cookie") ?? "")?.[1];
    if (cookie === undefined) throw new Error(`no session: ${response.status} ${await response.text()}`);
    return cookie;
  }

  /** A code as its maker has it; the exchange gets the digest. */
  async function invite(
    memberName: string,
    as: TestRequest = { key: operatorKey },
  ): Promise<{ id: string; secret: string }> {
    const id = hexOf(crypto.getRandomValues(new Uint8Array(16)));
    const secret = base64urlOf(crypto.getRandomValues(new Uint8Array(32)));
    const secret_sha256 = hexOf(await sha256(utf8Of(secret)));
    await asked("/v1/invites", { ...as, json: { invite_id: id, secret_sha256, member: memberName } });
    return { id, secret };
  }

  /** A device, enrolled; active unless told to wait. */
  async function device(memberName: string, options: { waiting?: boolean } = {}): Promise<TestDevice> {
    const { id, secret } = await invite(memberName);
    if (!options.waiting) await asked(`/v1/invites/${id}/approve`, { key: operatorKey, method: "POST" });
    const key = await generateSigningKey({ extractable: false });
    const answer = await asked<Device>("/v1/devices", { json: enrolment(id, secret, key) });
    return { id: answer.device_id, key, answer, proof: (path, change) => prove(key, path, change) };
  }

  async function prove(
    key: NewSigningKey,
    path: string,
    change: { iat?: number; aud?: string; path?: string } = {},
  ): Promise<string> {
    const iat = Math.floor(clock.now().getTime() / 1000);
    return base64urlOf(await signEnvelope("bw-device+jws", { aud: origin, iat, path, ...change }, [key]));
  }

  return { member, apiKey, person, signIn, invite, device, prove };
}

export function enrolment(inviteId: string, secret: string, key: NewSigningKey) {
  return {
    invite_id: inviteId,
    invite_secret: secret,
    signing_key: key.publicJwk,
    client: { name: "extension", version: "0.1.0" },
    language: "en",
  };
}

function scopesOf(roles: MemberRole[]): Scope[] {
  const scopes: Scope[] = ["read"];
  if (roles.includes("publisher")) scopes.push("publish");
  if (roles.includes("hotline")) scopes.push("hotline");
  if (roles.includes("operator")) scopes.push("operator");
  return scopes;
}
