import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Facts, makeMetrics } from "./metrics.ts";

const FACTS: Facts = {
  health: {
    ok: false,
    oldest_s: 10,
    max_age_s: 5,
    sets: [
      {
        set: "hotline.example/verified",
        kind: "hash",
        release: 7,
        entries: 3,
        verified_at: "2026-11-22T10:00:00Z",
        age_s: 10,
        fresh: false,
        state: "held",
        for_review: true,
      },
    ],
    unusable: [{ set: "ngo.example/terms", code: "copy_damaged" }],
  },
  ready: true,
  acting: { floods: 1, controlsReadable: false, dropped: 2 },
  residentBytes: 1_000,
  startedAt: new Date("2026-11-22T09:00:00Z"),
};

/** Of a text in Prometheus's format: each sample by name and labels; throws on a line that is none. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.trimEnd().split("\n")) {
    if (/^# (HELP|TYPE) [a-z_]+ \S/.test(line)) continue;
    const found = /^([a-z_]+(?:\{(?:[a-z_]+="[^"\\]*",?)+\})?) (-?[0-9.e+-]+)$/.exec(line);
    if (found === null) throw new Error(`not a sample: ${line}`);
    samples.set(found[1] as string, Number(found[2]));
  }
  return samples;
}

describe("metrics", () => {
  it("are samples that Prometheus can read, counted and at the moment", () => {
    const metrics = makeMetrics();
    metrics.count("breakwater_hits_total", { set: "hotline.example/verified", action: "block" }, 2);
    metrics.count("breakwater_hits_total", { set: "hotline.example/verified", action: "block" });
    for (const seconds of [0.0004, 0.003, 99]) metrics.observeSeconds(seconds);
    const samples = parse(metrics.format(FACTS));
    expect(samples.get('breakwater_hits_total{set="hotline.example/verified",action="block"}')).toBe(3);
    expect(samples.get('breakwater_match_seconds_bucket{le="0.001"}')).toBe(1);
    expect(samples.get('breakwater_match_seconds_bucket{le="0.005"}')).toBe(2);
    expect(samples.get('breakwater_match_seconds_bucket{le="+Inf"}')).toBe(3);
    expect(samples.get("breakwater_match_seconds_count")).toBe(3);
    expect(samples.get('breakwater_set_held{set="hotline.example/verified",kind="hash"}')).toBe(1);
    expect(samples.get('breakwater_set_for_review{set="hotline.example/verified",kind="hash"}')).toBe(1);
    expect(samples.get('breakwater_copy_unusable{set="ngo.example/terms",code="copy_damaged"}')).toBe(1);
    expect(samples.get("breakwater_healthy")).toBe(0);
    expect(samples.get("breakwater_ledger_failures_total")).toBe(0);
  });

  it("cannot be broken by what a label holds", () => {
    const metrics = makeMetrics();
    metrics.count("breakwater_syncs_total", { set: 'a"} 1\nb{c="', outcome: "refused" });
    expect([...parse(metrics.format(FACTS)).keys()].some((name) => name.includes("\n"))).toBe(false);
  });

  it("have every name that the sample alerts ask for", () => {
    const alerts = readFileSync(new URL("./alerts.yml", import.meta.url), "utf8");
    const asked = [...alerts.matchAll(/(?<=expr: .*)\bbreakwater_[a-z_]+/g)].map(([name]) => name);
    expect(asked.length).toBeGreaterThan(10);
    const told = new Set(
      [
        ...makeMetrics()
          .format(FACTS)
          .matchAll(/^# TYPE (\S+) (\S+)$/gm),
      ].map(([, name]) => name),
    );
    for (const name of asked) expect([...told], name).toContain(name.replace(/_bucket$/, ""));
  });
});
