import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DemoSite, startDemoSite } from "./demo-site.ts";
import { MESSAGE_MAX_BYTES } from "./duty-desk.ts";

let site: DemoSite;
let said: string[];
beforeEach(async () => {
  said = [];
  site = await startDemoSite(0, (line) => void said.push(line));
});
afterEach(() => site.stop());

async function post(body: string, type = "application/json"): Promise<number> {
  return (await fetch(site.dutyDesk, { method: "POST", headers: { "content-type": type }, body })).status;
}

describe("the duty desk of the demo", () => {
  it("prints one line a message, made of a number and our own words", async () => {
    const more = { exchange: "http://127.0.0.1:8787", urgency: "immediate_danger", note: "\u001b[31mspoken by nobody" };
    expect(await post(JSON.stringify({ type: "urgent_report", case: 3, ...more }))).toBe(204);
    expect(await post(JSON.stringify({ type: "urgent_report_unacknowledged", case: 3, ...more }))).toBe(204);
    expect(said).toEqual([
      "Duty desk: case 3 has an urgent report.",
      "Duty desk: nobody has acknowledged case 3. It was passed on.",
    ]);
  });

  it.each([
    ["another type of message", JSON.stringify({ type: "other", case: 3 }), 400],
    ["a case that is no number", JSON.stringify({ type: "urgent_report", case: "3\n4" }), 400],
    ["no JSON", "case 3", 400],
    ["too much", JSON.stringify({ type: "urgent_report", case: 3, pad: "a".repeat(MESSAGE_MAX_BYTES) }), 413],
  ])("takes no message that is %s, and stays up", async (_what, body, status) => {
    expect(await post(body)).toBe(status);
    expect(said).toEqual([]);
    expect((await fetch(site.url)).status).toBe(200);
  });

  it("answers neither a form of another page nor a look", async () => {
    expect(await post(JSON.stringify({ type: "urgent_report", case: 3 }), "text/plain")).toBe(415);
    expect((await fetch(site.dutyDesk)).status).toBe(405);
    expect(said).toEqual([]);
  });
});
