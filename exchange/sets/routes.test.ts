import { expect, test } from "vitest";
import { afterAll, beforeAll, describe } from "vitest";
import { expectProblem, openTestExchange, openTestPublisher, put, testHash, type TestExchange } from "../testing/index.ts";

let exchange: TestExchange;
beforeAll(async () => {
  exchange = await openTestExchange();
});
afterAll(() => exchange.close());

describe("smoke", () => {
  test("first release", async () => {
    const p = await openTestPublisher(exchange);
    const s = await p.openSet("verified");
    const entries = [1, 2, 3].map((n) => testHash(n));
    const first = await s.publish(entries.map(put));
    const second = await s.publish([put(testHash(4))]);
    const head = await exchange.request(`${s.path}/head`, { key: p.member.key });
    expect(head.status).toBe(200);
    const nd = await exchange.request(`${s.path}/entries.ndjson`, { key: p.member.key });
    const text = await nd.text();
    expect(text.trim().split("\n").length).toBe(4);
    const ch = await exchange.request(`${s.path}/changes`, { key: p.member.key });
    expect(await ch.json()).toMatchObject({ more: false });
    expect(first.manifest.release + second.manifest.release).toBe(3);
    await expectProblem(await exchange.request(`/v1/sets/nobody.example/x`, { key: p.member.key }), "not_found");
  });
  test("custody", async () => {
    const p = await openTestPublisher(exchange, { custody: "exchange" });
    const s = await p.openSet("verified");
    await s.publish([1, 2, 3].map((n) => put(testHash(n))));
    await s.publish([put(testHash(4))]);
  });
});
