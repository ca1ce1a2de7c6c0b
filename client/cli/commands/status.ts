/** `status`: how each verified copy stands, and what to do about it. */

import { formatSetId, type SetId } from "@breakwater/shared/ids.ts";
import type { Command } from "commander";
import { effectiveMode, readModes } from "../../profile/modes.ts";
import { findCurrent, judgeCopy, listCopies, openCopy, readStatus } from "../../sync/index.ts";
import { addCommand } from "../command.ts";
import { EXIT, type ExitCode, worstExit } from "../exit-codes.ts";
import { parseSetArgument, sortSets } from "../sets.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
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
  todo: string;
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
      const modes = await readModes(context.profileDir);
      const rows: Row[] = [];
      for (const setId of sets) rows.push(await describeSet(profile.stateDir, setId, modes, context.now()));
      printRows(terminal, rows);
      return worstExit(rows.map(({ state }) => EXITS[state]));
    },
  });
}

async function describeSet(
  stateDir: string,
  setId: SetId,
  modes: Awaited<ReturnType<typeof readModes>>,
  now: Date,
): Promise<Row> {
  const set = formatSetId(setId);
  const current = await findCurrent(stateDir, setId).catch(() => undefined);
  const status = await readStatus(stateDir, setId);
  const copy = await openCopy(stateDir, setId).catch(() => undefined);
  const verifiedAt = status?.verified_at ?? current?.switched_at ?? null;
  const use = await judgeCopy(stateDir, setId, status?.verified_at, now);
  const state = stateOf(current !== undefined, copy !== undefined, status, use);
  const stale = state === "stale";
  return {
    set,
    state,
    release: current?.release ?? null,
    entries: copy === undefined ? null : copy.lines.length,
    verified_at: verifiedAt,
    age_s: verifiedAt === null ? null : Math.round((now.getTime() - Date.parse(verifiedAt)) / 1000),
    mode: effectiveMode(copy?.manifest.about.stream === "test" ? "observe" : modes[set], !stale),
    code: state === "ok" ? null : (status?.code ?? null),
    todo: todoOf(state, set, status?.code),
  };
}

function stateOf(
  known: boolean,
  sound: boolean,
  status: Awaited<ReturnType<typeof readStatus>>,
  use: { stale: boolean; keepStale: boolean },
): Row["state"] {
  if (!known) return status === undefined ? "none" : status.state === "current" ? "none" : status.state;
  if (!sound) return status?.state === "stale" ? "destroyed" : "damaged";
  if (use.keepStale || use.stale) return "stale";
  if (status === undefined || status.state === "current") return "ok";
  return status.state;
}

function todoOf(state: Row["state"], set: string, code: string | undefined): string {
  switch (state) {
    case "ok":
      return "-";
    case "stale":
      return code === "release_expired" || code === "root_expired"
        ? "nothing here; the publisher has not signed for too long"
        : `breakwater sync ${set}`;
    case "held":
      return code === "release_fork"
        ? "two releases carry one number: tell the publisher"
        : `look at the change, then: breakwater release-hold ${set}`;
    case "refused":
      return code === "root_pin"
        ? "compare the pin with your agreement"
        : "tell the publisher; what was offered is not used";
    case "damaged":
    case "destroyed":
      return `breakwater sync ${state === "damaged" ? "--fresh " : ""}${set}`;
    default:
      return `breakwater sync ${set}`;
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
}
