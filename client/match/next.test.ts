import { describe, expect, it } from "vitest";
import { describeNext, type NextInput } from "./next.ts";

const ASKED: NextInput = {
  action: "block",
  requested: "block_remove_report",
  reportDuty: "report",
  humanReview: "not_required",
  isTerm: false,
  country: "US",
};
const next = (changes: Partial<NextInput>) => describeNext({ ...ASKED, ...changes });

describe("what to do now", () => {
  it.each<[string, Partial<NextInput>, string]>([
    ["block", {}, "Block and remove it. Report it to the NCMEC CyberTipline (18 U.S.C. 2258A)."],
    [
      "remove",
      { requested: "remove_report", country: "GB" },
      "Remove it. Report it to the National Crime Agency (Online Safety Act 2023 s 66).",
    ],
    [
      "in the EU",
      { country: "DE" },
      "Block and remove it. Report it to Police, Bundeskriminalamt (Regulation (EU) 2022/2065, Article 18).",
    ],
    [
      "in a country without a row",
      { country: "XX" },
      "Block and remove it. Report it to your country's hotline, by the INHOPE directory. No duty is on file for this country: ask your counsel.",
    ],
    [
      "in no country that was named",
      { country: undefined },
      "Block and remove it. Report it as your country's law says; name the country to be told where.",
    ],
    ["do not report", { reportDuty: "do_not_report" }, "Block and remove it. Do not report it."],
    [
      "check",
      { reportDuty: "check" },
      "Block and remove it. Check whether it must be reported to the NCMEC CyberTipline (18 U.S.C. 2258A).",
    ],
    [
      "hold for age confirmation",
      { action: "review", requested: "hold_pending_age_confirmation", why: "entry_asks_less" },
      "Hold it back until somebody who can know has confirmed the age; do not delete it. If confirmed, report it to the NCMEC CyberTipline (18 U.S.C. 2258A).",
    ],
    [
      "review first",
      { humanReview: "required" },
      "Show it to a reviewer first. Then: block and remove it. If confirmed, report it to the NCMEC CyberTipline (18 U.S.C. 2258A).",
    ],
    [
      "similar",
      { action: "review", why: "review_distance" },
      "Show it to a reviewer: it is similar to what is listed, not the same. If confirmed, report it to the NCMEC CyberTipline (18 U.S.C. 2258A).",
    ],
    [
      "a clock that is behind",
      { action: "review", why: "clock_behind" },
      "Show it to a reviewer and block nothing: this machine's clock is before the time when your copy was last verified, so nobody can say how old it is. Set the clock. If confirmed, report it to the NCMEC CyberTipline (18 U.S.C. 2258A).",
    ],
    [
      "a digest that two files can share, whatever is asked",
      { action: "review", why: "weak_digest", requested: "hold_pending_age_confirmation" },
      "Show it to a reviewer and block nothing: two different files can be made to share an MD5 or a SHA-1, and nothing stronger matched. If confirmed, report it to the NCMEC CyberTipline (18 U.S.C. 2258A).",
    ],
    [
      "observed",
      { action: "observe", why: "observed" },
      "Note it, nothing more: the set is observed until you enable it.",
    ],
    ["made-up data", { action: "observe", why: "test_set" }, "Do nothing: the set is made-up data for tests."],
    [
      "paused",
      { action: "review", why: "paused" },
      "Do nothing on this alone: it is paused here, and somebody is looking into it.",
    ],
    [
      "recalled",
      { action: "review", why: "recalled", recalledUntil: "2026-11-24T10:30:00.000Z" },
      "Show it to a reviewer and block nothing: the publisher takes this entry back until 2026-11-24 10:30 UTC. Do not act on it alone, and report nothing because of it.",
    ],
    [
      "a term that warns",
      { action: "review", why: "entry_asks_less", requested: "warn_and_signpost", isTerm: true, reportDuty: "check" },
      "Warn, and show where help is. Help and reporting: NCMEC CyberTipline. A term alone is no reason to act against a person.",
    ],
    [
      "a term that is left out of suggestions",
      {
        action: "review",
        why: "entry_asks_less",
        requested: "suppress_autocomplete",
        isTerm: true,
        reportDuty: "check",
      },
      "Leave it out of suggestions. A term alone is no reason to act against a person.",
    ],
  ])("%s", (_what, changes, words) => {
    expect(next(changes)).toBe(words);
  });

  it("never says to block or to remove what is not to be blocked", () => {
    for (const action of ["observe", "review"] as const) {
      for (const why of [
        "stale",
        "flood",
        "recalled",
        "mode_review",
        "observed",
        "roll_out",
        "ledger_unwritable",
        "controls_unreadable",
      ] as const) {
        expect(next({ action, why })).not.toMatch(/^(Block|Remove)/);
      }
    }
  });
});
