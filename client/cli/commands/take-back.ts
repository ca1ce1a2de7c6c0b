/** `take-back`: one command from a mistake to the last copy of it: recall now, withdrawal next, erasure if asked, then who has it. */

import { setTimeout as sleep } from "node:timers/promises";
import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { WITHDRAWAL_REASONS, WithdrawalReason } from "@breakwater/shared/vocab/reasons.ts";
import { APPLIED_MAX_RELEASES } from "@breakwater/shared/wire/recalls.ts";
import type { Command } from "commander";
import type { PublisherContext } from "../../publish/own-set.ts";
import {
  type Bar,
  barsOf,
  isDone,
  planTakeBack,
  recallNow,
  type TakeBackPlan,
  type TakeBackRecord,
  withdrawNow,
} from "../../publish/take-back.ts";
import { formatMoment, printBars } from "../applied-lines.ts";
import { addCommand, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { onInterrupt } from "../interrupt.ts";
import { confirmByName } from "../prompt.ts";
import { asPublisher } from "../publisher-context.ts";
import { parseSetArgument } from "../sets.ts";
import { parseTarget, type TargetOptions, withTargetOptions } from "../target.ts";
import type { Terminal } from "../terminal.ts";
import { countText, parseHours, printRecalled } from "./recall.ts";

/** A recall is applied within a minute by whoever is there; asking more often shows nothing sooner. */
const POLL_MS = 3_000;

type Options = TargetOptions & { reason: string; erase?: boolean; hours?: string; watch: boolean; yes?: string };

export function addTakeBack(program: Command): void {
  addCommand<Options>(program, {
    usage: "take-back <set>",
    summary: "Take entries back everywhere: recall now, withdrawal next, erasure if asked; then watch who has it.",
    about: `Reasons: ${Object.keys(WITHDRAWAL_REASONS).join(", ")}. Ctrl+C ends the watching and nothing else; the same command goes on. Without --entry, --file or --release nothing is taken back.`,
    examples: [
      ["breakwater take-back verified --release 417 --reason bad_batch", "all that release 417 put"],
      ["breakwater take-back verified --entry e7c1… --reason adult", "one entry"],
      ["breakwater take-back verified --entry e7c1… --reason person_shown_asks --erase", "and destroy old files"],
    ],
    options: (command) =>
      withTargetOptions(command)
        .requiredOption("--reason <code>", "why; kept on this machine, never written into the set")
        .option("--erase", "holders and the exchange destroy every file that carried the entries, within a day")
        .option("--hours <n>", "how long the recall lasts, if the withdrawal is not there sooner")
        .option("--no-watch", "do not wait for the members")
        .option("--yes <set>", "do not ask"),
    run: takeBack,
  });
}

async function takeBack(context: Context, [text]: string[], options: Options): Promise<undefined> {
  const { terminal } = context;
  const reason = WithdrawalReason.safeParse(options.reason);
  if (!reason.success) throw new ExchangeError("usage_invalid", { reason: "withdrawal_reason" });
  const target = await parseTarget(options);
  const hours = options.hours === undefined ? undefined : parseHours(options.hours);
  const setId = parseSetArgument(text as string, await context.profile());
  const set = formatSetId(setId);
  const record = await asPublisher(context, text as string, async (publisher) => {
    const plan = await planTakeBack(publisher, target, reason.data).catch((error: unknown) => {
      throw inWords(error, set);
    });
    if (!plan.resumed || (options.erase && plan.record.erasure === undefined)) {
      terminal.note(`  ${question(plan, options.erase === true)}`);
      await confirmByName(setId.set, options.yes === set ? setId.set : options.yes, "Type the set's name to go on:");
    }
    const { record: recalledRecord, recalled } = await recallNow(publisher, plan, hours);
    if (recalled !== undefined) printRecalled(terminal, set, recalled);
    else tellRecall(terminal, recalledRecord, publisher.now);
    return withdrawNow(publisher, plan, recalledRecord, options.erase === true);
  });
  const { ids, withdrawal, erasure } = record;
  terminal.print({ step: "withdrawn", set, entries: ids.length, release: withdrawal, erasure: erasure ?? null });
  return watch(context, setId, record, options.watch);
}

function question({ record, members, resumed }: TakeBackPlan, erase: boolean): string {
  const reach = members === null ? "" : ` at ${members} ${members === 1 ? "member" : "members"}`;
  if (resumed && record.withdrawal !== undefined) {
    return `Erase ${countText(record.ids.length)}${reach}? The record that they existed, without the hashes, stays.`;
  }
  const next = erase ? "then withdraws and erases them." : "then withdraws them.";
  return `This turns hits on ${countText(record.ids.length)} to review${reach}, ${next}`;
}

function tellRecall(terminal: Terminal, { recall }: TakeBackRecord, now: Date): void {
  if (recall === undefined) return;
  const over = Date.parse(recall.ends_at) <= now.getTime();
  const word = over ? "ended" : "ends";
  terminal.note(
    terminal.mark("note", `recall ${recall.recall} was signed earlier, ${word} ${formatMoment(recall.ends_at)}`),
  );
}

async function watch(context: Context, setId: SetId, record: TakeBackRecord, wait: boolean): Promise<undefined> {
  const { terminal } = context;
  const exchange = await context.exchange();
  const set = formatSetId(setId);
  onInterrupt({
    what: "Stopped watching.",
    kept: "the recall, the withdrawal and all that members have applied; nothing stops because nobody watches",
    next: `run the same command again, or: breakwater applied ${set}`,
  });
  let shown = "";
  for (let told = false; ; ) {
    const bars = await look(exchange, setId, record);
    const now = JSON.stringify(bars);
    if (bars !== undefined && now !== shown) printBars(terminal, set, bars, context.now());
    if (bars !== undefined) shown = now;
    if (bars !== undefined && isDone(bars)) {
      terminal.note(terminal.mark("done", "everybody who has the set has applied it"));
      return undefined;
    }
    if (!wait) return undefined;
    if (!told) terminal.note(terminal.mark("note", "watching; Ctrl+C leaves it running"));
    told = true;
    await sleep(POLL_MS);
  }
}

/** Undefined while nobody answers: watching goes on, since what is watched goes on without us. */
async function look(
  exchange: Pick<PublisherContext["exchange"], "getApplied">,
  setId: SetId,
  record: TakeBackRecord,
): Promise<Bar[] | undefined> {
  try {
    return barsOf(record, await exchange.getApplied(setId, APPLIED_MAX_RELEASES));
  } catch (error) {
    if (error instanceof ExchangeError && PASSING.has(error.code)) return undefined;
    throw error;
  }
}

const PASSING = new Set(["fetch_failed", "busy", "rate_limited", "internal"]);

function inWords(error: unknown, set: string): unknown {
  if (!(error instanceof ExchangeError) || error.code !== "not_found") return error;
  const missing = Number(error.detail.missing ?? 0);
  const what =
    error.detail.reason === "no_such_release"
      ? `Nothing taken back: ${set} has no such release; the newest is ${error.detail.have}.`
      : missing > 0
        ? `Nothing taken back: ${countText(missing)} of those named ${missing === 1 ? "is" : "are"} not in ${set}.`
        : `Nothing taken back: nothing that the release put is still in ${set}.`;
  if (error.detail.reason === undefined) return error;
  const text = {
    what,
    kept: "the newest release stays as it is",
    next: `look the ids up: breakwater export ${set} --format csv`,
  };
  return new CommandFailure(error, text, { exit: 6 });
}
