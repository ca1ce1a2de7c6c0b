// The drawn marks, one colour each, always beside their word; and the chip that holds the two together.
import type { JSX } from "preact";

export type ShapeName =
  | "ring"
  | "half"
  | "disc"
  | "dashed"
  | "tick"
  | "cross"
  | "minus"
  | "pause"
  | "diamond"
  | "triangle"
  | "arrow"
  | "square";

const line = { fill: "none", stroke: "currentColor" } as const;
const DRAWN: Record<ShapeName, JSX.Element> = {
  ring: <circle cx="6" cy="6" r="4.5" {...line} stroke-width="1.75" />,
  half: (
    <g>
      <circle cx="6" cy="6" r="4.5" {...line} stroke-width="1.75" />
      <path fill="currentColor" d="M6 1.5a4.5 4.5 0 0 1 0 9z" />
    </g>
  ),
  disc: <circle cx="6" cy="6" r="5.25" fill="currentColor" />,
  dashed: <circle cx="6" cy="6" r="4.5" {...line} stroke-width="1.75" stroke-dasharray="2.6 2.1" />,
  tick: <path {...line} stroke-width="2" d="M1.5 6.5 4.75 9.75 10.5 2.5" />,
  cross: <path {...line} stroke-width="2" d="m2 2 8 8m0-8-8 8" />,
  minus: <path {...line} stroke-width="2.25" d="M1.5 6h9" />,
  pause: <path {...line} stroke-width="2.5" d="M3.75 1.5v9m4.5-9v9" />,
  diamond: <path fill="currentColor" d="M6 .5 11.5 6 6 11.5.5 6z" />,
  triangle: <path fill="currentColor" d="M6 .75 11.75 11.25H.25z" />,
  arrow: <path {...line} stroke-width="1.75" d="M.75 6h9.5M6.5 2.25 10.25 6 6.5 9.75" />,
  square: <path {...line} stroke-width="1.75" d="M2 2h8v8H2z" />,
};

export type Tone = "active" | "good" | "caution" | "danger";

export function Chip({ shape, word, tone }: { shape: ShapeName; word: string; tone?: Tone | undefined }): JSX.Element {
  return (
    <span class="chip" data-tone={tone}>
      <svg aria-hidden="true" viewBox="0 0 12 12">
        {DRAWN[shape]}
      </svg>
      {word}
    </span>
  );
}

/** The state table of a report: word from the vocabulary, shape and tone from here. */
export const STATE_MARKS: Record<string, { shape: ShapeName; tone?: Tone }> = {
  received: { shape: "ring" },
  triaged: { shape: "ring" },
  urgent_hold: { shape: "triangle", tone: "danger" },
  auto_known: { shape: "disc", tone: "active" },
  in_review: { shape: "half", tone: "active" },
  verified_1: { shape: "half", tone: "active" },
  disagreement: { shape: "diamond", tone: "caution" },
  verified: { shape: "tick", tone: "good" },
  published: { shape: "disc", tone: "good" },
  rejected: { shape: "cross" },
  unverifiable: { shape: "dashed" },
  merged: { shape: "square" },
  withdrawn: { shape: "minus" },
  closed_test: { shape: "square" },
};
