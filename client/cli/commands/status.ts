/** `status`: how each verified copy stands, and what to do about it. */

import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import { ExchangeError, type ProblemCode } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { restOf } from "../../controls/change.ts";
import type { ControlsFile } from "../../controls/controls.ts";
import { moveOldModes, readControls } from "../../controls/file.ts";
import { destroyRows } from "../../sync/copy.ts";
import { sortSets } from "../../sync/every-set.ts";
import { findCurrent, judgeCopy, listCopies, openCopy, readRecalls, readStatus } from "../../sync/index.ts";
import { type IndexView, WHOLE_VIEW } from "../../sync/part/index-view.ts";
import { listInForce } from "../../sync/recalls.ts";
import { isClockBehind, isForReview, isNewPublisher } from "../../sync/status.ts";
import { addCommand } from "../command.ts";
import { EXIT, type ExitCode, worstExit } from "../exit-codes.ts";
import { parseSetArgument } from "../sets.ts";
import { explainCode } from "../states.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { describeView, TEST_SET_WORDS } from "../view-words.ts";
import { formatAge } from "../words.ts";

type Row = {
  set: string;
  state: "ok" | "stale" | "held" | "refused" | "unreached" | "destroyed" | "damaged" | "none";
  release: number | null;
  entries: number | null;
  verified_at: string | null;
  age_s: number | null;
  mode: string;
  code: string | null;
  /** One sentence; null when all is well. */
  why: string | null;
  todo: string;
  /** Numbers of recalls in force. */
  recalls: number[];
  refused_recalls: { what: string; code: string; at: string }[];
  notices: { code: string; why: string; todo: string }[];
  /** What of the copy is found, by choice; empty when all of it is. */
  view: IndexView;
  /** What was decided here and is easily forgotten. */
  hints: { why: string; todo: string }[];
};

const EXITS: Record<Row["state"], ExitCode> = {
  ok: EXIT.ok,
  unreached: EXIT.ok,
  stale: EXIT.stale,
  destroyed: EXIT.stale,
  held: EXIT.held,
  refused: EXIT.refused,
  damaged: EXIT.refused,
  none: EXIT.notDone,
};

export function addStatus(program: Command): void {
  addCommand(program, {
    usage: "status [sets...]",
    summary: "Show how each verified copy stands; asks nobody.",
    about: "Ends with 0 when all are ok, 3 stale, 4 held, 5 refused: for a monitor.",
    examples: [
      ["breakwater status", "all sets"],
      ["breakwater status --json", "one JSON object a set"],
    ],
    async run(context, args) {
      const { terminal } = context;
      const profile = await context.profile();
      const named = args.map((text) => parseSetArgument(text, profile));
      const sets = sortSets(named.length > 0 ? named : await listCopies(profile.stateDir));
      const controls = await findControls(profile.stateDir, context.profileDir, context.now());
      const rows: Row[] = [];
      for (const setId of sets) rows.push(await describeSet(profile.stateDir, setId, controls, context.now()));
      printRows(terminal, rows);
      tellControls(terminal, controls);
      return worstExit(rows.map(({ state }) => EXITS[state]));
    },
  });
}

async function describeSet(
  stateDir: string,
  setId: SetId,
  controls: ControlsFile | undefined,
  now: Date,
): Promise<Row> {
  const set = formatSetId(setId);
  const current = await findCurrent(stateDir, setId).catch(() => undefined);
  const status = await readStatus(stateDir, setId);
  const use = await judgeCopy(stateDir, setId, status?.verified_at, now);
  const isGone = use.keepStale || status?.destroyed_at !== undefined;
  // Past keep_stale a copy is destroyed by whoever looks first.
  if (use.keepStale) await destroyRows(stateDir, setId);
  const copy = isGone ? undefined : await openCopy(stateDir, setId).catch(() => undefined);
  const verifiedAt = status?.verified_at ?? current?.switched_at ?? null;
  const state = stateOf({ known: current !== undefined, isGone, sound: copy !== undefined, status, isOld: use.stale });
  const isBehind = isClockBehind(verifiedAt ?? undefined, now);
  const ageMs = verifiedAt === null || isBehind ? null : now.getTime() - Date.parse(verifiedAt);
  // Of a held or refused release its own cause is told first.
  const code = isBehind && state === "stale" ? "clock" : status?.code;
  const forReview = isForReview(status, use.stale);
  const isTest = copy?.manifest.about.stream === "test";
  const isWatched = isTest || isNewPublisher(status, now);
  const place = { set, publisher: setId.publisher, detail: status?.detail };
  const notices = (status?.notices ?? []).map(({ code, detail }) => ({
    code,
    ...explainCode(code, { ...place, detail }),
  }));
  if (isNewPublisher(status, now)) notices.push({ code: "policy_new", ...explainCode("policy_new", place) });
  const { recalls, refused } = await describeRecalls(stateDir, setId, now);
  const view = current?.v === 2 ? current.view : WHOLE_VIEW;
  return {
    set,
    state,
    release: current?.release ?? null,
    entries: copy === undefined ? null : copy.entries,
    verified_at: verifiedAt,
    age_s: ageMs === null ? null : Math.round(ageMs / 1000),
    mode: modeOf(controls, set, { isWatched, forReview }),
    code: state === "ok" ? null : (code ?? null),
    ...explainState(state, place, code, { ageMs, forReview, withdrawn: status?.withdrawn ?? 0 }),
    recalls,
    refused_recalls: refused,
    notices,
    view,
    hints: hintsOf(set, view, { isTest, isEnabled: isEnabled(controls, set) }),
  };
}

function isEnabled(controls: ControlsFile | undefined, set: string): boolean {
  const mode = controls !== undefined && Object.hasOwn(controls.modes, set) ? controls.modes[set] : undefined;
  return mode !== undefined && mode.act !== "observe";
}

function hintsOf(
  set: string,
  view: IndexView,
  { isTest, isEnabled }: { isTest: boolean; isEnabled: boolean },
): Row["hints"] {
  const left = describeView(set, view);
  return [
    ...(isTest && isEnabled ? [{ why: TEST_SET_WORDS, todo: `breakwater enable ${set} --act observe` }] : []),
    ...(left === undefined ? [] : [left]),
  ];
}

/** What holds beside the modes: a person should not look for it in vain. */
function tellControls(terminal: Terminal, controls: ControlsFile | undefined): void {
  if (controls === undefined) {
    terminal.note(terminal.mark("caution", "controls.json cannot be read: nothing blocks; breakwater controls"));
    return;
  }
  const { pauses, floods } = controls;
  if (pauses.length + floods.length === 0) return;
  const counted = `${pauses.length} ${pauses.length === 1 ? "pause" : "pauses"}, ${floods.length} ${floods.length === 1 ? "flood" : "floods"}`;
  terminal.note(terminal.mark(floods.length > 0 ? "caution" : "note", `${counted}: breakwater controls`));
}

/** undefined: they cannot be read, and nothing blocks. */
async function findControls(stateDir: string, profileDir: string, now: Date): Promise<ControlsFile | undefined> {
  try {
    await moveOldModes(stateDir, profileDir, now);
    return await readControls(stateDir);
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}

/** What most of its hits lead to now; a copy that is not current blocks nothing. */
function modeOf(
  controls: ControlsFile | undefined,
  set: string,
  { isWatched, forReview }: { isWatched: boolean; forReview: boolean },
): string {
  if (isWatched) return "observe";
  if (controls === undefined) return "review";
  const mode = Object.hasOwn(controls.modes, set) ? controls.modes[set] : undefined;
  if (mode === undefined) return "observe";
  const act = mode.act === "block" && forReview ? "review" : mode.act;
  return mode.ratio === undefined || act === restOf(mode) ? act : `${act} ${Number((mode.ratio * 100).toFixed(4))}%`;
}

async function describeRecalls(stateDir: string, setId: SetId, now: Date) {
  // Recalls that cannot be read are told as damage of the copy by match; here they are simply not named.
  const { held, refused } = await readRecalls(stateDir, setId).catch(() => ({ held: [], refused: [] }));
  const inForce = await listInForce(stateDir, setId, now).catch(() => []);
  return { recalls: held.length === 0 ? [] : inForce.map(({ recall }) => recall.recall), refused };
}

type Standing = {
  known: boolean;
  isGone: boolean;
  sound: boolean;
  status: Awaited<ReturnType<typeof readStatus>>;
  isOld: boolean;
};

function stateOf({ known, isGone, sound, status, isOld }: Standing): Row["state"] {
  if (!known) return status === undefined || status.state === "current" ? "none" : status.state;
  if (isGone) return "destroyed";
  if (!sound) return "damaged";
  if (status?.state === "held" || status?.state === "refused") return status.state;
  if (isOld) return "stale";
  if (status === undefined || status.state === "current") return "ok";
  return status.state;
}

/** Every state in one sentence: what it is, what the copy is still used for; and what to do about it. */
function explainState(
  state: Row["state"],
  place: { set: string; publisher: string; detail?: Record<string, unknown> | undefined },
  code: ProblemCode | undefined,
  { ageMs, forReview, withdrawn }: { ageMs: number | null; forReview: boolean; withdrawn: number },
): Pick<Row, "why" | "todo"> {
  const age = ageMs === null ? "never" : `${formatAge(ageMs)} ago`;
  const use = forReview ? "Hits ask for review." : "The last verified release goes on matching.";
  switch (state) {
    case "ok":
      return { why: null, todo: "-" };
    case "none":
      return { why: "There is no verified copy yet.", todo: `breakwater sync ${place.set}` };
    case "destroyed":
      return {
        why: "The copy was not verified for longer than the set allows, so it was destroyed.",
        todo: `breakwater sync ${place.set}`,
      };
    case "damaged":
      return explainCode("copy_damaged", place);
    default: {
      if (code === undefined) return { why: `Last verified ${age}. ${use}`, todo: `breakwater sync ${place.set}` };
      const { why, todo } = explainCode(code, place);
      const gone = withdrawn > 0 ? ` What it withdraws is gone already (${withdrawn}).` : "";
      return { why: `${why} ${use}${gone}`, todo };
    }
  }
}

function printRows(terminal: Terminal, rows: Row[]): void {
  if (terminal.json) {
    for (const row of rows) terminal.print(row);
    return;
  }
  if (rows.length === 0) {
    terminal.note("No verified copies yet. The first one comes with: breakwater sync");
    return;
  }
  const columns = [
    { title: "set" },
    { title: "state" },
    { title: "release", align: "end" as const },
    { title: "age", align: "end" as const },
    { title: "mode" },
    { title: "what to do" },
  ];
  const table = rows.map((row) => [
    row.set,
    row.state === "ok"
      ? "ok"
      : terminal.mark(row.state === "refused" || row.state === "damaged" ? "fault" : "caution", row.state),
    row.release === null ? "-" : String(row.release),
    row.age_s === null ? "-" : formatAge(row.age_s * 1000),
    row.mode,
    row.todo,
  ]);
  terminal.print({}, ...formatTable(columns, table));
  for (const row of rows) printExplanation(terminal, row);
}

function printExplanation(
  terminal: Terminal,
  { set, why, todo, recalls, refused_recalls: refused, notices, hints }: Row,
): void {
  const lines: string[] = [];
  if (why !== null) lines.push(`${set}  ${why}`, `  ${terminal.label("next")}  ${todo}`);
  for (const notice of [...notices, ...hints])
    lines.push(`${set}  ${notice.why}`, `  ${terminal.label("next")}  ${notice.todo}`);
  if (recalls.length > 0) {
    lines.push(
      `${set}  Taken back by the publisher for now, so hits on those entries ask for review: recall ${recalls.join(", ")}.`,
    );
  }
  for (const { what, code } of refused)
    lines.push(`${set}  A recall was refused and is not applied: ${what} (${code}).`);
  if (lines.length > 0) terminal.print({}, "", ...lines);
}
