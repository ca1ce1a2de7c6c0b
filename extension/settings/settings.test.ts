import { expect, it } from "vitest";
import { changeSettings, type LocalArea, readSettings } from "./settings.ts";

/** Answers a turn later, as a browser's storage does. */
function slowArea(): LocalArea {
  const held: Record<string, unknown> = {};
  const later = () => new Promise((resolve) => setTimeout(resolve, 1));
  return {
    async get(name) {
      await later();
      return { [name]: structuredClone(held[name]) };
    },
    async set(values) {
      await later();
      Object.assign(held, structuredClone(values));
    },
  };
}

it("changes made at once are all kept", async () => {
  const area = slowArea();
  await Promise.all([
    changeSettings(area, { country: "GB" }),
    changeSettings(area, { theme: "dark" }),
    changeSettings(area, { density: "compact" }),
  ]);
  expect(await readSettings(area)).toMatchObject({ country: "GB", theme: "dark", density: "compact" });
});

it("one that cannot be stored says so and keeps nobody else out", async () => {
  const area = slowArea();
  const full: LocalArea = { get: area.get, set: () => Promise.reject(new Error("quota")) };
  const [refused] = await Promise.allSettled([
    changeSettings(full, { theme: "dark" }),
    changeSettings(area, { density: "compact" }),
  ]);
  expect(refused.status).toBe("rejected");
  expect(await readSettings(area)).toMatchObject({ theme: "system", density: "compact" });
});

it("a value that nobody could have chosen costs no other", async () => {
  const area = slowArea();
  await area.set({ settings: { theme: "plaid", country: "GB" } });
  expect(await readSettings(area)).toMatchObject({ theme: "system", country: "GB" });
});
