// What a person may hand to support: versions, counts and codes. No address, hash, name, id or time of a report.
import type { Enrolment } from "../enrol/enrolment.ts";
import type { OutboxItem } from "../outbox/machine.ts";
import type { HistoryItem } from "../outbox/store.ts";
import type { Settings } from "./settings.ts";

export type DiagnosticFacts = {
  version: string;
  browserFamily: string;
  osFamily: string;
  enrolment: Enrolment | undefined;
  recipientsVersion: number | undefined;
  guarded: boolean;
  settings: Settings;
  drafts: number;
  outbox: readonly OutboxItem[];
  history: readonly HistoryItem[];
};

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

export function formatDiagnostics(facts: DiagnosticFacts): string {
  const { settings, enrolment, outbox, history } = facts;
  return JSON.stringify(
    {
      version: facts.version,
      browser: facts.browserFamily,
      os: facts.osFamily,
      enrolment: enrolment?.state ?? "none",
      rung3: enrolment?.policy.rung3 ?? false,
      readers_version: facts.recipientsVersion ?? null,
      passphrase: facts.guarded,
      settings: { theme: settings.theme, density: settings.density, single_keys: settings.single_keys },
      drafts: facts.drafts,
      outbox: tally(outbox.map(({ state }) => state)),
      problems: tally(outbox.flatMap(({ problem }) => problem ?? [])),
      attempts_most: Math.max(0, ...outbox.map(({ attempts }) => attempts)),
      history: tally(history.map(({ state }) => state)),
    },
    null,
    2,
  );
}
