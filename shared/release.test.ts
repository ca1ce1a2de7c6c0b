/** Releases: numbered, chained, signed by the newest root's release keys. */

import { beforeAll, describe, expect, it } from "vitest";
import { digestOf, utf8Of } from "./bytes.ts";
import { signEnvelope } from "./envelope.ts";
import {
  checkNext,
  checkReleaseTimes,
  openRelease,
  parseStatement,
  RELEASE_LIFETIME_MAX_SECONDS,
  type ReleaseLink,
  type ReleaseStatement,
  signRelease,
  statementBytes,
} from "./release.ts";
import { type OpenedRoot, openRoot, signRoot } from "./root.ts";
import { type ExamplePublisher, exampleKeys, exampleOpenedRoot, exampleRoot, NOW } from "./testing/examples.ts";
import { outcome } from "./testing/refusal.ts";

const SOME_DIGEST = `sha256:${"1".repeat(64)}` as const;
let keys: ExamplePublisher;
let root: OpenedRoot;

beforeAll(async () => {
  keys = await exampleKeys();
  root = await exampleOpenedRoot(keys);
});

function statement(changes: Partial<ReleaseStatement> = {}): ReleaseStatement {
  return {
    exp: NOW + 86_400,
    iat: NOW,
    manifest: SOME_DIGEST,
    manifest_size: 1000,
    prev: null,
    publisher: "hotline.example",
    release: 1,
    root: 1,
    set: "verified",
    ...changes,
  } as ReleaseStatement;
}

async function link(changes: Partial<ReleaseStatement> = {}): Promise<ReleaseLink> {
  const made = statement(changes);
  return { statement: made, digest: await digestOf(utf8Of(JSON.stringify(made))) };
}

describe("openRelease", () => {
  it("gives the statement and the digest that the next one continues", async () => {
    const opened = await openRelease(await signRelease(statement(), [keys.release]), root);
    expect(opened.statement).toEqual(statement());
    expect(opened.digest).toBe(await digestOf(statementBytes(statement())));
    expect(opened.kids).toEqual([keys.release.kid]);
  });

  it("takes no signature of a root key or a stranger", async () => {
    for (const key of [keys.root1, keys.spare]) {
      expect(await outcome(async () => openRelease(await signRelease(statement(), [key]), root))).toBe(
        "envelope_kid_unknown",
      );
    }
  });

  it("needs the role's threshold", async () => {
    const kids = [keys.release.kid, keys.spare.kid].sort();
    const two = await openRoot(
      await signRoot(
        exampleRoot(keys, {
          keys: { ...exampleRoot(keys).keys, [keys.spare.kid]: keys.spare.publicJwk },
          roles: { release: { kids, threshold: 2 }, root: exampleRoot(keys).roles.root },
        }),
        [keys.root1],
      ),
    );
    expect(await outcome(async () => openRelease(await signRelease(statement(), [keys.release]), two))).toBe(
      "signature_threshold",
    );
    expect(
      await outcome(async () => openRelease(await signRelease(statement(), [keys.release, keys.spare]), two)),
    ).toBe("ok");
  });

  it("is judged by the root it names, and by no other publisher's", async () => {
    expect(
      await outcome(async () => openRelease(await signRelease(statement({ root: 2 }), [keys.release]), root)),
    ).toBe("release_root");
    const other = statement({ publisher: "other.example" as ReleaseStatement["publisher"] });
    expect(await outcome(async () => openRelease(await signRelease(other, [keys.release]), root))).toBe(
      "publisher_mismatch",
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ["another member", { note: "x" }],
    ["release 0", { release: 0 }],
    ["a release that is no whole number", { release: "1" }],
    ["no predecessor after release 1", { release: 2 }],
    ["a predecessor in release 1", { prev: SOME_DIGEST }],
    ["a manifest above the limit", { manifest_size: 2 ** 20 + 1 }],
    ["an upper-case digest", { manifest: `sha256:${"A".repeat(64)}` }],
    ["a set that is a path", { set: "a/b" }],
    ["closed that is not true", { closed: false }],
    ["a time before 1970", { iat: -1 }],
  ])("refuses %s", async (_, changes) => {
    const bytes = await signEnvelope("bw-release+jws", { ...statement(), ...changes }, [keys.release]);
    expect(await outcome(() => openRelease(bytes, root))).toBe("release_invalid");
  });

  it("lets an older subscriber read a newer statement", async () => {
    const bytes = await signEnvelope("bw-release+jws", { ...statement(), later: 1 }, [keys.release]);
    expect((await openRelease(bytes, root, { strict: false })).statement).toEqual(statement());
  });
});

describe("parseStatement", () => {
  it("reads what is to be signed as strictly as what is signed", async () => {
    expect(parseStatement(statementBytes(statement()))).toEqual(statement());
    expect(await outcome(() => parseStatement(utf8Of(JSON.stringify({ ...statement(), x: 1 }, null, 1))))).toBe(
      "jcs_invalid",
    );
    expect(await outcome(() => parseStatement(utf8Of('{"a":1}')))).toBe("release_invalid");
  });
});

describe("checkNext", () => {
  it("takes release 1 first, then exactly the next number on the digest before", async () => {
    const first = await link();
    expect(checkNext(undefined, first)).toBe("next");
    expect(checkNext(first, await link({ release: 2, prev: first.digest }))).toBe("next");
  });

  it("knows a repeat from a fork", async () => {
    const first = await link();
    expect(checkNext(first, first)).toBe("same");
    expect(await outcome(async () => checkNext(first, await link({ exp: NOW + 9 })))).toBe("release_fork");
  });

  it.each<[string, Partial<ReleaseStatement>, string]>([
    ["a lower number", { release: 3 }, "release_rollback"],
    ["a jump", { release: 6 }, "release_gap"],
    ["another predecessor", { prev: SOME_DIGEST }, "release_chain"],
    ["a time that falls", { iat: NOW - 1 }, "release_time"],
    ["a lifetime above 30 days", { exp: NOW + RELEASE_LIFETIME_MAX_SECONDS + 1 }, "release_time"],
    ["an end before its beginning", { exp: NOW }, "release_time"],
    ["an older root", { root: 1 }, "release_root"],
    ["another set", { set: "other" as ReleaseStatement["set"] }, "release_invalid"],
    ["another publisher", { publisher: "other.example" as ReleaseStatement["publisher"] }, "release_invalid"],
  ])("refuses %s", async (_, changes, code) => {
    const held = await link({ release: 4, root: 2, prev: SOME_DIGEST });
    const next = await link({ release: 5, root: 2, prev: held.digest, ...changes });
    expect(await outcome(() => checkNext(held, next))).toBe(code);
  });

  it("starts at 1", async () => {
    expect(await outcome(async () => checkNext(undefined, await link({ release: 2, prev: SOME_DIGEST })))).toBe(
      "release_gap",
    );
  });

  it("lets nothing follow a closed set", async () => {
    const last = await link({ closed: true });
    expect(await outcome(async () => checkNext(last, await link({ release: 2, prev: last.digest })))).toBe(
      "release_closed",
    );
  });
});

describe("checkReleaseTimes", () => {
  it("ends with exp and begins, give or take five minutes, with iat", async () => {
    const made = statement();
    expect(await outcome(() => checkReleaseTimes(made, made.exp - 1))).toBe("ok");
    expect(await outcome(() => checkReleaseTimes(made, made.exp))).toBe("release_expired");
    expect(await outcome(() => checkReleaseTimes(made, made.iat - 300))).toBe("ok");
    expect(await outcome(() => checkReleaseTimes(made, made.iat - 301))).toBe("release_time");
  });
});
