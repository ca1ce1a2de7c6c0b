import { describe, expect, it } from "vitest";
import { memoryObjects } from "./memory-objects.ts";
import { listTakeAways, noteTakeAway, sweepTakeAways, TAKE_AWAYS_KEEP_DAYS } from "./take-aways.ts";

const DAY_MS = 86_400_000;
const START = new Date("2026-11-22T23:59:59.000Z");

function world() {
  let nowMs = START.getTime();
  const objects = memoryObjects();
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const advance = (ms: number) => {
    nowMs += ms;
  };
  return { objects, random, now: () => new Date(nowMs), advance };
}

describe("notes of what was taken away", () => {
  it("come back in the order of their times, over the end of a day, from the asked time on", async () => {
    const w = world();
    for (const id of ["a", "b", "c"]) {
      await noteTakeAway(w, { kind: "device", id });
      w.advance(1_000);
    }
    const since = new Date(START.getTime() + 1_000);
    const noted = await listTakeAways(w, since, w.now());
    expect(noted.map((one) => "id" in one && one.id)).toEqual(["b", "c"]);
    expect(noted[0]?.at).toEqual(since);
  });

  it("refuse to go on when one cannot be read: it may lock somebody out", async () => {
    const w = world();
    await noteTakeAway(w, { kind: "person", id: "a" });
    const [key] = w.objects.keys();
    await w.objects.put(key as string, new TextEncoder().encode('{"kind":"nothing"}'));
    await expect(listTakeAways(w, START, w.now())).rejects.toMatchObject({ code: "internal" });
  });

  it("fail the act that cannot be noted", async () => {
    const w = world();
    w.objects.breakNextPut("failed_and_not_written", "state/");
    await expect(noteTakeAway(w, { kind: "device", id: "a" })).rejects.toMatchObject({ code: "busy" });
  });

  it("hold ids and codes only", async () => {
    const w = world();
    const long = { kind: "device", id: "x".repeat(65) } as const;
    await expect(noteTakeAway(w, long)).rejects.toThrow();
    expect(w.objects.keys()).toEqual([]);
  });

  it("end when no backup is left that could forget them", async () => {
    const w = world();
    await noteTakeAway(w, { kind: "device", id: "a" });
    w.advance(TAKE_AWAYS_KEEP_DAYS * DAY_MS);
    await noteTakeAway(w, { kind: "device", id: "b" });
    expect(await sweepTakeAways(w)).toBe(0);
    w.advance(DAY_MS);
    expect(await sweepTakeAways(w)).toBe(1);
    expect(w.objects.keys()).toHaveLength(1);
  });
});
