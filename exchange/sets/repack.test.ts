import { type Digest, digestHex, digestOf, hexOf, utf8Of } from "@breakwater/shared/bytes.ts";
import type { ComposedRelease } from "@breakwater/shared/compose.ts";
import { signPayloadBytes } from "@breakwater/shared/envelope.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { FIRST_ENTRY_ID } from "@breakwater/shared/manifest.ts";
import { stateDigest } from "@breakwater/shared/state.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  del,
  expectProblem,
  forgeManifest,
  openTestExchange,
  openTestPublisher,
  put,
  segmentOf,
  type TestExchange,
  type TestPublisher,
  type TestSet,
  testHash,
} from "../testing/index.ts";

let exchange: TestExchange;
let publisher: TestPublisher;
let made = 0;
beforeAll(async () => {
  exchange = await openTestExchange();
  publisher = await openTestPublisher(exchange);
});
afterAll(() => exchange.close());

const lineOf = (change: ReturnType<typeof put>) => (change.op === "put" ? change.line : "");
const idOf = (line: string) => JSON.parse(line).id as string;

/** Release 3 of a set whose snapshot stays that of release 1, packed anew from these lines (integrity: erasure). */
async function offerRepacked(change: (snapshot: Map<string, string>, later: string) => void, release = 1) {
  const set: TestSet = await publisher.openSet(`repacked-${++made}`);
  const first = Array.from({ length: 200 }, (_, at) => put(testHash(at)));
  await set.publish(first);
  const snapshot = new Map(set.entries());
  const later = [...snapshot.keys()][7] as string;
  const old = JSON.parse(snapshot.get(later) as string);
  const second = await set.publish([put({ ...old, requested_action: "observe" })]);
  expect(second.manifest.snapshot.release).toBe(1);
  const victim = [...snapshot.keys()][0] as string;
  snapshot.delete(victim);
  change(snapshot, later);
  const composed = await set.compose([del(victim)]);
  expect(composed.manifest.snapshot.release).toBe(1);
  const forged = await repack(set, composed, [...snapshot.values()], release);
  for (const { digest, bytes } of forged.blobs) await publisher.putBlob(bytes, digestHex(digest));
  const response = await set.post(
    await signPayloadBytes("bw-release+jws", forged.statementBytes, [publisher.releaseKey]),
  );
  return { set, response, victim };
}

async function repack(set: TestSet, composed: ComposedRelease, unsorted: string[], release: number) {
  const lines = unsorted.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  const place = { publisher: publisher.publisher, set: set.set, release, kind: "snapshot" } as never;
  const { bytes, plain } = await segmentOf(place, lines);
  const digest: Digest = await digestOf(bytes);
  const index = utf8Of(
    jcs([{ entries: lines.length, from: FIRST_ENTRY_ID, plain, segment: digest, size: bytes.length }]),
  );
  const indexDigest = await digestOf(index);
  const row = {
    ...composed.manifest.snapshot,
    bytes: bytes.length,
    entries: lines.length,
    index: indexDigest,
    index_size: index.length,
    state: await stateDigest(lines),
  };
  return forgeManifest(composed, (manifest) => ({ ...manifest, snapshot: row }), [
    { digest, bytes },
    { digest: indexDigest, bytes: index },
  ]);
}

describe("a snapshot of an earlier release, packed anew", () => {
  it("is taken without the erased entry; what changed since may stand in it as it was", async () => {
    const { set, response, victim } = await offerRepacked(() => {});
    expect(response.status).toBe(201);
    const text = await (await exchange.request(`${set.path}/entries.ndjson`, { key: publisher.member.key })).text();
    expect(text).not.toContain(victim);
    expect(text.trim().split("\n")).toHaveLength(199);
  });

  it("is refused when it lacks an entry that is still listed", async () => {
    const { response } = await offerRepacked((snapshot, later) => {
      snapshot.delete([...snapshot.keys()].find((id) => id !== later) as string);
    });
    await expectProblem(response, "state_digest");
  });

  it("is refused when it brings an entry that no release has put", async () => {
    const { response } = await offerRepacked((snapshot) => {
      const line = lineOf(put(testHash(5_000)));
      snapshot.set(idOf(line), line);
    });
    await expectProblem(response, "state_digest");
  });

  it("is refused when a segment of it names a later release than the snapshot's: no subscriber would take it", async () => {
    const { response } = await offerRepacked(() => {}, 3);
    await expectProblem(response, "segment_header");
  });

  it("is refused when it carries anything but an entry in the place of one that changed since", async () => {
    const { response } = await offerRepacked((snapshot, later) => {
      snapshot.set(later, jcs({ id: later, note: hexOf(new Uint8Array(4_000)) }));
    });
    await expectProblem(response, "entry_invalid");
  });
});
