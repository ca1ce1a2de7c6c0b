import { describe, expect, it } from "vitest";
import { generateSigningKey } from "./keys.ts";
import { referenceOf } from "./receipt.ts";
import { isUrgent, openReport, parseReport, REPORT_PAYLOAD_MAX_BYTES, signReport } from "./report.ts";
import { EXAMPLE_REPORT_ID, exampleItem, exampleReport } from "./testing/report-example.ts";

describe("report", () => {
  it("opens as it was signed", async () => {
    const key = await generateSigningKey({ extractable: false });
    const report = parseReport(exampleReport());
    const bytes = await signReport(report, key);
    expect(await openReport(bytes, new Map([[key.kid, key.publicJwk]]))).toEqual({ report, kid: key.kid });
  });

  it("is refused before it is signed when the exchange would refuse it", async () => {
    const key = await generateSigningKey({ extractable: false });
    await expect(signReport(exampleReport({ items: [exampleItem({ location_ref: 9 })] }), key)).rejects.toMatchObject({
      code: "report_invalid",
      detail: { pointers: ["/items/0/location_ref"] },
    });
  });

  it("is refused over its size, by its payload, whatever the envelope takes", async () => {
    const key = await generateSigningKey({ extractable: false });
    const items = Array.from({ length: 200 }, () => exampleItem({ item_id: crypto.randomUUID() }));
    const bytes = signReport(exampleReport({ items }), key);
    await expect(bytes.then((body) => openReport(body, new Map([[key.kid, key.publicJwk]])))).rejects.toMatchObject({
      code: expect.stringMatching(/^(report|envelope)_too_large$/),
    });
    expect(REPORT_PAYLOAD_MAX_BYTES).toBe(65_536);
  });

  it("names members at fault by our own names, never what the sender called them", () => {
    const error = refusalOf(exampleReport({ "telling name": "telling value", client: { name: "x" } }));
    expect(error).toMatchObject({ code: "report_invalid" });
    expect(JSON.stringify(error)).not.toContain("telling");
  });

  it("is urgent by word of a person", () => {
    expect((["immediate_danger", "ongoing_abuse_suspected"] as const).every((urgency) => isUrgent({ urgency }))).toBe(
      true,
    );
    expect((["rapid_spread", "standard", "archive"] as const).some((urgency) => isUrgent({ urgency }))).toBe(false);
  });

  it("has a reference that shows its random end", () => {
    expect(referenceOf(EXAMPLE_REPORT_ID as Parameters<typeof referenceOf>[0])).toBe("BW-52E0-7A41-9C3D");
  });
});

function refusalOf(payload: unknown): unknown {
  try {
    return parseReport(payload);
  } catch (error) {
    return error;
  }
}
