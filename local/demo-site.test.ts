import { sniffMedia } from "@breakwater/shared/media/sniff.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DemoSite, startDemoSite } from "./demo-site.ts";
import { PICTURES } from "./pictures.ts";

let site: DemoSite;
beforeAll(async () => {
  site = await startDemoSite(0);
});
afterAll(() => site.stop());

describe("the demo page", () => {
  it("shows every drawing, from its own origin, as a PNG that the browser may keep", async () => {
    const page = await (await fetch(site.url)).text();
    for (const { name } of PICTURES) {
      expect(page).toContain(`src="/pictures/${name}.png"`);
      const answer = await fetch(new URL(`/pictures/${name}.png`, site.url));
      expect(answer.headers.get("cache-control")).toMatch(/^max-age=\d+$/);
      expect(sniffMedia(new Uint8Array(await answer.arrayBuffer()))).toMatchObject({
        name: "png",
        width: 256,
        height: 256,
      });
    }
  });

  it("finds another port when its own is taken", async () => {
    const second = await startDemoSite(Number(new URL(site.url).port));
    expect(second.url).not.toBe(site.url);
    await second.stop();
  });

  it("has nothing else", async () => {
    expect((await fetch(new URL("/pictures/../secrets", site.url))).status).toBe(404);
  });
});
