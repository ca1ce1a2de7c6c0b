import type { Digest } from "@breakwater/shared/bytes.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { describe, expect, it } from "vitest";
import { openEarlySender } from "./send-early.ts";

const digests = Array.from({ length: 6 }, (_, n) => `sha256:${String(n).repeat(64)}` as Digest);
const read = async (digest: Digest) => new TextEncoder().encode(digest);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An exchange whose answers wait until they are let go. */
function openSlow() {
  const asked: Digest[] = [];
  const answers: ((failed?: Error) => void)[] = [];
  const putBlob = (digest: Digest) =>
    new Promise<void>((resolve, reject) => {
      asked.push(digest);
      answers.push((failed) => (failed === undefined ? resolve() : reject(failed)));
    });
  return { asked, answers, putBlob };
}

describe("blobs that are sent early", () => {
  it("go out two at a time, in their order, and are told when all that were begun have ended", async () => {
    const slow = openSlow();
    const early = openEarlySender(slow, read);
    for (const digest of digests) early.offer(digest);
    await turn();
    expect(slow.asked).toEqual(digests.slice(0, 2));
    slow.answers[0]?.();
    await turn();
    expect(slow.asked).toEqual(digests.slice(0, 3));
    const ended = early.end();
    slow.answers[2]?.();
    slow.answers[1]?.();
    expect(await ended).toEqual(new Set(digests.slice(0, 3)));
    expect(slow.asked).toHaveLength(3);
  });

  it("stop at the first failure and say nothing: sending them in their turn will", async () => {
    const slow = openSlow();
    const early = openEarlySender(slow, read);
    early.offer(digests[0] as Digest);
    await turn();
    slow.answers[0]?.(new ExchangeError("fetch_failed"));
    await turn();
    early.offer(digests[1] as Digest);
    await turn();
    expect(slow.asked).toHaveLength(1);
    expect(await early.end()).toEqual(new Set());
  });

  it("are no more once it was stopped; those under way end by themselves", async () => {
    const slow = openSlow();
    const early = openEarlySender(slow, read);
    for (const digest of digests) early.offer(digest);
    await turn();
    early.stop();
    slow.answers[0]?.();
    slow.answers[1]?.(new ExchangeError("fetch_failed"));
    await turn();
    expect(slow.asked).toHaveLength(2);
  });

  it("are begun again when the first had all ended", async () => {
    const slow = openSlow();
    const early = openEarlySender(slow, read);
    early.offer(digests[0] as Digest);
    await turn();
    slow.answers[0]?.();
    await turn();
    early.offer(digests[1] as Digest);
    await turn();
    slow.answers[1]?.();
    expect(await early.end()).toEqual(new Set(digests.slice(0, 2)));
  });
});
