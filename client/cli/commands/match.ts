/** `match`: compares files with the verified copies and says what a hit asks for. It never blocks anything itself. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { AGE_CONFIRMERS, VERIFICATION_LEVELS } from "@breakwater/shared/vocab/entries.ts";
import { labelOf } from "@breakwater/shared/vocab/vocabulary.ts";
import type { Command } from "commander";
import { decisionOf, type Hit, type Matcher, newHitRef, openMatcher, recordDecisions } from "../../match/index.ts";
import { readModes } from "../../profile/modes.ts";
import { addCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CommandFailure } from "../failure.ts";
import { walkPaths } from "../paths.ts";
import { startProgress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { formatTime, shortId } from "../words.ts";

type Options = { hitExit?: string };
const EXIT_CODE_MAX = 255;

export function addMatch(program: Command): void {
  addCommand<Options>(program, {
    usage: "match <paths...>",
    summary: "Compare files with your verified copies: exact hashes, and PDQ within the set's distances.",
    about:
      "Files are read here, in memory; nothing is sent. Ends with 0 with or without hits, unless --hit-exit says otherwise.",
    examples: [
      ["breakwater match upload-17.png", "one file"],
      ["breakwater match --json uploads/", "a folder, one JSON object a file"],
      ["breakwater match --hit-exit 10 upload-17.png", "for scripts"],
    ],
    options: (command) => command.option("--hit-exit <code>", "end with this code when there is a hit", "0"),
    async run({ terminal, profileDir, profile, now }, paths, options) {
      // Loaded when needed: the decoder takes longer to start than most commands take in all.
      const { hashFile } = await import("../../media/index.ts");
      const hitExit = parseExit(options.hitExit ?? "0");
      const { stateDir } = await profile();
      const matcher = await openMatcher(stateDir, await readModes(profileDir), now());
      tellUnusable(terminal, matcher);
      const progress = startProgress(terminal);
      let files = 0;
      let hits = 0;
      for await (const path of walkPaths(paths)) {
        const hashes = await hashFile(path);
        const found = matcher.match(hashes).map((hit) => ({ hit, ref: newHitRef() }));
        await recordDecisions(
          stateDir,
          found.map(({ hit, ref }) => decisionOf(hit, ref, path, now())),
          now(),
        );
        progress.update("matching", ++files, undefined, "files");
        if (found.length > 0) progress.end();
        hits += found.length;
        printFile(terminal, path, found);
      }
      progress.end();
      return hits > 0 ? hitExit : EXIT.ok;
    },
  });
}

function tellUnusable(terminal: Terminal, matcher: Matcher): void {
  for (const { set, code } of matcher.unusable) {
    const why = code === "copy_stale" ? "destroyed: past keep_stale" : "not used: the copy was changed";
    terminal.note(
      terminal.mark("caution", `${set}  ${why}; breakwater sync ${code === "copy_damaged" ? "--fresh " : ""}${set}`),
    );
  }
  if (matcher.sets.length > 0) return;
  const text = {
    what: "Nothing matched: there is no verified copy of a hash set on this machine.",
    kept: "nothing was changed",
    next: "breakwater sync",
  };
  throw new CommandFailure(new ExchangeError("copy_missing"), text);
}

type Found = { hit: Hit; ref: string };

function printFile(terminal: Terminal, path: string, found: Found[]): void {
  if (terminal.json || found.length === 0) {
    terminal.print({ path, hits: found.map(factOf) }, terminal.mark("done", `no match  ${path}`));
    return;
  }
  for (const { hit, ref } of found) {
    const label = (word: string, width = 4) => terminal.label(word.padEnd(width));
    terminal.print(
      {},
      terminal.mark(
        "caution",
        `match  ${hit.set}  entry ${shortId(hit.entry.id, terminal.full || !terminal.stdoutIsTty)}  release ${hit.release}`,
      ),
      `  ${label("file")}   ${path}`,
      `  ${label("how")}   ${describeHow(hit)}`,
      `  ${label("checked")}  ${describeChecks(hit)}`,
      `  ${label("mode")}   ${describeMode(hit)}`,
      `  ${label("next")}   ${describeNext(hit)}`,
      `  ${label("hit")}   ${ref}`,
    );
  }
}

function describeHow({ how }: Hit): string {
  if (how.alg !== "pdq") return `${{ md5: "MD5", sha1: "SHA-1", sha256: "SHA-256" }[how.alg]}, the same file`;
  return `PDQ, distance ${how.distance} (act ${how.actDistance}, review ${how.reviewDistance})`;
}

function describeChecks({ entry, tlp }: Hit): string {
  const { level, people } = entry.verification;
  const label = labelOf(VERIFICATION_LEVELS, level);
  const checked =
    level === "hotline_verified" || level === "police_verified"
      ? `${label}, ${people} ${people === 1 ? "person" : "people"}`
      : level === "two_reviewed"
        ? `${people} people`
        : label;
  const age =
    entry.age_confirmed === undefined
      ? "age not confirmed"
      : `age confirmed: ${labelOf(AGE_CONFIRMERS, entry.age_confirmed.by)}`;
  return `${checked} · ${age} · TLP:${tlp}`;
}

function describeMode({ mode, level, stale, test, recalled }: Hit): string {
  if (recalled !== undefined && !test) {
    const word = mode === "observe" ? "observe" : "review";
    return `${word}: taken back by the publisher until ${formatTime(new Date(recalled.until))} (recall ${recalled.recall}), nothing was blocked`;
  }
  if (test) return "observe: made-up data, nothing was blocked";
  if (mode === "observe") return "observe: nothing was blocked";
  if (stale) return "review: the copy is stale, nothing was blocked";
  if (mode === "review" || level === "review") return "review: a person decides, nothing was blocked";
  return "block: your service may act on it";
}

function describeNext({ entry, level, mode, test, recalled }: Hit): string {
  if (test) return "nothing: the set is for tests";
  if (recalled !== undefined) return "show it to a reviewer; do not act on this entry alone";
  const report = { report: "report if confirmed", check: "check whether to report", do_not_report: "do not report" }[
    entry.report_duty
  ];
  const alone =
    level === "act" &&
    mode === "block" &&
    entry.human_review === "not_required" &&
    entry.requested_action === "block_remove_report";
  return alone
    ? `block and remove it; ${entry.report_duty === "report" ? "report it" : report}`
    : `show it to a reviewer; ${report}`;
}

function factOf({ hit, ref }: Found): object {
  const { entry, how, set, release, level, mode, stale, tlp, test, recalled } = hit;
  return {
    hit: ref,
    set,
    entry: entry.id,
    release,
    ...("distance" in how
      ? { alg: how.alg, distance: how.distance, act_distance: how.actDistance, review_distance: how.reviewDistance }
      : { alg: how.alg, distance: 0 }),
    level,
    mode,
    stale,
    test,
    ...(recalled === undefined ? {} : { recall: recalled.recall, recalled_until: recalled.until }),
    blocked: false,
    verification: entry.verification,
    age_confirmed: entry.age_confirmed !== undefined,
    requested_action: entry.requested_action,
    report_duty: entry.report_duty,
    human_review: entry.human_review,
    tlp,
  };
}

function parseExit(text: string): ExitCode {
  const code = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (!(code <= EXIT_CODE_MAX)) throw new ExchangeError("usage_invalid", { reason: "hit_exit" });
  return code as ExitCode;
}
