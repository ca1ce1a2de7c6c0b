/** Made-up answers of a publisher's own set screen: the set, its releases, and what members say of its entries. */
import { base64urlOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { OpinionsPage } from "@breakwater/shared/wire/opinions.ts";
import { SetAnswer } from "@breakwater/shared/wire/sets.ts";
import type { Answers } from "./canned-console.ts";
import { CATALOGUE } from "./console-samples.ts";

const PATH = "/v1/sets/hotline.example/verified";
const NONE = { matched: 0, reviewed: 0, confirmed: 0, rejected: 0, overturned: 0 } as const;
const page = (members: object) =>
  OpinionsPage.parse({ publisher: "hotline.example", set: "verified", small_count: 5, ...members });

const entry = (at: number, members: object = {}) => ({
  entry: at.toString(16).padStart(2, "0").repeat(16),
  listed: true,
  verdicts: { confirmed: 10, rejected: 0, unclear: 0 },
  reasons: {},
  outcomes: { ...NONE, matched: 1840, reviewed: 1211, confirmed: 1190 },
  seen_by: 5,
  last_day: "2026-11-21",
  named: [],
  ...members,
});

export const OPINIONS = page({
  entries: [
    entry(0xb3, {
      verdicts: { confirmed: "few", rejected: 5, unclear: "few" },
      reasons: { benign_collision: 5, adult: "few" },
      outcomes: { ...NONE, matched: 20_410, reviewed: 812, rejected: 790, overturned: 35 },
      named: [
        {
          member: "video",
          title: "Example Video",
          verdict: "rejected",
          reason: "benign_collision",
          release: 417,
          day: "2026-11-20",
        },
      ],
    }),
    entry(0xc4),
    entry(0xd5, { listed: false, verdicts: { confirmed: 0, rejected: "few", unclear: 0 }, reasons: { adult: "few" } }),
  ],
  floods: [
    { scope: "entry", entry: "b3".repeat(16), release: null, members: 5, times: 140, last_day: "2026-11-21" },
    { scope: "release", entry: null, release: 417, members: "few", times: 12, last_day: "2026-11-19" },
  ],
  cursor: "d5".repeat(16),
});
export const MORE_OPINIONS = page({ entries: [entry(0xe6)] });
export const NO_OPINIONS = page({ entries: [], floods: [] });

/** In the form of an envelope; the console shows what was signed and verifies nothing. */
const release = (number: number) => ({
  payload: base64urlOf(utf8Of(jcs({ exp: 1_797_000_000, iat: 1_795_000_000, release: number, root: 2 }))),
  signatures: [
    {
      protected: base64urlOf(utf8Of(jcs({ alg: "Ed25519", kid: "k".repeat(43), typ: "bw-release+jws" }))),
      signature: base64urlOf(new Uint8Array(64)),
    },
  ],
});

/** The set's screen with everything on it. */
export function opinionAnswers(): Answers {
  const row = CATALOGUE.sets.find(({ set }) => set === "verified");
  const answers: Answers = {
    [`GET ${PATH}`]: { body: SetAnswer.parse({ ...row, yours: true }) },
    [`GET ${PATH}/opinions`]: { body: OPINIONS },
    [`GET ${PATH}/opinions?only=rejected`]: {
      body: {
        ...OPINIONS,
        entries: OPINIONS.entries.filter(({ verdicts }) => verdicts.rejected !== 0),
        cursor: undefined,
      },
    },
    [`GET ${PATH}/opinions?cursor=${OPINIONS.cursor}`]: { body: MORE_OPINIONS },
  };
  for (let number = 409; number <= 418; number++) answers[`GET ${PATH}/releases/${number}`] = { body: release(number) };
  return answers;
}
