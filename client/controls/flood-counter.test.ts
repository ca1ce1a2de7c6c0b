import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLOOD_KEYS_MAX, FLOOD_MIN, FLOOD_TIMES, FLOOD_WINDOW_MIN, makeFloodCounter } from "./flood-counter.ts";

const DAY = 1_440;

function steady(perMinute: number, minutes: number, scope: "entry" | "release" | "publisher" = "entry") {
  const counter = makeFloodCounter(0);
  let floods = 0;
  for (let minute = 0; minute < minutes; minute++) {
    for (let hit = 0; hit < perMinute; hit++) {
      counter.add("key", minute);
      if (minute > DAY && counter.judge("key", scope, minute).isFlood) floods++;
    }
  }
  return { counter, floods };
}

function burst(counter: ReturnType<typeof makeFloodCounter>, minute: number, hits: number): number | undefined {
  for (let hit = 1; hit <= hits; hit++) {
    counter.add("key", minute);
    if (counter.judge("key", "entry", minute).isFlood) return hit;
  }
  return undefined;
}

describe("a flood", () => {
  it("is what nobody knows to be normal, from the first limit on", () => {
    expect(burst(makeFloodCounter(0), 5, 1_000)).toBe(FLOOD_MIN.entry);
  });

  it("is measured against the target's own past", () => {
    const { counter, floods } = steady(20, 3 * DAY);
    expect(floods).toBe(0);
    const { expected } = counter.judge("key", "entry", 3 * DAY);
    expect(expected).toBeGreaterThan(20 * FLOOD_WINDOW_MIN * 0.95);
    expect(expected).toBeLessThan(20 * FLOOD_WINDOW_MIN * 1.05);
    const at = burst(counter, 3 * DAY + FLOOD_WINDOW_MIN, 10_000) ?? 0;
    expect(at).toBeGreaterThan(FLOOD_TIMES * 20 * FLOOD_WINDOW_MIN * 0.9);
    expect(at).toBeLessThan(FLOOD_TIMES * 20 * FLOOD_WINDOW_MIN * 1.1);
  });

  it("is over when its hits have left the window", () => {
    const counter = makeFloodCounter(0);
    burst(counter, 5, 200);
    expect(counter.judge("key", "entry", 5 + FLOOD_WINDOW_MIN - 1).isFlood).toBe(true);
    expect(counter.judge("key", "entry", 5 + FLOOD_WINDOW_MIN).isFlood).toBe(false);
  });

  it("never comes of small numbers, whenever they come", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: FLOOD_MIN.entry - 1 }), (minutes) => {
        const counter = makeFloodCounter(0);
        for (const minute of [...minutes].sort((a, b) => a - b)) {
          counter.add("key", minute);
          expect(counter.judge("key", "entry", minute).isFlood).toBe(false);
        }
      }),
    );
  });

  it("counts the same whether hits come in order or late", () => {
    const hits = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(hits, (minutes) => {
        const sorted = [...minutes].sort((a, b) => a - b);
        const judge = (order: readonly number[]) => {
          const counter = makeFloodCounter(0);
          counter.add("key", 2_000);
          for (const minute of order) counter.add("key", minute);
          return counter.judge("key", "entry", 2_000);
        };
        const [inOrder, late] = [judge(sorted), judge(minutes)];
        expect(late.count).toBe(inOrder.count);
        expect(late.expected).toBeCloseTo(inOrder.expected, 6);
      }),
    );
  });

  it("keeps a bounded number of targets, the ones hit last", () => {
    const counter = makeFloodCounter(0);
    for (let key = 0; key <= FLOOD_KEYS_MAX; key++) counter.add(`key-${key}`, 1);
    expect(counter.size()).toBe(FLOOD_KEYS_MAX);
    expect(counter.judge("key-0", "entry", 1).count).toBe(0);
    expect(counter.judge(`key-${FLOOD_KEYS_MAX}`, "entry", 1).count).toBe(1);
  });
});
