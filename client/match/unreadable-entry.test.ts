/** An entry that no schema of ours accepts, in a set that verifies: the exchange let it through, or its publisher is newer. */

import { formatEntry } from "@breakwater/shared/entries/index.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { makeDoublePublisher } from "../testing/double-publisher.ts";
import { aboutOfKind, testHashEntry, testUrlEntry } from "../testing/entries.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { type Matcher, openMatcher } from "./index.ts";

// A publisher that checks nothing before it signs.
vi.mock("@breakwater/shared/entries/checker.ts", async (load) => {
  const real = await load<typeof import("@breakwater/shared/entries/checker.ts")>();
  const check = (line: string) => {
    const like = JSON.parse(line) as { id: string };
    return { id: like.id, line, key: line, like, putAt: 0 };
  };
  const formatPut = ({ line }: { line: string }) => jcs({ ...JSON.parse(line), op: "put" });
  return { ...real, createEntryChecker: () => ({ check, formatPut }) };
});

let scene: Scene;
let matcher: Matcher | undefined;
beforeEach(async () => {
  scene = await openScene(0);
});
afterEach(async () => {
  matcher?.close();
  await scene.close();
});

it.each([
  ["hash", testHashEntry(1), { hashes: { sha256: testHashEntry(1).value } }, "hashes"],
  ["url", testUrlEntry(1), { url: "https://forum1.example/t/1" }, "url"],
] as const)("of kind %s keeps back nothing that others list, and is said", async (kind, entry, query, what) => {
  const about = aboutOfKind(kind);
  const { human_review: _, ...lacking } = JSON.parse(formatEntry(entry)) as Record<string, unknown>;
  const publishers = [
    ["bad.example/verified", jcs(lacking)],
    ["real.example/verified", formatEntry(entry)],
    ["zone.example/verified", jcs({ ...lacking, human_review: "of-a-newer-version" })],
  ] as const;
  for (const [set, line] of publishers) {
    const publisher = await makeDoublePublisher(scene.double, set, about);
    await publisher.release([{ op: "put", line }]);
    const outcome = await scene.sync({ setId: publisher.setId, pin: publisher.pin });
    expect(outcome.outcome, set).toBe("updated");
  }
  matcher = await openMatcher(scene.stateDir, new Date());
  const { found, notCompared } = matcher.match(query, new Date());
  expect(found.map(({ set }) => set)).toEqual(["real.example/verified"]);
  expect(notCompared).toEqual([
    { what, why: "entry_unreadable" },
    { what, why: "entry_unreadable" },
  ]);
});

it("of a video leaves the rest of its set to be matched with", async () => {
  const frame = testHashEntry(7, { alg: "pdq" }).value;
  const { human_review: _, ...video } = { ...testHashEntry(2), alg: "vpdq", media: "video", value: `${frame},90,0` };
  const publisher = await makeDoublePublisher(scene.double, "real.example/verified", aboutOfKind("hash"));
  await publisher.release([
    { op: "put", line: jcs(video) },
    { op: "put", line: formatEntry(testHashEntry(1)) },
  ]);
  expect((await scene.sync({ setId: publisher.setId, pin: publisher.pin })).outcome).toBe("updated");
  matcher = await openMatcher(scene.stateDir, new Date());
  expect(matcher.unusable()).toEqual([]);
  expect(matcher.match({ hashes: { sha256: testHashEntry(1).value } }, new Date()).found.length).toBe(1);
});
