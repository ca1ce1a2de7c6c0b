import type { SetKind } from "@breakwater/shared/vocab/sets.ts";
import { describe, expect, it } from "vitest";
import {
  floorOfAbout,
  floorOfEntry,
  floorOfSet,
  isInAudience,
  narrower,
  requireAudience,
  requireStreamRole,
  type Travelling,
  tiersOf,
} from "./audience.ts";

const real = { stream: "photographic" } as const;

describe("how wide a set's content lets it go", () => {
  it.each([
    ["hash", { alg: "sha256" }, "agreed"],
    ["hash", { alg: "md5" }, "agreed"],
    ["hash", { alg: "pdq" }, "vetted"],
    ["hash", { alg: "photodna" }, "vetted"],
    ["hash", { alg: "an algorithm of tomorrow" }, "vetted"],
    ["term", { text: "test-term-0001" }, "vetted"],
    ["term", {}, "named"],
    ["url", { url: "https://a.example/" }, "named"],
    ["url", { url_digest: "sha256:…" }, "vetted"],
    ["indicator", {}, "agreed"],
  ] as [SetKind, Travelling, string][])("a %s entry %j needs %s or narrower", (kind, entry, floor) => {
    expect(floorOfEntry({ kind, ...real }, entry)).toBe(floor);
    expect(floorOfEntry({ kind, stream: "test" }, entry)).toBe("test");
  });

  it("a set of real material is never open to everybody with a key", () => {
    for (const kind of ["hash", "term", "url", "indicator"] as const) {
      expect(floorOfSet({ kind, ...real })).not.toBe("test");
      expect(floorOfSet({ kind, stream: "test" })).toBe("test");
    }
  });

  it("a set about persons is by name only", () => {
    expect(floorOfAbout(real, { person_linked: true })).toBe("named");
    expect(floorOfAbout(real, { person_linked: false })).toBe("test");
  });

  it("refuses an audience wider than the floor and takes any narrower one", () => {
    expect(() => requireAudience("agreed", "vetted")).toThrow("audience_too_wide");
    expect(() => requireAudience("test", "agreed")).toThrow("audience_too_wide");
    expect(() => requireAudience("vetted", "vetted")).not.toThrow();
    expect(() => requireAudience("named", "agreed")).not.toThrow();
    expect(narrower("agreed", "named")).toBe("named");
    expect(narrower("vetted", "test")).toBe("vetted");
  });
});

describe("who is inside an audience", () => {
  const reader = (tier: "test" | "agreed" | "vetted", publisher?: string) => ({ member: "company", tier, publisher });
  it.each([
    ["test", "test", true],
    ["agreed", "test", true],
    ["test", "agreed", false],
    ["agreed", "vetted", false],
    ["vetted", "agreed", true],
    ["vetted", "named", false],
  ] as const)("a member of tier %s at audience %s: %s", (tier, audience, seen) => {
    expect(isInAudience(reader(tier), { publisher: "p.example", tier: audience, members: [] })).toBe(seen);
  });

  it("a named audience counts names, not tiers", () => {
    const audience = { publisher: "p.example", tier: "named", members: ["company"] } as const;
    expect(isInAudience(reader("test"), audience)).toBe(true);
    expect(isInAudience({ ...reader("vetted"), member: "other" }, audience)).toBe(false);
  });

  it("names do not widen an audience by tier", () => {
    expect(isInAudience(reader("test"), { publisher: "p.example", tier: "vetted", members: ["company"] })).toBe(false);
  });

  it("a publisher sees its own sets", () => {
    expect(isInAudience(reader("test", "p.example"), { publisher: "p.example", tier: "named", members: [] })).toBe(
      true,
    );
  });

  it("lists the tiers seen without being named", () => {
    expect(tiersOf("test")).toEqual(["test"]);
    expect(tiersOf("vetted")).toEqual(["test", "agreed", "vetted"]);
  });
});

describe("harmful-but-legal sets", () => {
  it("are opened by authorised bodies alone", () => {
    expect(() => requireStreamRole("harmful_but_legal", ["publisher", "hotline"])).toThrow("stream_role");
    expect(() => requireStreamRole("harmful_but_legal", ["publisher", "authorised_body"])).not.toThrow();
    expect(() => requireStreamRole("photographic", ["publisher"])).not.toThrow();
  });
});
