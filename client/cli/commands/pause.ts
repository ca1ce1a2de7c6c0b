/** `pause`, `resume`: stops acting on an entry, a release or a publisher here, at once and in every process. */

import { formatSetId } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import { withoutPauses, withPauses } from "../../controls/change.ts";
import { updateControls } from "../../controls/file.ts";
import { formatTarget, type Target } from "../../controls/target.ts";
import { listCopies, openCopy } from "../../sync/index.ts";
import { addCommand } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { parseUntil } from "../moments.ts";
import { needScope, type ScopeOptions, withScopeOptions } from "../scope.ts";
import { formatTime } from "../words.ts";

type PauseOptions = ScopeOptions & { act: string; until?: string };

export function addPause(program: Command): void {
  addCommand<PauseOptions>(program, {
    usage: "pause",
    summary: "Stop acting on an entry, a release or a publisher; every process here follows within a second.",
    about:
      "Hits go to review, or with --act observe are only noted. Nothing is deleted and nobody is told. It lasts until resume, or until the time that --until gives.",
    examples: [
      ["breakwater pause --entry 'hotline.example/verified#e7c1…'", "one entry"],
      ["breakwater pause --release hotline.example/verified@417 --until 24h", "what a release put, for a day"],
      [
        "breakwater pause --publisher hotline.example --act observe",
        "all of a publisher, without filling the review queue",
      ],
    ],
    options: (command) =>
      withScopeOptions(command)
        .option("--act <action>", "what hits lead to meanwhile: review or observe", "review")
        .option("--until <time>", "24h, 7d, 2026-11-22T14:00Z (otherwise until resume)"),
    async run(context, _args, options) {
      const { terminal } = context;
      const { stateDir } = await context.profile();
      const targets = needScope(options);
      const act = parseAct(options.act);
      const now = context.now();
      const until = options.until === undefined ? undefined : parseUntil(options.until, now);
      const asked = { act, now, ...(until === undefined ? {} : { until }) };
      await updateControls(stateDir, (before) => withPauses(before, targets, asked));
      for (const target of targets) {
        const ends = until === undefined ? "until resume" : `until ${formatTime(until)}`;
        terminal.print(
          { ...target, paused: true, act, until: until?.toISOString() ?? null },
          terminal.mark(
            "done",
            `${formatTarget(target)}  paused, ${ends}: hits ${act === "review" ? "ask for review" : "are only noted"}`,
          ),
        );
        if (!(await isHeld(stateDir, target))) {
          const here = "nothing of that name is in the copies on this machine: check it (breakwater status)";
          terminal.note(terminal.mark("caution", `${formatTarget(target)}  ${here}`));
        }
      }
      return undefined;
    },
  });
  addResume(program);
}

/** In doubt it is: a pause is never refused, and a copy that cannot be read is told of elsewhere. */
async function isHeld(stateDir: string, target: Target): Promise<boolean> {
  const copies = await listCopies(stateDir);
  if (target.scope === "publisher") return copies.some(({ publisher }) => publisher === target.publisher);
  const setId = copies.find((one) => formatSetId(one) === target.set);
  if (setId === undefined) return false;
  const copy = await openCopy(stateDir, setId).catch(() => undefined);
  if (copy === undefined) return true;
  try {
    if (target.scope === "release") return target.from <= copy.current.release;
    return copy.findRow(target.entry) !== undefined;
  } finally {
    copy.close();
  }
}

/** @throws ExchangeError `usage_invalid` */
function parseAct(text: string): "observe" | "review" {
  if (text === "review" || text === "observe") return text;
  throw new ExchangeError("usage_invalid", { reason: "act_of_pause" });
}

function addResume(program: Command): void {
  addCommand<ScopeOptions>(program, {
    usage: "resume",
    summary: "End a pause, or let go of what a flood guard holds.",
    about: "Name it as it was paused; breakwater controls lists what is. A guard learns for a day what is normal now.",
    examples: [
      ["breakwater resume --entry 'hotline.example/verified#e7c1…'", "one entry"],
      ["breakwater resume --publisher hotline.example", "all of a publisher"],
    ],
    options: withScopeOptions,
    async run(context, _args, options) {
      const { terminal } = context;
      const { stateDir } = await context.profile();
      const targets = needScope(options);
      const now = context.now();
      await updateControls(stateDir, (before) => {
        const held = new Set([...before.pauses, ...before.floods].map(({ target }) => formatTarget(target)));
        const missing = targets.find((target) => !held.has(formatTarget(target)));
        if (missing !== undefined) throw nothingPaused(missing);
        return withoutPauses(before, targets, now);
      });
      for (const target of targets) {
        terminal.print({ ...target, paused: false }, terminal.mark("done", `${formatTarget(target)}  resumed`));
      }
      return undefined;
    },
  });
}

function nothingPaused(target: Target): CommandFailure {
  const text = {
    what: `Nothing resumed: ${formatTarget(target)} is not paused under that name.`,
    kept: "nothing was changed",
    next: "breakwater controls",
  };
  return new CommandFailure(new ExchangeError("conflict"), text, { exit: 1 });
}
