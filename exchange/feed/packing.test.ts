import { describe, expect, it } from "vitest";
import { acceptsGzip, gzipPulled } from "./packing.ts";

describe("whether a caller takes gzip", () => {
  it.each<[string | undefined, boolean]>([
    [undefined, false],
    ["", false],
    ["identity", false],
    ["br, deflate", false],
    ["gzip", true],
    ["GZIP", true],
    ["br;q=1.0, gzip;q=0.5", true],
    ["gzip;q=0", false],
    ["gzip;q=0.000, *", false],
    ["*", true],
    ["*;q=0", false],
    ["identity, *;q=0.1", true],
    ["x-gzip", true],
    ["gzipped", false],
    ["gzip;q=x", false],
  ])("%s: %s", (header, expected) => {
    expect(acceptsGzip(header)).toBe(expected);
  });
});

/** Gives parts one at a time and counts who asked for how many. */
function counted(parts: Uint8Array<ArrayBuffer>[]) {
  const seen = { pulled: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const part = parts[seen.pulled];
        seen.pulled += 1;
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
      cancel: () => {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

const noise = (length: number) => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};
const unpacked = async (stream: ReadableStream<Uint8Array>) =>
  new Uint8Array(
    await new Response(
      (stream as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new DecompressionStream("gzip")),
    ).arrayBuffer(),
  );

describe("a stream packed as it is pulled", () => {
  it.each([0, 1, 5])("is one gzip member of all of it (%d parts)", async (count) => {
    const parts = Array.from({ length: count }, () => noise(300_000));
    const bytes = await unpacked(gzipPulled(counted(parts).stream));
    expect(Buffer.compare(bytes, Buffer.concat(parts))).toBe(0);
  });

  it("takes nothing before somebody reads, and no more than a part ahead of what was read", async () => {
    const { stream, seen } = counted(Array.from({ length: 50 }, () => noise(200_000)));
    const reader = gzipPulled(stream).getReader();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen.pulled).toBe(0);
    let read = 0;
    while (read < 1_000_000) read += (await reader.read()).value?.length ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen.pulled).toBeLessThanOrEqual(Math.ceil(read / 200_000) + 2);
    await reader.cancel();
    expect(seen.cancelled).toBe(true);
  });

  it("lets go of its source when the reader does so before the first byte", async () => {
    const { stream, seen } = counted([noise(10)]);
    await gzipPulled(stream).cancel();
    expect(seen).toEqual({ pulled: 0, cancelled: true });
  });

  it("breaks off where its source does", async () => {
    let asked = 0;
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (asked++ === 0) controller.enqueue(noise(100_000));
          else controller.error(new Error("broke off"));
        },
      },
      { highWaterMark: 0 },
    );
    await expect(unpacked(gzipPulled(stream))).rejects.toThrow();
  });
});
