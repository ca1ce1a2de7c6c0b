/** Recalls for tests: made and signed as the client does it, posted through the route. */

import { type Recall, recallBytes, signRecall } from "@breakwater/shared/recall.ts";
import { type RecallChange, testRecall } from "@breakwater/shared/testing/recall.ts";
import { ENVELOPE, STATEMENT, type TestPublisher, type TestSet } from "./publisher.ts";
import type { TestExchange } from "./test-exchange.ts";

export const HOUR_S = 3_600;

export type TestRecalls = ReturnType<typeof openTestRecalls>;

export function openTestRecalls(exchange: TestExchange, publisher: TestPublisher, set: TestSet) {
  const path = `${set.path}/recalls`;

  /** The statement of a recall of one entry for three days; `change` makes it another one. Undefined members are left out. */
  function make(change: RecallChange = {}): Recall {
    const iat = Math.floor(exchange.clock.now().getTime() / 1000);
    return testRecall({ iat, publisher: publisher.publisher, set: set.set, ...change });
  }

  async function sign(recall: Recall): Promise<Uint8Array> {
    return signRecall(recall, [publisher.releaseKey]);
  }

  async function post(bytes: Uint8Array, headers = ENVELOPE, key = publisher.member.key): Promise<Response> {
    return exchange.request(path, { key, method: "POST", headers, body: bytes });
  }

  /** Make, sign and post; the answer is not looked at. */
  async function offer(change: RecallChange): Promise<Response> {
    return post(await sign(make(change)));
  }

  /** Make a statement for the exchange to sign. */
  async function offerStatement(change: RecallChange): Promise<Response> {
    return post(recallBytes(make(change)), STATEMENT);
  }

  return { path, make, sign, post, offer, offerStatement };
}
