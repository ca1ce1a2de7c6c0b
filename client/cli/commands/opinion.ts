/** `opinion`: what a person here found when they looked, said to the publisher through the exchange, now or later. */

import { EntryId, parseSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { OPINION_REASONS, OPINION_VERDICTS, OpinionVerdict } from "@breakwater/shared/vocab/opinions.ts";
import { DisputeReason } from "@breakwater/shared/vocab/reasons.ts";
import type { Command } from "commander";
import { parseEntryTarget } from "../../controls/target.ts";
import { dayOf } from "../../ledger/files.ts";
import { findByHitRef } from "../../ledger/read.ts";
import { type Flushed, flushOpinions } from "../../opinions/flush.ts";
import { queueItem } from "../../opinions/queue.ts";
import { appendVerdict } from "../../opinions/verdicts.ts";
import { findCurrent } from "../../sync/index.ts";
import { addCommand, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { formatCount, shortId } from "../words.ts";

type Options = { hit?: string; verdict: string; reason?: string; named?: boolean; later?: boolean };
type About = { set: string; entry: string; release: number; hit?: { hit_ref: string; day: string } };

export function addOpinion(program: Command): void {
  addCommand<Options>(program, {
    usage: "opinion [entry]",
    summary: "Say what a person found who looked at a hit: confirmed, rejected or unclear.",
    about: `Goes to the entry's publisher through the exchange: ids and codes, no text and nothing about your content. Without a network it is kept here and goes with the next sync. Reasons of a rejection: ${Object.keys(OPINION_REASONS).join(", ")}.`,
    examples: [
      ["breakwater opinion --hit h_9f2c41d0a7b3c655 --verdict confirmed", "by the hit's reference"],
      ["breakwater opinion 'hotline.example/verified#e7c1…' --verdict rejected --reason adult", "by the entry"],
    ],
    options: (command) =>
      command
        .option("--hit <ref>", "the hit's reference, instead of the entry")
        .requiredOption("--verdict <verdict>", Object.keys(OPINION_VERDICTS).join(", "))
        .option("--reason <code>", "why, for a rejection")
        .option("--named", "let the publisher see who says so; otherwise you are one of a count")
        .option("--later", "only keep it; the next sync sends it"),
    async run(context, [entry], options) {
      const { stateDir } = await context.profile();
      const now = context.now();
      const { verdict, reason } = parseVerdict(options);
      const about = await findAbout(stateDir, entry, options.hit, now);
      const item = {
        kind: "opinion" as const,
        entry: EntryId.parse(about.entry),
        release: about.release,
        at: now.toISOString(),
        verdict,
        ...(reason === undefined ? {} : { reason }),
        ...(options.named ? { named: true } : {}),
      };
      await queueItem(stateDir, about.set, item, now);
      if (about.hit !== undefined) {
        const { set, entry } = about;
        await appendVerdict(stateDir, { at: now.toISOString(), ...about.hit, set, entry, verdict });
      }
      const flushed = options.later ? undefined : await flushOpinions(stateDir, await context.exchange(), now);
      tell(context, about, verdict, flushed);
      return undefined;
    },
  });
}

function parseVerdict({ verdict, reason }: Options): { verdict: OpinionVerdict; reason?: DisputeReason } {
  const said = OpinionVerdict.safeParse(verdict);
  if (!said.success) throw new ExchangeError("usage_invalid", { reason: "verdict" });
  if ((said.data === "rejected") !== (reason !== undefined)) {
    throw new ExchangeError("usage_invalid", {
      reason: said.data === "rejected" ? "a_rejection_needs_a_reason" : "only_a_rejection_has_a_reason",
    });
  }
  if (reason === undefined) return { verdict: said.data };
  const why = DisputeReason.safeParse(reason);
  if (!why.success) throw new ExchangeError("usage_invalid", { reason: "opinion_reason" });
  return { verdict: said.data, reason: why.data };
}

async function findAbout(
  stateDir: string,
  text: string | undefined,
  hitRef: string | undefined,
  now: Date,
): Promise<About> {
  if ((text === undefined) === (hitRef === undefined)) {
    throw new ExchangeError("usage_invalid", { reason: "an_entry_or_a_hit_reference" });
  }
  if (hitRef !== undefined) {
    const row = await findByHitRef(stateDir, hitRef, now);
    if (row === undefined) throw unknownHit();
    const { set, entry, release, hit_ref, at } = row;
    return { set, entry, release, hit: { hit_ref, day: dayOf(new Date(at)) } };
  }
  const target = parseEntryTarget(text ?? "");
  if (target.scope !== "entry") throw new ExchangeError("id_invalid", { expected: "publisher/set#id" });
  const current = await findCurrent(stateDir, parseSetId(target.set));
  if (current === undefined) {
    const words = {
      what: `Nothing said: there is no verified copy of ${target.set} to speak about.`,
      kept: "nothing was changed",
      next: `breakwater sync ${target.set}`,
    };
    throw new CommandFailure(new ExchangeError("copy_missing"), words);
  }
  return { set: target.set, entry: target.entry, release: current.release };
}

function unknownHit(): CommandFailure {
  const text = {
    what: "Nothing said: the ledger of this machine has no such hit reference.",
    kept: "nothing was changed",
    next: "name the entry instead, as publisher/set#id; a look-up's reference is for the exchange's operator",
  };
  return new CommandFailure(new ExchangeError("not_found"), text, { exit: 1 });
}

function tell({ terminal }: Context, about: About, verdict: string, flushed: Flushed | undefined): void {
  const { set, entry } = about;
  const refused = flushed?.refused.map(({ code }) => code) ?? [];
  const isSent = flushed !== undefined && flushed.waiting === 0;
  terminal.print(
    { set, entry, verdict, sent: isSent && refused.length === 0, waiting: flushed?.waiting ?? null, refused },
    terminal.mark("done", `${set}  entry ${shortId(entry, terminal.full || !terminal.stdoutIsTty)}  ${verdict}`),
  );
  if (refused.length > 0) terminal.note(terminal.mark("caution", `not taken by the exchange: ${refused.join(", ")}`));
  else if (isSent) terminal.note("  said to the exchange");
  else
    terminal.note(
      `  kept here${flushed === undefined ? "" : `, ${formatCount(flushed.waiting)} waiting (${flushed.code ?? "another command sends"})`}; the next sync sends it`,
    );
}
