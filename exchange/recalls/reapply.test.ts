/** After a restore the recalls of the log are rows again: in force until their own end, and none twice. */

import { digestHex } from "@breakwater/shared/bytes.ts";
import { encodeRecallList } from "@breakwater/shared/recall-list.ts";
import { RecallsAnswer } from "@breakwater/shared/wire/recalls.ts";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import {
  expectProblem,
  HOUR_S,
  openTestExchange,
  openTestPublisher,
  openTestRecalls,
  put,
  TEST_START,
  type TestExchange,
  type TestPublisher,
  testHash,
} from "../testing/index.ts";
import { reapplyRecalls } from "./index.ts";

let x: TestExchange;
let publisher: TestPublisher;
beforeAll(async () => {
  x = await openTestExchange();
  publisher = await openTestPublisher(x);
});
afterAll(() => x.close());
beforeEach(() => x.clock.set(TEST_START));

/** As a backup from before the recalls: the log's leaves have been put back, the rows know nothing. */
async function forget(name: string): Promise<void> {
  await x.sql`delete from recalls r using sets s where s.id = r.set_id and s.name = ${name}`;
  await x.sql`update sets set head_recall = 0 where name = ${name}`;
  await x.sql`delete from blob_refs b using sets s where s.id = b.set_id and s.name = ${name} and b.recall is not null`;
}
const reapply = () => x.withDeps((deps) => reapplyRecalls(deps));

it("puts back those in force and those that have ended, once", async () => {
  const set = await publisher.openSet("forgotten");
  const entry = testHash(1);
  await set.publish([put(entry)]);
  const recalls = openTestRecalls(x, publisher, set);
  const iat = TEST_START.getTime() / 1000;
  await recalls.offer({ entries: [entry.id], exp: iat + HOUR_S });
  await recalls.offer({ recall: 2, releases: [1, 1] });
  const read = async () =>
    RecallsAnswer.parse(await (await x.request(recalls.path, { key: publisher.member.key })).json());
  const before = await read();
  await forget(set.set);
  expect(await read()).toEqual({ recall: 0, recalls: [] });
  expect(await reapply()).toBe(2);
  expect(await read()).toEqual(before);
  expect(await reapply()).toBe(0);
  x.clock.advance(2 * HOUR_S * 1000);
  await forget(set.set);
  expect(await reapply()).toBe(2);
  expect((await read()).recalls.map(({ recall }) => recall)).toEqual([2]);
  await expectProblem(await recalls.offer({ recall: 2, entries: [entry.id] }), "recall_fork");
  expect((await recalls.offer({ recall: 3, entries: [entry.id] })).status).toBe(201);
});

it("names the list again, and does without one that is lost", async () => {
  const set = await publisher.openSet("listed");
  const entry = testHash(2);
  await set.publish([put(entry)]);
  const recalls = openTestRecalls(x, publisher, set);
  const place = { publisher: publisher.publisher, recall: 1, set: set.set as never };
  const list = await encodeRecallList(place as never, [entry.id], "5a".repeat(32));
  const path = `/v1/blobs/sha256/${digestHex(list.digest)}`;
  await publisher.putBlob(list.bytes, digestHex(list.digest));
  const members = { list: list.digest, list_size: list.size, list_plain: list.plain };
  expect((await recalls.offer(members)).status).toBe(201);
  const reader = (await x.member()).key;
  await forget(set.set);
  expect((await x.request(path, { key: reader })).status).toBe(404);
  await reapply();
  expect((await x.request(path, { key: reader })).status).toBe(200);

  await forget(set.set);
  await x.sql`delete from blob_uploads where digest = ${list.digest}`;
  await x.sql`delete from blobs where digest = ${list.digest}`;
  await x.objects.delete([`blobs/${digestHex(list.digest)}`, `pending/${digestHex(list.digest)}`]);
  expect(await reapply()).toBe(1);
  expect((await x.request(path, { key: reader })).status).toBe(404);
  const answer = await x.request(recalls.path, { key: reader });
  expect(RecallsAnswer.parse(await answer.json()).recalls).toHaveLength(1);
});
