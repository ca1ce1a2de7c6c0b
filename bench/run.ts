// `npm run bench -- NAME… [--size N] [--json]`: runs the named figures, or all of them, and fails when a goal is missed.
import { parseArgs } from "node:util";
import type { Bench, Measured } from "./bench.ts";

/** Loaded when asked for: what one bench needs does not count towards the memory of another. */
const BENCHES: Record<string, () => Promise<Bench>> = {
  delta: async () => (await import("./delta.ts")).delta,
  exact: async () => (await import("./exact.ts")).exact,
  feed: async () => (await import("./feed.ts")).feed,
  log: async () => (await import("./log.ts")).log,
  lookup: async () => (await import("./lookup.ts")).lookup,
  "pdq-hash": async () => (await import("./pdq-hash.ts")).pdqHash,
  "pdq-index": async () => (await import("./pdq-index.ts")).pdqIndex,
  poll: async () => (await import("./poll.ts")).poll,
  publish: async () => (await import("./publish.ts")).publish,
  recall: async () => (await import("./recall.ts")).recall,
  serve: async () => (await import("./serve.ts")).serve,
  sync: async () => (await import("./sync.ts")).sync,
  tail: async () => (await import("./tail.ts")).tail,
  terms: async () => (await import("./terms.ts")).terms,
};

function formatLine({
  bench,
  size,
  seconds,
  baseline,
  baselineSeconds,
  ratio,
  peakMb,
  correct,
  met,
  counts = {},
}: Measured): string {
  const rate = Math.round(size / seconds);
  const verdict = correct ? (met ? "goal met" : "goal MISSED") : "WRONG RESULT";
  const counted = Object.entries(counts).map(
    ([what, count]) => `, ${count} ${what}${what.includes(" ") ? "" : " each"}`,
  );
  const compared = correct ? `${ratio.toFixed(2)} times ${baseline} (${baselineSeconds.toFixed(2)} s), ` : "";
  return `${bench}: ${size} in ${seconds.toFixed(2)} s (${rate} a second), ${compared}at most ${peakMb} MB${counted.join("")}: ${verdict}`;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, size: { type: "string" } },
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
const size = values.size === undefined ? undefined : Number(values.size);
if (unknown.length > 0 || (size !== undefined && !(Number.isSafeInteger(size) && size > 0))) {
  console.error(`Usage: npm run bench -- [${Object.keys(BENCHES).join(" | ")}]… [--size N] [--json]`);
  process.exit(2);
}
const say = values.json ? () => {} : (sentence: string) => console.error(sentence);
let failed = 0;
for (const name of names) {
  const bench = await (BENCHES[name] as () => Promise<Bench>)();
  say(`${name}: the goal is ${bench.goal}.`);
  const measured = await bench.run({ say, ...(size === undefined ? {} : { size }) });
  console.log(values.json ? JSON.stringify(measured) : formatLine(measured));
  if (!measured.correct || !measured.met) failed += 1;
}
process.exitCode = failed > 0 ? 1 : 0;
