// What a person set about this panel. Nothing here is secret or tells what was reported: content scripts of other
// extensions aside, Firefox gives `storage.local` no stricter door.
import { z } from "zod";

export const LOCK_AFTER_MINUTES = [5, 15, 30, 60] as const;

export const Settings = z.object({
  language: z.literal("en").catch("en"),
  theme: z.enum(["system", "light", "dark"]).catch("system"),
  density: z.enum(["regular", "compact"]).catch("regular"),
  single_keys: z.boolean().catch(true),
  lock_after_minutes: z.union(LOCK_AFTER_MINUTES.map((minutes) => z.literal(minutes))).catch(15),
  /** ISO 3166-1; decides which emergency number is shown, so it is asked and never guessed. */
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional()
    .catch(undefined),
});
export type Settings = z.infer<typeof Settings>;

const NAME = "settings";

export type LocalArea = {
  get(name: string): Promise<Record<string, unknown>>;
  set(values: Record<string, unknown>): Promise<void>;
};

/** Each setting falls back on its own: one bad value does not cost the others. */
export async function readSettings(area: LocalArea): Promise<Settings> {
  return Settings.parse((await area.get(NAME))[NAME] ?? {});
}

/** One after the other, whichever page makes them: each is made to what the one before has stored. */
export function changeSettings(area: LocalArea, change: Partial<Settings>): Promise<void> {
  return navigator.locks.request("breakwater-settings", async () => {
    await area.set({ [NAME]: Settings.parse({ ...(await readSettings(area)), ...change }) });
  });
}
