/** What follows a round of syncs, and what a person should hear of it: something that hit here was taken back. */

import { afterSync } from "../controls/after-sync.ts";
import type { TakenBackEvent } from "../ledger/taken-back.ts";
import type { OpinionsDoor } from "../opinions/flush.ts";
import type { Context } from "./command.ts";
import { formatCount, formatTime } from "./words.ts";

export async function tellAfterSync(context: Context, exchange: OpinionsDoor): Promise<void> {
  const { terminal, profileDir, now } = context;
  const { stateDir } = await context.profile();
  const { takenBack, opinions, webhooks } = await afterSync({ stateDir, profileDir, exchange, now: now() });
  for (const event of takenBack) terminal.note(terminal.mark("caution", describe(event)));
  if (takenBack.length > 0) {
    const acted = takenBack.some(({ entries }) => entries.some(({ blocked, reviewed }) => blocked + reviewed > 0));
    terminal.note(`  next  breakwater undo --taken-back${acted ? "" : " --observed"}`);
  }
  for (const { code, items } of opinions.refused) {
    terminal.note(terminal.mark("caution", `${formatCount(items)} opinions or counts were not taken: ${code}`));
  }
  if (opinions.waiting > 0 && opinions.code !== undefined) {
    terminal.note(terminal.mark("note", `${formatCount(opinions.waiting)} opinions or counts wait (${opinions.code})`));
  }
  if (webhooks.waiting > 0) {
    terminal.note(terminal.mark("note", `${formatCount(webhooks.waiting)} webhook messages wait for their receiver`));
  }
  if (webhooks.givenUp > 0) {
    terminal.note(
      terminal.mark(
        "caution",
        `${formatCount(webhooks.givenUp)} webhook messages were given up: breakwater webhook test`,
      ),
    );
  }
}

/** `hotline.example/verified  withdrew 3 entries that hit here 214 times (12 blocked, 40 reviewed)`. */
function describe({ set, what, entries, until }: TakenBackEvent): string {
  const sum = (count: (one: (typeof entries)[number]) => number) =>
    entries.reduce((total, one) => total + count(one), 0);
  const hits = sum((one) => one.hits);
  const word = what === "withdrawn" ? "withdrew" : "recalled";
  const ends = until === undefined ? "" : ` until ${formatTime(new Date(until))}`;
  const times = hits === 1 ? "once" : `${formatCount(hits)} times`;
  const did = `${formatCount(sum((one) => one.blocked))} blocked, ${formatCount(sum((one) => one.reviewed))} reviewed`;
  return `${set}  ${word} ${formatCount(entries.length)} ${entries.length === 1 ? "entry" : "entries"}${ends} that hit here ${times} (${did})`;
}
