/** Counts for Prometheus: routes, codes, sets and actions as labels; never a signal, a term, an address or an entry. */

import type { Health } from "@breakwater/shared/wire/match.ts";

type Labels = Record<string, string>;
type Series = { help: string; type: "counter" | "gauge"; values: Map<string, number> };

const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

const COUNTERS = {
  breakwater_requests_total: "Requests answered, by route and status.",
  breakwater_items_total: "Items looked at, by what they carried.",
  breakwater_item_problems_total: "Items that could not be matched, by problem code.",
  breakwater_hits_total: "Hits, by set and by what this machine made of them.",
  breakwater_not_compared_total: "What was sent and not compared, by reason.",
  breakwater_reloads_total: "Changes of a set, a recall or a check that were taken over.",
  breakwater_reload_failures_total: "Changes that could not be taken over; what was there before goes on matching.",
  breakwater_syncs_total: "Checks of a set, by how they ended.",
  breakwater_ledger_failures_total: "Answers refused because their decisions could not be written down.",
} as const;
export type Counter = keyof typeof COUNTERS;

/** Said from the start: an increase from nothing to one would not be seen. */
const UNLABELLED = new Set<Counter>(["breakwater_reload_failures_total", "breakwater_ledger_failures_total"]);

export type Metrics = {
  count(name: Counter, labels?: Labels, by?: number): void;
  observeSeconds(seconds: number): void;
  format(now: Facts): string;
};

/** What is read when somebody asks. */
export type Facts = {
  health: Health;
  ready: boolean;
  acting: { floods: number; controlsReadable: boolean; dropped: number };
  residentBytes: number;
  startedAt: Date;
};

export function makeMetrics(): Metrics {
  const counters = new Map<Counter, Series>();
  for (const [name, help] of Object.entries(COUNTERS) as [Counter, string][]) {
    counters.set(name, { help, type: "counter", values: new Map(UNLABELLED.has(name) ? [["", 0]] : []) });
  }
  const buckets = new Array<number>(SECONDS_BUCKETS.length + 1).fill(0);
  let sum = 0;
  return {
    count(name, labels = {}, by = 1) {
      const { values } = counters.get(name) as Series;
      const key = formatLabels(labels);
      values.set(key, (values.get(key) ?? 0) + by);
    },
    observeSeconds(seconds) {
      const at = SECONDS_BUCKETS.findIndex((limit) => seconds <= limit);
      const bucket = at === -1 ? SECONDS_BUCKETS.length : at;
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
      sum += seconds;
    },
    format(facts) {
      const lines: string[] = [];
      for (const [name, series] of counters) write(lines, name, series);
      writeHistogram(lines, buckets, sum);
      for (const [name, help, values] of gaugesOf(facts)) write(lines, name, { help, type: "gauge", values });
      return `${lines.join("\n")}\n`;
    },
  };
}

function gaugesOf({ health, residentBytes, startedAt, ready, acting }: Facts): [string, string, Map<string, number>][] {
  const bySet = (value: (set: Health["sets"][number]) => number | null) =>
    new Map(
      health.sets.flatMap((set) => {
        const number = value(set);
        return number === null ? [] : [[formatLabels({ set: set.set, kind: set.kind }), number] as const];
      }),
    );
  const unusable = new Map(health.unusable.map(({ set, code }) => [formatLabels({ set, code }), 1]));
  const alone = (value: number) => new Map([["", value]]);
  return [
    ["breakwater_ready", "1 when there is a copy to match with.", alone(ready ? 1 : 0)],
    ["breakwater_healthy", "1 when every set was verified within the age asked for.", alone(health.ok ? 1 : 0)],
    ["breakwater_set_entries", "Entries of the copy.", bySet(({ entries }) => entries)],
    ["breakwater_set_release", "Release of the copy.", bySet(({ release }) => release)],
    ["breakwater_set_age_seconds", "Since the copy was verified.", bySet(({ age_s }) => age_s)],
    [
      "breakwater_set_for_review",
      "1 when hits ask for review because the copy is stale.",
      bySet(({ for_review }) => (for_review ? 1 : 0)),
    ],
    [
      "breakwater_set_held",
      "1 when the newest release waits for a person.",
      bySet(({ state }) => (state === "held" ? 1 : 0)),
    ],
    [
      "breakwater_floods",
      "Times that a flood guard turned something to review, since the start.",
      alone(acting.floods),
    ],
    [
      "breakwater_controls_unreadable",
      "1 when what was decided here cannot be read: nothing blocks.",
      alone(acting.controlsReadable ? 0 : 1),
    ],
    ["breakwater_ledger_rows_dropped", "Rows given up because the ledger could not be written.", alone(acting.dropped)],
    ["breakwater_copy_unusable", "1 for a copy that is there and not matched with.", unusable],
    ["process_resident_memory_bytes", "Resident memory.", alone(residentBytes)],
    ["process_start_time_seconds", "When the process began.", alone(Math.round(startedAt.getTime() / 1000))],
  ];
}

function write(lines: string[], name: string, { help, type, values }: Series): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  for (const [labels, value] of values) lines.push(`${name}${labels} ${value}`);
}

function writeHistogram(lines: string[], buckets: readonly number[], sum: number): void {
  const name = "breakwater_match_seconds";
  lines.push(`# HELP ${name} From the last byte of a batch to its answer.`, `# TYPE ${name} histogram`);
  let total = 0;
  for (const [at, count] of buckets.entries()) {
    total += count;
    lines.push(`${name}_bucket{le="${SECONDS_BUCKETS[at] ?? "+Inf"}"} ${total}`);
  }
  lines.push(`${name}_sum ${sum}`, `${name}_count ${total}`);
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll(/[\\"\n]/g, "_")}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
