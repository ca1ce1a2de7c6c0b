// From a draft to signed bytes: what is readable by the exchange, what only by the hotline, what is refused beforehand.
import { base64urlOf } from "@breakwater/shared/bytes.ts";
import { generateSealingKey, generateSigningKey } from "@breakwater/shared/keys.ts";
import { openReport } from "@breakwater/shared/report.ts";
import { digestUrl } from "@breakwater/shared/reported-url.ts";
import { openSealed } from "@breakwater/shared/sealed.ts";
import { beforeAll, describe, expect, it } from "vitest";
import type { Pick } from "../acquire/pick.ts";
import type { Reading } from "../acquire/reading.ts";
import type { Enrolment } from "../enrol/enrolment.ts";
import { findFaults } from "./check.ts";
import { compose, digestAddress, itemsOf, type Signer, sign } from "./compose.ts";
import { type Draft, draftFrom, draftToAdd, findAddress } from "./draft.ts";

const NOW = Date.parse("2026-11-22T14:02:00Z");
const pick: Pick = {
  id: "01934f3a-7c00-7abc-8def-0123456789ab",
  kind: "image",
  at: NOW - 60_000,
  tab_id: 1,
  frame_id: 0,
  media: "https://cdn.forum.example/a.png?token=keep",
  page: "https://user:secret@forum.example/t/1042?PHPSESSID=0123456789abcdef",
};
const read: Reading = {
  outcome: "read",
  media_type: "image",
  mime: "image/png",
  width: 640,
  height: 480,
  byte_length: 1234,
  fidelity: "original_bytes",
  animated: false,
  hashes: [
    { alg: "sha256", value: "a".repeat(64) },
    { alg: "pdq", value: "b".repeat(64), quality: 92, ambiguous_bits: 1 },
  ],
};
const drawn: Reading = {
  ...read,
  fidelity: "rendered",
  byte_length: 0,
  hashes: [read.hashes[1] as never],
  covered: false,
};

let signer: Signer;
let openIt: (
  bytes: Uint8Array,
) => Promise<{ report: Awaited<ReturnType<typeof openReport>>["report"]; content: object }>;
const urlKey = new Uint8Array(32).fill(7);

beforeAll(async () => {
  const device = await generateSigningKey({ extractable: false });
  const sealing = await generateSealingKey({ extractable: false });
  signer = {
    enrolment: { member: "flaggers", device_id: "0123456789abcdef0123456789abcdef" } as Enrolment,
    device,
    recipients: { recipients: [{ kid: sealing.kid, jwk: sealing.publicJwk, role: "agent" }] } as never,
    urlKey: await crypto.subtle.importKey("raw", urlKey, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
    client: { name: "breakwater-panel", version: "0.1.0", browser_family: "chromium", os_family: "linux" },
    language: "en",
    nowMs: NOW,
  };
  openIt = async (bytes) => {
    const { report } = await openReport(bytes, new Map([[device.kid, device.publicJwk]]));
    const { content } = await openSealed(report.sealed, sealing.privateKey, sealing.kid, report.sealed_digest);
    return { report, content };
  };
});

function answered(over: Partial<Draft["answers"]> = {}, draft: Partial<Draft> = {}): Draft {
  const base = draftFrom(pick, "IE");
  return {
    ...base,
    step: "form",
    reading: read,
    ...draft,
    answers: { ...base.answers, kind: "csam", good_faith: true, ...over },
  };
}

describe("a report", () => {
  it("seals addresses and words, leaves routing in clear, and opens for the hotline", async () => {
    const draft = answered({
      explanation: " Posted with test-term-0001. ",
      account_service: "forum.example",
      account_handle: "drawn",
    });
    const bytes = await sign(await compose(draft, signer), signer.device);
    const { report, content } = await openIt(bytes);
    expect(content).toEqual({
      explanation: "Posted with test-term-0001.",
      accounts: [{ service: "forum.example", handle: "drawn", relation: "unknown" }],
      locations: [
        expect.objectContaining({ url: "https://cdn.forum.example/a.png?token=keep" }),
        expect.objectContaining({ url: "https://forum.example/t/1042?PHPSESSID=[removed]" }),
      ],
    });
    const clear = JSON.stringify({ ...report, sealed: undefined });
    for (const secret of ["test-term-0001", "1042", "a.png", "drawn", "secret", "keep"])
      expect(clear).not.toContain(secret);
    expect(report.locations.map(({ role, domain, redacted }) => ({ role, domain, redacted }))).toEqual([
      { role: "media", domain: "forum.example", redacted: undefined },
      { role: "page", domain: "forum.example", redacted: true },
    ]);
    expect(report).toMatchObject({
      urgency: "standard",
      report_kind: "csam",
      jurisdiction: { observer_country: "IE" },
    });
    expect(report.items[0]).toMatchObject({ location_ref: 0, acquisition: { method: "page_cache_read" } });
  });

  it("digests addresses as the hotline does, by a key that cannot be read", async () => {
    const canonical = "https://forum.example/t/1042";
    expect(await digestAddress(signer.urlKey, canonical)).toBe(await digestUrl(urlKey, canonical));
    await expect(crypto.subtle.exportKey("raw", signer.urlKey)).rejects.toThrow();
  });

  it("says of a cut from the screen that it is one, and claims nothing exact", () => {
    expect(itemsOf(answered({}, { reading: drawn }))[0]).toMatchObject({
      acquisition: { method: "rendered_crop", source_fidelity: "rendered", occluded: false },
      hashes: [{ alg: "pdq" }],
    });
    expect(itemsOf(answered({}, { reading: drawn }))[0]).not.toHaveProperty("mime");
    expect(itemsOf(answered({}, { address_only: true }))).toEqual([]);
    expect(itemsOf(answered({}, { reading: { outcome: "unread", why: "too_small" } }))).toEqual([]);
  });

  it("an urgent one carries whether a call was made; without an answer it goes all the same", async () => {
    const called = await compose(answered({ danger: "yes", called: "yes" }), signer);
    expect(called.report).toMatchObject({ urgency: "immediate_danger", immediate: { emergency_called: "yes" } });
    const { report } = await compose(answered({ danger: "yes" }), signer);
    expect(report.urgency).toBe("immediate_danger");
    expect(report.immediate).toBeUndefined();
  });

  it("hash only is for the hotline only; an addition names the first report", async () => {
    const draft = answered({ basis: "victim_or_parent_report", hash_only: true });
    expect((await compose(draft, signer)).report).toMatchObject({
      sharing: "hotline_only",
      basis: "victim_or_parent_report",
    });
    const more = draftToAdd(draft, "01934f3a-7c00-7abc-8def-0123456789ac", NOW);
    expect(more.answers.good_faith).toBe(false);
    const { report } = await compose({ ...more, answers: { ...more.answers, good_faith: true } }, signer);
    expect(report).toMatchObject({ supersedes: draft.id, items: [] });
  });

  it("two reports of one text do not look alike sealed", async () => {
    const draft = answered({ explanation: "The same." });
    const [a, b] = await Promise.all([compose(draft, signer), compose(draft, signer)]);
    expect(a.report.sealed_digest).not.toBe(b.report.sealed_digest);
  });
});

describe("before signing", () => {
  const fields = (draft: Draft) => findFaults(draft).map(({ field, word }) => `${field} ${word}`);

  it("two answers are a person's; the rest is optional", () => {
    expect(fields(answered())).toEqual([]);
    expect(fields(answered({ kind: undefined, good_faith: false }))).toEqual([
      "kind fault.kind",
      "good_faith fault.good_faith",
    ]);
  });

  it("an urgent form asks for four", () => {
    const base = draftFrom({ ...pick, page: undefined, media: undefined }, undefined);
    expect(fields({ ...base, step: "urgent" })).toEqual([
      "called fault.called",
      "address fault.address",
      "kind fault.kind",
      "country fault.country",
      "good_faith fault.good_faith",
    ]);
  });

  it("a picture in any text is refused here, and a text too long", () => {
    const carried = `data:image/png;base64,${base64urlOf(new Uint8Array(40))}`;
    for (const field of ["explanation", "account_handle", "child_location_hint"] as const) {
      const draft = answered({ account_service: "x", account_handle: "y", [field]: carried });
      expect(fields(draft), field).toEqual([`${field} fault.imagery`]);
    }
    expect(fields(answered({ explanation: "word ".repeat(401) }))).toEqual(["explanation fault.too_long"]);
    expect(fields(answered({ account_service: "forum.example" }))).toEqual(["account_handle fault.account"]);
  });
});

describe("addresses", () => {
  it("of the browser, of the page's inside and of this disk are none; the same one twice is one", () => {
    for (const text of [
      "chrome://settings",
      "blob:https://x.example/1",
      "data:text/plain,x",
      "file:///a",
      "",
      undefined,
    ]) {
      expect(findAddress("page", text)).toBeUndefined();
    }
    expect(draftFrom({ ...pick, media: pick.page }, undefined).addresses).toHaveLength(1);
    expect(draftFrom({ ...pick, frame: pick.page }, undefined).addresses).toHaveLength(2);
  });
});
