/** One recall or release: a bar, how many of how many, and when it is due or ends. */

import type { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import { formatTime } from "../parts/time.ts";

type Recall = AppliedAnswer["recalls"][number];
type Release = AppliedAnswer["releases"][number];

export function Stage(
  props: { number: number } & ({ kind: "recall"; row: Recall } | { kind: "release"; row: Release }),
) {
  const { kind, number, row } = props;
  const id = `${kind}-${number}`;
  const of = row.applied + row.waiting.length;
  const title =
    props.kind === "recall"
      ? `Recall ${number}: hits ask for review, nobody blocks`
      : `Release ${number}: what it drops leaves every copy`;
  return (
    <div class="stage">
      <div class="line-up apart">
        <h3 id={id}>{title}</h3>
        <span class="num">
          {row.applied} of {of} members
        </span>
      </div>
      <progress aria-labelledby={id} max={Math.max(1, of)} value={row.applied} />
      <p class="small quiet-text">{props.kind === "recall" ? recallWords(props.row) : releaseWords(props.row)}</p>
    </div>
  );
}

function recallWords({ signed_at, due_at, in_force, log_index }: Recall): string {
  const end = in_force ? `Ends ${formatTime(due_at)}.` : "It has ended.";
  return `Signed ${formatTime(signed_at)}, logged at ${log_index.toLocaleString("en")}. ${end}`;
}

function releaseWords({ released_at, due_at, purged }: Release): string {
  const files = purged === null ? "" : ` The exchange destroyed ${purged.blobs.toLocaleString("en")} files.`;
  return `Signed ${formatTime(released_at)}. Due everywhere by ${formatTime(due_at)}.${files}`;
}
