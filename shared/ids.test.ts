/** Closed names: nothing free-form, one spelling each. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { HashEntry, IndicatorEntry, TermEntry, UrlEntry } from "./entries/index.ts";
import {
  formatSetId,
  LogOrigin,
  newEntryId,
  newUuidV7,
  parseEntryId,
  parseKid,
  parsePublisher,
  parseSetId,
  parseSetName,
  parseUuidV7,
  randomBytes,
  uuidV7TimeMs,
} from "./ids.ts";
import { Manifest, SnapshotIndex } from "./manifest.ts";
import { ReleaseStatement } from "./release.ts";
import { Root } from "./root.ts";
import { outcome } from "./testing/refusal.ts";

describe("publisher", () => {
  it.each(["hotline.example", "a.b", "xn--bcher-kva.example", "exchange-a.example", `${"a".repeat(63)}.example`])(
    "takes %s",
    (name) => {
      expect(parsePublisher(name)).toBe(name);
    },
  );

  it.each([
    "Hotline.example",
    "hotline",
    "hotline.example.",
    ".example",
    "a..b",
    "-a.example",
    "a-.example",
    "10.0.0.1",
    "bücher.example",
    "a_b.example",
    "a.example/x",
    "a.example\n",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(126)}ab`,
    "",
    7,
  ])("refuses %j", async (name) => {
    expect(await outcome(() => parsePublisher(name))).toBe("id_invalid");
  });
});

describe("set name", () => {
  it.each(["a", "0", "terms-en", "a".repeat(63)])("takes %s", (name) => expect(parseSetName(name)).toBe(name));
  it.each(["", "-a", "A", "a.b", "a/b", "a".repeat(64), "ä"])("refuses %j", async (name) => {
    expect(await outcome(() => parseSetName(name))).toBe("id_invalid");
  });
});

describe("set id", () => {
  it("round-trips", () => {
    expect(formatSetId(parseSetId("hotline.example/verified"))).toBe("hotline.example/verified");
    expect(parseSetId({ publisher: "hotline.example", set: "verified" })).toEqual(
      parseSetId("hotline.example/verified"),
    );
  });
  it.each([
    "hotline.example",
    "hotline.example/",
    "/verified",
    "hotline.example/a/b",
    { publisher: "hotline.example" },
    null,
  ])("refuses %j", async (value) => {
    expect(await outcome(() => parseSetId(value))).toBe("id_invalid");
  });
});

describe("entry id", () => {
  it("is made of 16 random bytes and nothing else", () => {
    expect(newEntryId(() => new Uint8Array(16).fill(0xab))).toBe("ab".repeat(16));
    expect(newEntryId(randomBytes)).not.toBe(newEntryId(randomBytes));
  });
  it("refuses too few bytes rather than padding them", async () => {
    expect(await outcome(() => newEntryId(() => new Uint8Array(8)))).toBe("id_invalid");
  });
  it.each(["A".repeat(32), "a".repeat(31), "a".repeat(33), "g".repeat(32)])("refuses %s", async (id) => {
    expect(await outcome(() => parseEntryId(id))).toBe("id_invalid");
  });
});

describe("uuid v7", () => {
  it("carries its time and the version and variant bits", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 48 - 1 }), fc.uint8Array({ minLength: 10, maxLength: 10 }), (timeMs, random) => {
        const id = newUuidV7(timeMs, () => random);
        expect(uuidV7TimeMs(parseUuidV7(id))).toBe(timeMs);
      }),
    );
  });
  it("sorts as its times do", () => {
    expect(newUuidV7(1000) < newUuidV7(1001)).toBe(true);
  });
  it.each([
    "01939f4e-0000-4000-8000-000000000000",
    "01939f4e-0000-7000-c000-000000000000",
    "01939F4E-0000-7000-8000-000000000000",
  ])("refuses %s", async (id) => {
    expect(await outcome(() => parseUuidV7(id))).toBe("id_invalid");
  });
});

describe("every signed document", () => {
  it("has a JSON Schema, so that the published API can show it", () => {
    for (const schema of [
      Root,
      ReleaseStatement,
      Manifest,
      SnapshotIndex,
      HashEntry,
      TermEntry,
      UrlEntry,
      IndicatorEntry,
    ]) {
      expect(JSON.stringify(z.toJSONSchema(schema, { io: "input" }))).toContain('"additionalProperties":false');
    }
  });
});

describe("kid and log origin", () => {
  it("are of one form", async () => {
    expect(parseKid("A".repeat(43))).toBe("A".repeat(43));
    expect(await outcome(() => parseKid("A".repeat(42)))).toBe("id_invalid");
    expect(LogOrigin.safeParse("exchange-a.example/log1").success).toBe(true);
    for (const origin of [
      "exchange.example",
      "exchange.example/",
      "https://exchange.example/log1",
      "exchange.example/log 1",
    ]) {
      expect(LogOrigin.safeParse(origin).success).toBe(false);
    }
  });
});
