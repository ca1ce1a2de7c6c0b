/** Refusals that hold for every route: tried against each of them, as the app itself lists them and whom they let in. */
import type { ProblemCode } from "@breakwater/shared/problem.ts";
import { PERSON_ROLES, type PersonRole, SCOPES, type Scope } from "../platform/caller.ts";
import { expectProblem } from "./expect-problem.ts";
import { fillPath, type ListedRoute } from "./routes.ts";
import type { TestExchange, TestRequest } from "./test-exchange.ts";

/** One caller of each sort, all valid, none of them related to what is asked for. */
export type Strangers = {
  keys: Record<Scope, string>;
  people: Record<PersonRole, string>;
  device: (path: string) => Promise<string>;
};

export async function makeStrangers(x: TestExchange): Promise<Strangers> {
  const every = await x.member({ roles: ["hotline", "publisher", "operator"] });
  const flaggers = await x.member({ roles: ["flagger"], hotline: every.name });
  const keys: Partial<Record<Scope, string>> = {};
  for (const scope of SCOPES) keys[scope] = (await x.apiKey(every.name, [scope])).key;
  const people: Partial<Record<PersonRole, string>> = {};
  for (const role of PERSON_ROLES) people[role] = (await x.person(every.name, [role])).cookie;
  const device = await x.device(flaggers.name);
  return { keys: keys as Strangers["keys"], people: people as Strangers["people"], device: device.proof };
}

export type Refusal = { title: string; as: TestRequest; code: ProblemCode | ProblemCode[] };

/** What the route must refuse whoever it is for. */
export async function refusalsOf(
  { method, path, allowed = {} }: ListedRoute,
  strangers: Strangers,
): Promise<Refusal[]> {
  const refusals: Refusal[] = [
    { title: "nobody", as: {}, code: "unauthenticated" },
    { title: "an unknown scheme", as: { headers: { authorization: "Basic dGVzdDp0ZXN0" } }, code: "unauthenticated" },
    { title: "an unknown key", as: { key: `bw_${"0".repeat(16)}_${"a".repeat(43)}` }, code: "api_key_invalid" },
    { title: "a key of another form", as: { key: "test" }, code: "api_key_invalid" },
    { title: "an unknown session", as: { cookie: "a".repeat(43) }, code: "session_expired" },
    { title: "an unreadable device", as: { device: "%%" }, code: "device_format" },
    {
      title: "a device that signed for another path",
      as: { device: await strangers.device("/v1/elsewhere") },
      code: "device_format",
    },
  ];
  const scopes = allowed.scopes ?? [];
  for (const scope of SCOPES.filter((each) => !scopes.includes(each))) {
    refusals.push({
      title: `a key with scope ${scope}`,
      as: { key: strangers.keys[scope] },
      code: ["scope_required", "forbidden"],
    });
  }
  const roles = allowed.roles === "any" ? PERSON_ROLES : (allowed.roles ?? []);
  for (const role of PERSON_ROLES.filter((each) => !roles.includes(each))) {
    refusals.push({
      title: `a person with role ${role}`,
      as: { cookie: strangers.people[role] },
      code: ["role_required", "forbidden"],
    });
  }
  if (!allowed.device) {
    refusals.push({ title: "a device", as: { device: await strangers.device(fillPath(path)) }, code: "forbidden" });
  }
  if (method !== "GET" && method !== "HEAD") {
    const cookie = Object.values(strangers.people)[0];
    refusals.push({
      title: "a session from another site",
      as: { cookie, origin: "https://other.example" },
      code: "origin_mismatch",
    });
    refusals.push({ title: "a session without an origin", as: { cookie, origin: null }, code: "origin_mismatch" });
  }
  return refusals;
}

/** Tries them all; the error names route and refusal. */
export async function expectRefusals(x: TestExchange, route: ListedRoute, strangers: Strangers): Promise<void> {
  for (const { title, as, code } of await refusalsOf(route, strangers)) {
    const hasBody = route.method !== "GET" && route.method !== "HEAD" && route.method !== "DELETE";
    // An address for each route, or the limit on wrong keys would answer in place of the route.
    const headers = { ...as.headers, "cf-connecting-ip": `${route.method} ${route.path}` };
    const response = await x.request(fillPath(route.path), {
      method: route.method,
      ...as,
      headers,
      ...(hasBody ? { json: {} } : {}),
    });
    const codes = Array.isArray(code) ? code : [code];
    const got = (
      (await response
        .clone()
        .json()
        .catch(() => ({}))) as { code?: ProblemCode }
    ).code;
    const expected = codes.find((each) => each === got) ?? codes[0];
    try {
      await expectProblem(response, expected as ProblemCode);
    } catch (cause) {
      throw new Error(
        `${route.method} ${route.path} did not refuse ${title} with ${codes.join(" or ")}: ${response.status} ${got ?? ""}`,
        { cause },
      );
    }
  }
}
