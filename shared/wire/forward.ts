/** Who a hotline names to be told of urgent reports, on the wire. */
import { z } from "zod";
import { Title } from "./members.ts";

/** Gets codes only, by POST. */
const MessageUrl = z.url({ protocol: /^https?$/ }).max(500);
export const ForwardRequest = z.strictObject({
  /** who takes over when nobody acknowledges: shown to analysts, e.g. "Example Police, duty desk" */
  to: Title,
  /** where they are told; without it they are only a name on the screen */
  url: MessageUrl.optional(),
  /** where somebody of the hotline is told at once */
  alert_url: MessageUrl.optional(),
});
export type ForwardRequest = z.infer<typeof ForwardRequest>;
export const ForwardAnswer = z.strictObject({ to: z.string(), delivers: z.boolean(), alerts: z.boolean() });
export type ForwardAnswer = z.infer<typeof ForwardAnswer>;
