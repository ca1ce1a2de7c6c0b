// The ladder without a browser: what is asked for, what is believed of a page's answer, when the screen is cut.
import { describe, expect, it, vi } from "vitest";
import { collectBytes, isWithinReach, readHeldBytes, Unreadable } from "./bytes.ts";
import { digestFile } from "./digests.ts";
import { isWebAddress, type Pick, pickFromMenu } from "./pick.ts";
import { type PagePorts, readPick } from "./read.ts";
import { parseReading, UNREAD_REASONS } from "./reading.ts";

const PAGE = "https://forum.example";
const pick: Pick = { id: "a", kind: "image", at: 0, tab_id: 1, frame_id: 0, media: `${PAGE}/a.png` };
const place = { x: 0, y: 0, width: 100, height: 100, scale: 1, covered: false };

const streamOf = (...parts: number[][]) =>
  new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const part of parts) controller.enqueue(new Uint8Array(part));
      controller.close();
    },
  });

describe("bytes", () => {
  it("are within reach only where the page made or served them", () => {
    expect(isWithinReach("blob:https://forum.example/1", PAGE)).toBe(true);
    expect(isWithinReach("data:image/png;base64,", PAGE)).toBe(true);
    expect(isWithinReach(`${PAGE}/a.png`, PAGE)).toBe(true);
    for (const address of [
      "https://cdn.forum.example/a.png",
      "http://forum.example/a.png",
      "file:///a",
      "chrome://x",
      "no",
    ]) {
      expect(isWithinReach(address, PAGE), address).toBe(false);
    }
  });

  it("are asked of the cache and of nothing else", async () => {
    vi.stubGlobal("location", { origin: PAGE });
    const asked: RequestInit[] = [];
    const fetchHeld = (async (_: string, init: RequestInit) => {
      asked.push(init);
      return new Response(streamOf([1, 2], [3]));
    }) as unknown as typeof fetch;
    const limits = { maxBytes: 10, signal: new AbortController().signal };
    expect(await readHeldBytes(`${PAGE}/a.png`, limits, fetchHeld)).toEqual(new Uint8Array([1, 2, 3]));
    expect(asked[0]).toMatchObject({ cache: "only-if-cached", mode: "same-origin" });
    await expect(readHeldBytes("https://cdn.example/a.png", limits, fetchHeld)).rejects.toMatchObject({
      why: "other_site",
    });
    expect(asked).toHaveLength(1);
    vi.unstubAllGlobals();
  });

  it("are counted while they come, and those read so far are overwritten", async () => {
    const first = new Uint8Array([9, 9, 9]);
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        controller.enqueue(first);
      },
    });
    await expect(collectBytes(body, 5)).rejects.toEqual(new Unreadable("too_large"));
    expect([...first]).toEqual([0, 0, 0]);
  });

  it("digests are those of the file, in one pass over chunks", async () => {
    const abc = new TextEncoder().encode("abc");
    expect(await digestFile(abc)).toEqual([
      { alg: "md5", value: "900150983cd24fb0d6963f7d28e17f72" },
      { alg: "sha1", value: "a9993e364706816aba3e25717850c26c9cd0d89d" },
      { alg: "sha256", value: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    ]);
  });
});

describe("a page's answer", () => {
  const read = {
    outcome: "read",
    media_type: "image",
    mime: "image/png",
    width: 100,
    height: 100,
    byte_length: 10,
    fidelity: "original_bytes",
    animated: false,
    hashes: [{ alg: "sha256", value: "a".repeat(64) }],
  };
  it("is taken when it has the one form", () => {
    expect(parseReading(read)).toEqual(read);
    for (const why of UNREAD_REASONS)
      expect(parseReading({ outcome: "unread", why })).toEqual({ outcome: "unread", why });
  });
  it.each([
    ["bytes", { ...read, bytes: [137, 80, 78, 71] }],
    ["another alg", { ...read, hashes: [{ alg: "photodna", value: "a" }] }],
    ["upper case", { ...read, hashes: [{ alg: "md5", value: "A".repeat(32) }] }],
    ["a pdq without quality", { ...read, hashes: [{ alg: "pdq", value: "a".repeat(64) }] }],
    ["no hash", { ...read, hashes: [] }],
    ["a reason of its own", { outcome: "unread", why: "<b>" }],
    ["nothing", undefined],
    ["text", "read"],
  ])("with %s is undecodable, never repaired", (_, answer) => {
    expect(parseReading(answer)).toEqual({ outcome: "unread", why: "undecodable" });
  });
});

describe("the ladder", () => {
  const ports = (over: Partial<PagePorts> = {}) => {
    const calls: string[] = [];
    const page: PagePorts = {
      readInFrame: async () => {
        calls.push("read");
        return { outcome: "unread", why: "other_site", place };
      },
      placeInFrame: async () => {
        calls.push("place");
        return { ...place, covered: true };
      },
      captureTab: async () => {
        calls.push("capture");
        return "";
      },
      ...over,
    };
    return { page, calls };
  };

  it("a link or a page is never opened or read", async () => {
    const { page, calls } = ports();
    for (const kind of ["link", "page"] as const) {
      expect(await readPick({ ...pick, kind }, pick.media, true, page)).toEqual({ outcome: "unread", why: "no_media" });
    }
    expect(calls).toEqual([]);
  });

  it("the screen is not looked at unless the organisation's policy says so", async () => {
    const { page, calls } = ports();
    expect(await readPick(pick, pick.media, false, page)).toMatchObject({ outcome: "unread", why: "other_site" });
    expect(calls).toEqual(["read"]);
  });

  it("with leave, a covered item is not captured, and a refused one never", async () => {
    const { page, calls } = ports();
    expect(await readPick(pick, pick.media, true, page)).toMatchObject({ why: "other_site" });
    expect(calls).toEqual(["read", "place"]);
    for (const why of ["too_small", "blank", "too_large", "undecodable"] as const) {
      const refused = ports({ readInFrame: async () => ({ outcome: "unread", why, place }) });
      expect(await readPick(pick, pick.media, true, refused.page)).toMatchObject({ why });
      expect(refused.calls).toEqual([]);
    }
  });

  it("a page that lets no extension in is said to be closed", async () => {
    const { page } = ports({ readInFrame: () => Promise.reject(new Error("Cannot access contents of the page")) });
    expect(await readPick(pick, pick.media, false, page)).toEqual({ outcome: "unread", why: "page_closed" });
  });
});

describe("a click", () => {
  it("keeps web addresses and no picture in an address", () => {
    const facts = {
      menuItemId: "flag-image",
      srcUrl: "data:image/png;base64,iVBORw0KGgo=",
      pageUrl: `${PAGE}/t/1`,
      frameId: 3,
    };
    const made = pickFromMenu(facts, { id: 7 }, 1_790_000_000_000);
    expect(made).toMatchObject({ kind: "image", tab_id: 7, frame_id: 3, page: `${PAGE}/t/1`, media: undefined });
    expect(JSON.stringify(made)).not.toContain("base64");
    expect(pickFromMenu({ menuItemId: "other" }, { id: 7 }, 0)).toBeUndefined();
    expect(pickFromMenu({ menuItemId: "flag-page" }, {}, 0)).toBeUndefined();
    expect(isWebAddress("javascript:1")).toBe(false);
    expect(isWebAddress(`https://x.example/${"a".repeat(9000)}`)).toBe(false);
  });
});
