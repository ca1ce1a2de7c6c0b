/** A publisher for tests: member, keys, root and set through the routes, releases composed as the client composes them. */

import type { About } from "@breakwater/shared/about.ts";
import type { Bytes } from "@breakwater/shared/bytes.ts";
import { digestHex, hexOf } from "@breakwater/shared/bytes.ts";
import { type ComposedRelease, type ComposeInput, composeRelease, type NewChange } from "@breakwater/shared/compose.ts";
import { applyChanges } from "@breakwater/shared/delta.ts";
import { type EntryByKind, formatEntry } from "@breakwater/shared/entries/index.ts";
import type { EntryId, Publisher } from "@breakwater/shared/ids.ts";
import { generateSigningKey, type NewSigningKey, type PublicJwk, thumbprint } from "@breakwater/shared/keys.ts";
import { type ReleaseStatement, signRelease } from "@breakwater/shared/release.ts";
import { type Root, rootDigest, signRoot } from "@breakwater/shared/root.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import type { PublisherAnswer, SetRequest } from "@breakwater/shared/wire/sets.ts";
import type { NewTestMember, TestMember } from "./actors.ts";
import type { TestExchange } from "./test-exchange.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
export const ENVELOPE = { "content-type": "application/jose+json" };
export const STATEMENT = { "content-type": "application/vnd.breakwater.statement+json" };

export type TestPublisher = Awaited<ReturnType<typeof openTestPublisher>>;
export type TestSet = Awaited<ReturnType<TestPublisher["openSet"]>>;

/** A hash entry of made-up data; `at` makes it another one. */
export function testHash(at: number, change: Partial<EntryByKind["hash"]> = {}): EntryByKind["hash"] {
  return {
    id: hexOf(random(16)) as EntryId,
    act: "not_assessed",
    age: "not_assessed",
    alg: "sha256",
    category: "synthetic_test",
    human_review: "not_required",
    media: "image",
    origin: "synthetic",
    production: "drawn_or_cgi",
    report_duty: "do_not_report",
    requested_action: "review",
    source_fidelity: "original_bytes",
    value: at.toString(16).padStart(64, "0"),
    verification: { level: "two_reviewed", on: "2026-11-22", people: 2 },
    ...change,
  } as EntryByKind["hash"];
}

const KIND_ABOUT: Record<SetKind, Partial<About>> = {
  hash: { algs: ["sha256"] },
  term: { languages: ["en"] as About["languages"] },
  url: {},
  indicator: {},
};

export function testAbout(kind: SetKind, change: Partial<About> = {}): About {
  return {
    kind,
    stream: "test",
    title: "Test set",
    description: "Made-up data.",
    purpose: "Testing",
    basis: "None needed: nobody is described.",
    tlp: "GREEN",
    contact: "desk@hotline.example",
    severity: "Nothing real.",
    surfaces: ["uploads"],
    retention_days: 365,
    act_stale_days: 7,
    keep_stale_days: 90,
    consent_based: false,
    person_linked: false,
    ...KIND_ABOUT[kind],
    ...change,
  } as About;
}

export async function openTestPublisher(exchange: TestExchange, wanted: NewTestMember = {}) {
  const member: TestMember = await exchange.member({ roles: ["publisher"], ...wanted });
  const publisher = member.publisher as Publisher;
  const rootKey = await generateSigningKey({ extractable: false });
  const releaseKey = await generateSigningKey({ extractable: false });
  const nowSeconds = () => Math.floor(exchange.clock.now().getTime() / 1000);

  /** A root of this publisher; version 1 unless told otherwise. */
  async function makeRoot(
    change: Partial<Root> = {},
    release: PublicJwk = releaseKey.publicJwk,
    keys: NewSigningKey[] = [rootKey],
  ) {
    const rootJwks = Object.fromEntries(keys.map((key) => [key.kid, key.publicJwk]));
    const root = {
      exp: nowSeconds() + 300 * 86_400,
      iat: nowSeconds(),
      keys: { ...rootJwks, [await thumbprint(release)]: release },
      logs: ["exchange.example/log1"],
      prev: null,
      publisher,
      roles: {
        release: { kids: [await thumbprint(release)], threshold: 1 },
        root: { kids: keys.map(({ kid }) => kid).sort(), threshold: keys.length },
      },
      version: 1,
      ...change,
    } as Root;
    return { root, bytes: await signRoot(root, keys) };
  }

  async function postRoot(bytes: Uint8Array): Promise<Response> {
    return exchange.request(`/v1/publishers/${publisher}/roots`, {
      key: member.key,
      headers: ENVELOPE,
      method: "POST",
      body: bytes,
    });
  }

  const custodyKey =
    wanted.custody === "exchange"
      ? ((
          (await (await exchange.request(`/v1/publishers/${publisher}`, { key: member.key })).json()) as PublisherAnswer
        ).release_key as PublicJwk)
      : undefined;
  const first = await makeRoot({}, custodyKey);
  const accepted = await postRoot(first.bytes);
  if (accepted.status !== 201) throw new Error(`root: ${await accepted.text()}`);

  async function putBlob(bytes: Bytes, hex: string, key = member.key): Promise<Response> {
    const headers = { "content-length": String(bytes.length) };
    return exchange.request(`/v1/blobs/sha256/${hex}`, { key, method: "PUT", headers, body: bytes });
  }

  /** A set, opened, with the publisher's own copy of it. */
  async function openSet(set: string, request: Partial<SetRequest> = {}) {
    const body: SetRequest = { kind: "hash", stream: "test", audience: { tier: "test" }, ...request };
    const path = `/v1/sets/${publisher}/${set}`;
    const opened = await exchange.request(path, { key: member.key, method: "PUT", json: body });
    if (!opened.ok) throw new Error(`set: ${await opened.text()}`);
    const about = testAbout(body.kind, { stream: body.stream });
    let previous: ComposeInput["previous"];
    let entries = new Map<string, string>();
    let rootVersion = 1;

    function compose(changes: readonly NewChange[], change: Partial<ComposeInput> = {}): Promise<ComposedRelease> {
      const after = new Map(entries);
      applyChanges(
        after,
        changes.map((item) => (item.op === "del" ? item : { ...item, id: JSON.parse(item.line).id as string })),
      );
      return composeRelease({
        ...(previous === undefined ? {} : { previous }),
        entries: after,
        changes,
        about,
        publisher,
        set,
        rootVersion,
        now: nowSeconds(),
        random,
        ...change,
      });
    }

    async function upload({ blobs }: Pick<ComposedRelease, "blobs">): Promise<void> {
      for (const { digest, bytes } of blobs) {
        const response = await putBlob(bytes, digestHex(digest));
        if (!response.ok) throw new Error(`blob: ${await response.text()}`);
      }
    }

    async function sign(statement: ReleaseStatement): Promise<Bytes> {
      return signRelease(statement, [releaseKey]);
    }

    async function post(
      bytes: Uint8Array,
      headers: Record<string, string> = ENVELOPE,
      key = member.key,
    ): Promise<Response> {
      return exchange.request(`${path}/releases`, { key, method: "POST", headers, body: bytes });
    }

    /** What was composed is what the publisher holds from now on. */
    function hold(composed: ComposedRelease, changes: readonly NewChange[]): void {
      previous = { statement: composed.statement, digest: composed.digest, manifest: composed.manifest };
      applyChanges(
        entries,
        changes.map((item) => (item.op === "del" ? item : { ...item, id: JSON.parse(item.line).id as string })),
      );
    }

    /** Compose, upload, post; the answer is not looked at. */
    async function offer(changes: readonly NewChange[], change: Partial<ComposeInput> = {}) {
      const composed = await compose(changes, change);
      await upload(composed);
      const response =
        wanted.custody === "exchange"
          ? await post(composed.statementBytes, STATEMENT)
          : await post(await sign(composed.statement));
      return { composed, response };
    }

    /** As {@link offer}, and it has to be accepted. */
    async function publish(
      changes: readonly NewChange[],
      change: Partial<ComposeInput> = {},
    ): Promise<ComposedRelease> {
      const { composed, response } = await offer(changes, change);
      if (response.status !== 201) throw new Error(`release: ${response.status} ${await response.text()}`);
      hold(composed, changes);
      return composed;
    }

    return {
      path,
      set,
      about,
      compose,
      upload,
      sign,
      post,
      offer,
      publish,
      hold,
      entries: () => entries,
      previous: () => previous,
      setRootVersion: (version: number) => {
        rootVersion = version;
      },
      reset: () => {
        previous = undefined;
        entries = new Map();
      },
    };
  }

  return {
    member,
    publisher,
    rootKey,
    releaseKey,
    firstRoot: first,
    firstRootDigest: await rootDigest(first.bytes),
    makeRoot,
    postRoot,
    putBlob,
    openSet,
  };
}

export function put(entry: EntryByKind[SetKind]): NewChange {
  return { op: "put", line: formatEntry(entry) };
}

export function del(id: string): NewChange {
  return { op: "del", id, why: "withdrawn" };
}
