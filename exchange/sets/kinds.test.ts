import { hexOf } from "@breakwater/shared/bytes.ts";
import type { NewChange } from "@breakwater/shared/compose.ts";
import { formatEntry } from "@breakwater/shared/entries/index.ts";
import type { EntryId } from "@breakwater/shared/ids.ts";
import { exampleAbout, exampleEntry } from "@breakwater/shared/testing/examples.ts";
import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import type { SetRequest } from "@breakwater/shared/wire/sets.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  expectProblem,
  openTestExchange,
  openTestPublisher,
  type TestExchange,
  type TestPublisher,
} from "../testing/index.ts";

let exchange: TestExchange;
let publisher: TestPublisher;
let made = 0;
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
});
afterAll(() => exchange.close());

const newId = () => hexOf(crypto.getRandomValues(new Uint8Array(16))) as EntryId;

function example(kind: SetKind, change: object = {}): NewChange {
  return { op: "put", line: formatEntry(exampleEntry(kind, { id: newId(), ...change })) };
}

async function offer(kind: SetKind, request: Omit<SetRequest, "kind">, change: object = {}) {
  const set = await publisher.openSet(`kind-${++made}`, { kind, ...request });
  const about = exampleAbout(kind, { stream: request.stream });
  return { set, ...(await set.offer([example(kind, change)], { about })) };
}

describe("sets of each kind", () => {
  it.each(["hash", "term", "url", "indicator"] as const)(
    "a %s set is published and read back as it was written",
    async (kind) => {
      const { set, composed, response } = await offer(kind, { stream: "test", audience: { tier: "test" } });
      expect(response.status).toBe(201);
      const text = await (await exchange.request(`${set.path}/entries.ndjson`, { key: publisher.member.key })).text();
      expect(JSON.parse(text)).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{32}$/) });
      const row = await (await exchange.request(set.path, { key: publisher.member.key })).json();
      expect(row).toMatchObject({ kind, entries: 1, about: composed.manifest.about });
    },
  );

  it("addresses in clear are published by name only, their digests to vetted members", async () => {
    const vetted = { stream: "photographic", audience: { tier: "vetted" } } as const;
    await expectProblem(
      (await offer("url", vetted, { url: "https://a.example/x", url_digest: undefined })).response,
      "audience_too_wide",
    );
    expect(
      (
        await offer(
          "url",
          { ...vetted, audience: { tier: "named", members: [] } },
          { url: "https://a.example/x", url_digest: undefined },
        )
      ).response.status,
    ).toBe(201);
    const digest = { url: undefined, url_digest: `sha256:${"ab".repeat(32)}` };
    expect((await offer("url", vetted, digest)).response.status).toBe(201);
  });

  it("an entry of another kind is refused", async () => {
    const set = await publisher.openSet("mixed", { kind: "term" });
    const about = exampleAbout("hash", { stream: "test" });
    const { response } = await set.offer([example("hash")], { about });
    await expectProblem(response, "set_kind");
  });
});
