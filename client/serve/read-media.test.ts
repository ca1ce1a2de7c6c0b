import { describe, expect, it } from "vitest";
import { type Budget, makeBudget } from "./http-body.ts";
import { readMedia } from "./read-media.ts";

const KIB = 1024;

/** A request as far as its body goes. */
function requestOf(parts: readonly Uint8Array[], said?: number): Parameters<typeof readMedia>[0] {
  async function* iterator(): AsyncGenerator<Uint8Array, undefined> {
    yield* parts;
    return undefined;
  }
  const headers = said === undefined ? {} : { "content-length": String(said) };
  return { headers, iterator };
}

/** A budget that shows what is held, and the most that ever was. */
function watched(maxBytes: number): Budget & { held: number; most: number } {
  const budget = makeBudget(maxBytes);
  const seen = {
    held: 0,
    most: 0,
    take(bytes: number) {
      const isTaken = budget.take(bytes);
      if (isTaken) seen.held += bytes;
      seen.most = Math.max(seen.most, seen.held);
      return isTaken;
    },
    give(bytes: number) {
      budget.give(bytes);
      seen.held -= bytes;
    },
  };
  return seen;
}

const partsOf = (count: number, bytes = KIB) => Array.from({ length: count }, (_, n) => new Uint8Array(bytes).fill(n));
const joined = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe("a body that says its length", () => {
  it("takes that much, and gives it back once", async () => {
    const budget = watched(8 * KIB);
    const parts = partsOf(5);
    const { bytes, release } = await readMedia(requestOf(parts, 5 * KIB), 8 * KIB, budget);
    expect(bytes).toEqual(joined(parts));
    expect(budget.held).toBe(5 * KIB);
    release();
    release();
    expect([budget.held, budget.most]).toEqual([0, 5 * KIB]);
  });

  it("for which there is no memory is busy, and holds no room", async () => {
    const budget = watched(Number.MAX_SAFE_INTEGER);
    const most = Number.MAX_SAFE_INTEGER;
    await expect(readMedia(requestOf([], most), most, budget)).rejects.toMatchObject({ code: "busy" });
    expect([budget.held, budget.most]).toEqual([0, most]);
  });
});

describe("a body of an unknown length", () => {
  it("takes room as it comes, never twice what it is, and is read whole", async () => {
    for (const count of [0, 1, 2, 3, 5, 8, 33]) {
      const budget = watched(64 * KIB);
      const parts = partsOf(count);
      const { bytes, release } = await readMedia(requestOf(parts), 64 * KIB, budget);
      expect(bytes).toEqual(joined(parts));
      expect(budget.most).toBeGreaterThanOrEqual(count * KIB);
      expect(budget.most).toBeLessThanOrEqual(Math.max(0, 2 * count - 1) * KIB);
      release();
      expect(budget.held).toBe(0);
    }
  });

  it("may be as large as any, alone", async () => {
    const budget = watched(5 * KIB);
    const parts = partsOf(5);
    expect((await readMedia(requestOf(parts), 5 * KIB, budget)).bytes).toEqual(joined(parts));
    expect(budget.most).toBe(5 * KIB);
  });

  it("that grows past the largest is refused, and holds no room", async () => {
    const budget = watched(64 * KIB);
    await expect(readMedia(requestOf(partsOf(6)), 5 * KIB, budget)).rejects.toMatchObject({
      code: "request_too_large",
      detail: { max_bytes: 5 * KIB },
    });
    expect([budget.held, budget.most]).toEqual([0, 5 * KIB]);
  });

  it("that grows past what others leave is busy, and holds no room", async () => {
    const budget = watched(8 * KIB);
    budget.take(5 * KIB);
    await expect(readMedia(requestOf(partsOf(4)), 8 * KIB, budget)).rejects.toMatchObject({ code: "busy" });
    expect(budget.held).toBe(5 * KIB);
  });

  it("that breaks off is refused, and holds no room", async () => {
    const budget = watched(8 * KIB);
    const request = requestOf([]);
    Object.assign(request, {
      async *iterator() {
        yield new Uint8Array(KIB);
        throw new Error("aborted");
      },
    });
    await expect(readMedia(request, 8 * KIB, budget)).rejects.toMatchObject({
      code: "request_invalid",
      detail: { reason: "cut_off" },
    });
    expect([budget.held, budget.most]).toEqual([0, KIB]);
  });
});
