/** A sync's outcome in words: one line when all is well, four when a person is needed. */

import { ExchangeError, formatProblem, PROBLEMS, type ProblemDetail } from "@breakwater/shared/problem.ts";
import type { SyncOutcome } from "../sync/index.ts";
import type { Notice } from "../sync/sync-set.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { describeError, lowerFirst } from "./failure.ts";
import { explainCode } from "./states.ts";
import type { Terminal } from "./terminal.ts";
import { formatAge, formatCount } from "./words.ts";

const EXITS: Record<SyncOutcome["outcome"], ExitCode> = {
  updated: EXIT.ok,
  current: EXIT.ok,
  stale: EXIT.stale,
  held: EXIT.held,
  refused: EXIT.refused,
  unreached: EXIT.notDone,
};

export function exitOf(outcome: SyncOutcome): ExitCode {
  // What the exchange offered besides was refused, though the copy is the newest that the log shows.
  if (outcome.notices !== undefined && EXITS[outcome.outcome] === EXIT.ok) return EXIT.refused;
  if (outcome.outcome !== "unreached") return EXITS[outcome.outcome];
  return outcome.code === undefined ? EXIT.notDone : exitCodeOf(outcome.code);
}

export function printOutcome(terminal: Terminal, outcome: SyncOutcome, width: number): void {
  const name = outcome.set.padEnd(width);
  const fact = factOf(outcome);
  if (outcome.outcome === "updated" || outcome.outcome === "current") {
    terminal.print(fact, ...currentLines(terminal, outcome, name));
    for (const notice of outcome.notices ?? []) printNotice(terminal, outcome.set, notice);
    return;
  }
  if (terminal.json) terminal.print(fact);
  const error = new ExchangeError(outcome.code ?? "internal", outcome.detail ?? {});
  const text = describeOutcome(outcome, error);
  terminal.fail(
    { ...formatProblem(error), set: outcome.set, what: text.what, kept: text.kept, next: text.next },
    terminal.mark(outcome.outcome === "stale" ? "caution" : "fault", `${name}  ${text.what}`),
    `  ${terminal.label("kept")}  ${text.kept}`,
    `  ${terminal.label("next")}  ${text.next}`,
    `  ${terminal.label("code")}  ${error.code}`,
  );
}

/** The copy is good, and yet a person should know. */
function printNotice(terminal: Terminal, set: string, { code, detail = {} }: Notice): void {
  const { why, todo } = explainCode(code, placeOf(set, detail));
  if (terminal.json) return; // the outcome's own object carries the notices
  terminal.fail(
    {},
    terminal.mark("caution", `${set}  ${why}`),
    `  ${terminal.label("next")}  ${todo}`,
    `  ${terminal.label("code")}  ${code}`,
  );
}

function placeOf(set: string, detail: ProblemDetail) {
  return { set, publisher: set.split("/")[0] ?? set, detail };
}

function currentLines(terminal: Terminal, outcome: SyncOutcome, name: string): string[] {
  const { added = 0, changed = 0, removed = 0 } = outcome.change ?? {};
  const change =
    outcome.outcome === "updated"
      ? `+${formatCount(added)} ~${formatCount(changed)} −${formatCount(removed)}`
      : "no change";
  const entries = `${formatCount(outcome.entries ?? 0)} ${outcome.entries === 1 ? "entry" : "entries"} verified`;
  const line = `${name}  release ${outcome.release}  ${change}  ${entries}  ${(outcome.tookMs / 1000).toFixed(1)} s`;
  const lines = [terminal.mark("done", line)];
  if (terminal.full) lines.push(`  ${terminal.label("state")} ${outcome.state}`);
  if (outcome.acknowledged === false) lines.push("  the publisher could not be told; the next sync tells it");
  return lines;
}

function describeOutcome(outcome: SyncOutcome, error: ExchangeError): { what: string; kept: string; next: string } {
  const described = describeError(error);
  const kept =
    outcome.entries === null ? "nothing: there is no verified copy" : `release ${outcome.release}, still matching`;
  if (outcome.outcome === "stale" && LOG_CODES.test(error.code)) {
    const { why, todo } = explainCode(error.code, placeOf(outcome.set, error.detail));
    return { what: `stale: ${lowerFirst(why).replace(/\.$/, "")}`, kept, next: todo };
  }
  if (outcome.outcome === "stale") {
    const age = outcome.unverifiedMs === null ? "" : ` ${formatAge(outcome.unverifiedMs)}`;
    const what =
      outcome.unverifiedMs === 0
        ? `stale: ${lowerFirst(PROBLEMS[error.code].title)}; hits ask for review`
        : `stale${age}: hits ask for review`;
    return { what, kept, next: outcome.unverifiedMs === 0 ? "ask the publisher for a new release" : described.next };
  }
  if (outcome.outcome === "held")
    return {
      what: `held: ${describeHold(error)}`,
      kept: withdrawnOf(error) > 0 ? `${kept}, without ${withdrawnOf(error)} withdrawn` : kept,
      next: `breakwater status ${outcome.set}`,
    };
  const word = outcome.outcome === "refused" ? "refused" : "not reached";
  return {
    what: `${word}: ${lowerFirst(PROBLEMS[error.code].title)}`,
    kept,
    next: nextOf(error, described.next, outcome.set),
  };
}

/** Codes about the log itself, which have sentences of their own. */
const LOG_CODES = /^(?:cp_|bundle_|clock$)/;

function withdrawnOf({ detail }: ExchangeError): number {
  return typeof detail.withdrawn === "number" ? detail.withdrawn : 0;
}

function describeHold({ code, detail }: ExchangeError): string {
  if (code === "policy_growth") return `grew ${detail.percent} %, limit ${detail.limit_percent} %`;
  if (code === "policy_removal") return `removes ${detail.percent} %, limit ${detail.limit_percent} %`;
  return lowerFirst(PROBLEMS[code].title);
}

function nextOf(error: ExchangeError, described: string, set: string): string {
  const publisher = set.split("/")[0];
  if (error.code === "root_pin" && (error.detail as ProblemDetail).reason === "not_pinned") {
    return `take the digest from your agreement, then: breakwater pin ${publisher} --digest DIGEST`;
  }
  if (error.code === "copy_damaged") return `breakwater sync --fresh ${set}`;
  return described === "breakwater help problems"
    ? `tell ${publisher} and the exchange's operator the code; do not act on what was offered`
    : described;
}

function factOf(outcome: SyncOutcome): object {
  const { unverifiedMs, tookMs, change, ...rest } = outcome;
  return {
    ...rest,
    ...(change ?? {}),
    unverified_s: unverifiedMs === null ? null : Math.round(unverifiedMs / 1000),
    took_ms: tookMs,
  };
}
