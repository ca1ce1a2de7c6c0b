/** What would have happened, in words and as a table: for `what-if`, and for `enable` before it asks. */

import type { WhatIf, WhatIfSet } from "../ledger/what-if.ts";
import { formatTable } from "./table.ts";
import { formatAge, formatCount } from "./words.ts";

/** `In the last 7 d: 52 hits on 50 contents. Block would have blocked 12 and sent 40 to review.` */
export function whatIfSentences(found: WhatIfSet | undefined, span: string): string[] {
  if (found === undefined) return [`Nothing hit in the last ${span}: there is nothing to judge by yet.`];
  const { hits, contents, would, blocks_taken_back: wrong } = found;
  const seen = `In the last ${span}: ${formatCount(hits)} ${hits === 1 ? "hit" : "hits"} on ${formatCount(contents)} ${contents === 1 ? "content" : "contents"}.`;
  const block = `Block would have blocked ${formatCount(would.block)} and sent ${formatCount(would.review)} to review.`;
  const review = `Review would have sent ${formatCount(would.block + would.review)} to review.`;
  const lines = [`${seen} ${block}`, review];
  if (wrong > 0) lines.push(`${formatCount(wrong)} of the blocks rest on entries that were taken back since.`);
  return lines;
}

export function whatIfTables({ sets, publishers }: WhatIf, now: Date): string[] {
  const counts = [
    { title: "hits", align: "end" as const },
    { title: "block", align: "end" as const },
    { title: "review", align: "end" as const },
    { title: "observe", align: "end" as const },
  ];
  const cells = ({ hits, would }: Pick<WhatIfSet, "hits" | "would">) =>
    [hits, would.block, would.review, would.observe].map(formatCount);
  const bySet = formatTable(
    [{ title: "set" }, ...counts, { title: "taken back", align: "end" }, { title: "seen since", align: "end" }],
    sets.map((one) => [
      one.set,
      ...cells(one),
      formatCount(one.blocks_taken_back),
      formatAge(now.getTime() - Date.parse(one.first_at)),
    ]),
  );
  const byPublisher = formatTable(
    [{ title: "publisher" }, ...counts],
    publishers.map((one) => [one.publisher, ...cells(one)]),
  );
  const byDistance = formatTable(
    [{ title: "set" }, { title: "distance", align: "end" }, ...counts],
    sets.flatMap(({ set, distances }) =>
      distances.map((one) => [set, one.distance === null ? "-" : String(one.distance), ...cells(one)]),
    ),
  );
  return [...bySet, "", ...byPublisher, "", ...byDistance];
}
