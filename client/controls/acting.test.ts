import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readLedger } from "../ledger/read.ts";
import { testId } from "../testing/entries.ts";
import { testHit } from "../testing/hits.ts";
import { type Acting, type ActingEvent, openActing } from "./acting.ts";
import { withMode, withoutPauses } from "./change.ts";
import type { ControlsFile } from "./controls.ts";
import { controlsPath, readControls, updateControls } from "./file.ts";
import { FLOOD_MIN } from "./flood-counter.ts";

const SET = "hotline.example/verified";
let stateDir: string;
let open: Acting[] = [];
let events: ActingEvent[] = [];
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "breakwater-acting-"));
  events = [];
  await updateControls(stateDir, (before) => withMode(before, SET, { act: "block", now: new Date() }) as ControlsFile);
});
afterEach(async () => {
  for (const one of open) await one.close();
  open = [];
  await rm(stateDir, { recursive: true, force: true });
});

async function start(): Promise<Acting> {
  const acting = await openActing({ stateDir, onEvent: (event) => events.push(event) });
  open.push(acting);
  return acting;
}
function hitTimes(acting: Acting, times: number, changes: Parameters<typeof testHit>[0] = {}): string[] {
  return Array.from({ length: times }, (_, n) =>
    acting.decide([testHit({ content: `upload-${n}`, ...changes })], new Date()),
  )
    .flat()
    .map(({ action }) => action);
}

describe("acting on hits", () => {
  it("has each in the ledger before it is answered, under the reference that the answer gives", async () => {
    const acting = await start();
    const acted = acting.decide(
      [testHit(), testHit({ entry: testId(2), level: "review", distance: 20, origin: { release: 2, earliest: 1 } })],
      new Date(),
    );
    await acting.record();
    const rows = [];
    for await (const row of readLedger(stateDir, { now: new Date() })) rows.push(row);
    expect(rows).toMatchObject([
      { hit_ref: acted[0]?.hit_ref, action: "block", distance: null, content: "upload-1" },
      {
        hit_ref: acted[1]?.hit_ref,
        action: "review",
        why: "review_distance",
        distance: 20,
        origin: { release: 2, earliest: 1 },
      },
    ]);
    expect(acted[0]?.hit_ref).toMatch(/^h_[0-9a-f]{16}$/);
  });

  it("waits for its rows also when somebody else's call took them along", async () => {
    const acting = await start();
    acting.decide([testHit()], new Date());
    void acting.record();
    await acting.record();
    expect(acting.stats()).toMatchObject({ rows: 1, waiting: 0 });
  });

  it("keeps no hash and no digest of the content", async () => {
    const acting = await start();
    acting.decide([testHit({ digests: [`sha256:${"ab".repeat(32)}`] })], new Date());
    await acting.record();
    const [name = ""] = (await readdir(join(stateDir, "ledger"))).filter((one) => one.endsWith(".ndjson"));
    expect(await readFile(join(stateDir, "ledger", name), "utf8")).not.toContain("abab");
  });
});

describe("the flood guard", () => {
  it("turns an entry that floods to review, tells the operator once, and queues it for the exchange", async () => {
    const acting = await start();
    const actions = hitTimes(acting, FLOOD_MIN.entry + 20);
    expect(actions.indexOf("review")).toBe(FLOOD_MIN.entry - 1);
    expect(actions.lastIndexOf("block")).toBe(FLOOD_MIN.entry - 2);
    await vi.waitFor(() => expect(events.length).toBe(1), { timeout: 5_000 });
    expect(events).toMatchObject([
      { event: "flood", scope: "entry", target: { entry: testId(1) }, count: FLOOD_MIN.entry },
    ]);
    expect(acting.stats().floods).toBe(1);
    await acting.record();
    await acting.close();
    open = [];
    expect((await readControls(stateDir)).floods).toMatchObject([{ target: { scope: "entry", entry: testId(1) } }]);
    const [item = ""] = await readdir(join(stateDir, "opinions", "items"));
    expect(JSON.parse(await readFile(join(stateDir, "opinions", "items", item), "utf8"))).toMatchObject({
      set: SET,
      item: { kind: "flood", scope: "entry", entry: testId(1), times: FLOOD_MIN.entry },
    });
  });

  it("sees a release and a publisher flood although none of their entries does", async () => {
    const acting = await start();
    const spread = (n: number, release: number) =>
      testHit({ entry: testId(n), origin: { release }, content: `upload-${n}` });
    for (let n = 0; n < FLOOD_MIN.publisher; n++)
      acting.decide([spread(n, 2 + (n % 9 === 0 ? 0 : 1 + (n % 4)))], new Date());
    await vi.waitFor(() => expect(events.map((event) => "scope" in event && event.scope)).toContain("publisher"), {
      timeout: 5_000,
    });
    expect(events.filter((event) => "scope" in event && event.scope === "entry")).toEqual([]);
    // Another release of the same publisher, which was quiet, is held with it.
    expect(acting.decide([spread(5_000, 99)], new Date())).toMatchObject([{ action: "review", why: "flood" }]);
  });

  it("reaches other processes, and lets go when a person resumes, for a day", async () => {
    const [one, other] = [await start(), await start()];
    hitTimes(one, FLOOD_MIN.entry);
    await vi.waitFor(() => expect(hitTimes(other, 1)).toEqual(["review"]), { timeout: 5_000, interval: 20 });
    const target = { scope: "entry" as const, set: SET, entry: testId(1) };
    await updateControls(stateDir, (before) => withoutPauses(before, [target], new Date()));
    await vi.waitFor(() => expect(hitTimes(one, 1)).toEqual(["block"]), { timeout: 5_000, interval: 20 });
    expect(new Set(hitTimes(one, 50))).toEqual(new Set(["block"]));
  });

  it("counts what all processes on the state folder hit together", async () => {
    const [one, other] = [await start(), await start()];
    hitTimes(one, FLOOD_MIN.entry - 10);
    hitTimes(other, FLOOD_MIN.entry - 10);
    await Promise.all([one.record(), other.record()]);
    await vi.waitFor(() => expect(events.length).toBe(1), { timeout: 8_000 });
    await vi.waitFor(() => expect([hitTimes(one, 1), hitTimes(other, 1)]).toEqual([["review"], ["review"]]), {
      timeout: 5_000,
    });
  });

  it("starts with what the ledger remembers as the past, and trips nothing by it", async () => {
    const first = await start();
    const hours = (age: number) => new Date(Date.now() - age * 3_600_000);
    for (let n = 0; n < 3_000; n++)
      first.decide([testHit({ entry: testId(3), content: `upload-${n}` })], hours(24 - (n % 24)));
    await first.record();
    await first.close();
    open = [];
    await rm(controlsPath(stateDir));
    events = [];
    const again = await start();
    expect(events).toEqual([]);
    // About 20 in ten minutes were usual: what would flood for a newcomer does not for this one.
    expect(hitTimes(again, FLOOD_MIN.entry + 20, { entry: testId(3) }).filter((action) => action === "review")).toEqual(
      [],
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(events).toEqual([]);
  });

  it("does not count made-up data, nor what a person allowed", async () => {
    const acting = await start();
    hitTimes(acting, FLOOD_MIN.entry + 5, { test: true });
    await updateControls(stateDir, (before) => ({
      ...before,
      allowed: { entries: [{ set: SET, entry: testId(4), at: new Date().toISOString() }], contents: [] },
    }));
    await acting.controls.refresh();
    hitTimes(acting, FLOOD_MIN.entry + 5, { entry: testId(4) });
    await acting.record();
    expect(acting.stats().floods).toBe(0);
  });

  it("holds here also when the controls cannot be written, and is written once they can", async () => {
    const acting = await start();
    const good = await readFile(controlsPath(stateDir));
    await writeFile(controlsPath(stateDir), "{");
    await acting.controls.refresh();
    expect(hitTimes(acting, 1)).toEqual(["review"]);
    hitTimes(acting, FLOOD_MIN.entry);
    await vi.waitFor(() => expect(events.map(({ event }) => event)).toEqual(["controls_unreadable", "flood"]), {
      timeout: 5_000,
    });
    await writeFile(controlsPath(stateDir), good);
    await vi.waitFor(async () => expect((await readControls(stateDir)).floods.length).toBe(1), { timeout: 8_000 });
    expect(hitTimes(acting, 1)).toEqual(["review"]);
    const target = { scope: "entry" as const, set: SET, entry: testId(1) };
    await updateControls(stateDir, (before) => withoutPauses(before, [target], new Date()));
    await acting.controls.refresh();
    expect(hitTimes(acting, 1)).toEqual(["block"]);
  });
});
