/** A drawn mark beside its word; the word alone is enough. */
import type { JSX } from "preact";

const RING = <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.75" />;

const SHAPES = {
  ring: RING,
  half: (
    <>
      {RING}
      <path fill="currentColor" d="M6 1.5a4.5 4.5 0 0 1 0 9z" />
    </>
  ),
  disc: <circle cx="6" cy="6" r="5.25" fill="currentColor" />,
  dashed: (
    <circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.75" stroke-dasharray="2.6 2.1" />
  ),
  tick: <path fill="none" stroke="currentColor" stroke-width="2" d="M1.5 6.5 4.75 9.75 10.5 2.5" />,
  cross: <path fill="none" stroke="currentColor" stroke-width="2" d="m2 2 8 8m0-8-8 8" />,
  minus: <path fill="none" stroke="currentColor" stroke-width="2.25" d="M1.5 6h9" />,
  pause: <path fill="none" stroke="currentColor" stroke-width="2.5" d="M3.75 1.5v9m4.5-9v9" />,
  diamond: <path fill="currentColor" d="M6 .5 11.5 6 6 11.5.5 6z" />,
  triangle: <path fill="currentColor" d="M6 .75 11.75 11.25H.25z" />,
  arrow: <path fill="none" stroke="currentColor" stroke-width="1.75" d="M.75 6h9.5M6.5 2.25 10.25 6 6.5 9.75" />,
  square: <path fill="none" stroke="currentColor" stroke-width="1.75" d="M2 2h8v8H2z" />,
} satisfies Record<string, JSX.Element>;

export type Shape = keyof typeof SHAPES;
export type Tone = "active" | "good" | "caution" | "danger";

export function Chip({ shape, tone, children }: { shape: Shape; tone?: Tone; children: string }) {
  return (
    <span class="chip" data-tone={tone}>
      <svg aria-hidden="true" focusable="false" viewBox="0 0 12 12">
        {SHAPES[shape]}
      </svg>
      {children}
    </span>
  );
}

const REPORT_STATES: Record<string, [Shape, string, Tone?]> = {
  received: ["ring", "Waiting"],
  triaged: ["ring", "Waiting"],
  urgent_hold: ["triangle", "Urgent", "danger"],
  auto_known: ["disc", "Already listed", "active"],
  needs_info: ["pause", "Question sent"],
  in_review: ["half", "Being assessed", "active"],
  verified_1: ["half", "1 of 2 done", "active"],
  disagreement: ["diamond", "Answers differ", "caution"],
  hash_not_confirmed: ["diamond", "Hashes differ", "caution"],
  verified: ["tick", "Verified", "good"],
  published: ["disc", "Published", "good"],
  referred: ["arrow", "Passed on"],
  out_of_remit: ["arrow", "Passed on"],
  withheld: ["pause", "Kept back"],
  unverifiable: ["dashed", "Not verifiable"],
  rejected: ["cross", "Not listed"],
  disputed: ["diamond", "Disputed", "caution"],
  withdrawn: ["minus", "Withdrawn"],
  merged: ["square", "Joined"],
  closed: ["square", "Closed"],
  closed_test: ["square", "Test"],
};

/** The chip of a report's wire state. An unknown state shows its own word rather than nothing. */
export function StateChip({ state }: { state: string }) {
  const [shape, word, tone] = REPORT_STATES[state] ?? ["square", state];
  return (
    <Chip shape={shape} tone={tone}>
      {word}
    </Chip>
  );
}
