/** Delta lines: an entry put, or an id deleted; nothing else. */

import { describe, expect, it } from "vitest";
import { applyChanges, formatDeltaLine, parseDelta, parseDeltaLine } from "./delta.ts";
import { formatEntry } from "./entries/index.ts";
import { numberedHashEntry } from "./testing/examples.ts";
import { outcome } from "./testing/refusal.ts";

const entry = numberedHashEntry(1);
const line = formatEntry(entry);
const id = "c".repeat(32);

describe("a delta line", () => {
  it("round-trips a put: the entry's own line comes out byte for byte", () => {
    const change = { op: "put", id: entry.id as string, line } as const;
    expect(parseDeltaLine(formatDeltaLine(change))).toEqual(change);
    expect(formatDeltaLine(change)).toContain('"op":"put"');
  });

  it("round-trips a deletion, which holds nothing but id and reason", () => {
    const change = { op: "del", id, why: "withdrawn" } as const;
    expect(formatDeltaLine(change)).toBe(`{"id":"${id}","op":"del","why":"withdrawn"}`);
    expect(parseDeltaLine(formatDeltaLine(change))).toEqual(change);
  });

  it.each([
    ["a deletion with the value it deletes", `{"id":"${id}","op":"del","value":"x","why":"withdrawn"}`],
    ["a reason in words", `{"id":"${id}","op":"del","why":"it was an adult"}`],
    ["no reason", `{"id":"${id}","op":"del"}`],
    ["no op", `{"id":"${id}","why":"withdrawn"}`],
    ["another op", `{"id":"${id}","op":"move","why":"withdrawn"}`],
    ["a list", "[]"],
    ["null", "null"],
    ["a put without an id", '{"op":"put"}'],
  ])("is not %s", async (_, text) => {
    expect(await outcome(() => parseDeltaLine(text))).toBe("segment_line");
    expect(await outcome(() => parseDeltaLine(text, { strict: false }))).toBe(
      text.includes('"value"') ? "ok" : "segment_line",
    );
  });

  it("is canonical at the exchange", async () => {
    const text = `{"op":"del","id":"${id}","why":"withdrawn"}`;
    expect(await outcome(() => parseDeltaLine(text))).toBe("jcs_invalid");
    expect(await outcome(() => parseDeltaLine(text, { strict: false }))).toBe("ok");
    expect(await outcome(() => parseDeltaLine("{", { strict: false }))).toBe("segment_line");
  });

  it("keeps members of a put that this build does not know", () => {
    const change = parseDeltaLine(`{"id":"${id}","new_member":[1],"op":"put"}`, { strict: false });
    expect(change).toEqual({ op: "put", id, line: `{"id":"${id}","new_member":[1]}` });
  });
});

describe("a delta", () => {
  it("is sorted by id, each once", async () => {
    const del = (letter: string) => `{"id":"${letter.repeat(32)}","op":"del","why":"expired"}`;
    expect(parseDelta([del("a"), del("b")])).toHaveLength(2);
    expect(await outcome(() => parseDelta([del("b"), del("a")]))).toBe("segment_order");
    expect(await outcome(() => parseDelta([del("a"), del("a")]))).toBe("segment_order");
  });

  it("may be applied twice, and may delete what is not there", () => {
    const changes = [
      { op: "put", id: entry.id as string, line },
      { op: "del", id, why: "expired" },
    ] as const;
    const entries = new Map([[id, "x"]]);
    applyChanges(entries, changes);
    applyChanges(entries, changes);
    expect([...entries]).toEqual([[entry.id, line]]);
  });
});
