/** One file's bytes to its answer: hashed in memory, compared, overwritten. Nothing of it is kept, written or told on. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { MediaAnswer } from "@breakwater/shared/wire/match.ts";
import { type Asking, ask, hashesOf, type Matcher, notHashed } from "../match/index.ts";
import { countItem, countQuestion, itemOf, newTally } from "./answer-batch.ts";
import type { Tally } from "./engine-messages.ts";

type About = { body: Uint8Array<ArrayBuffer>; ref?: string; country?: string };

export async function answerMedia(
  asking: Asking & { matcher: Pick<Matcher, "sets"> },
  { body, ref, country }: About,
  now: Date,
): Promise<{ answer: MediaAnswer; tally: Tally }> {
  if (asking.matcher.sets(now).length === 0) throw new ExchangeError("match_not_ready", { retry_after_s: 5 });
  // Loaded when needed: the decoder takes longer to start than a daemon that takes no media should.
  const { hashBytes } = await import("../media/index.ts");
  const file = await hashBytes(body).finally(() => {
    // Freed now and not when the collector comes: the next file takes its room at once.
    body.buffer.transfer(0);
  });
  const hashes = hashesOf(file);
  const tally = newTally();
  const question = { query: { hashes }, ref, country };
  const [answered] = await ask(asking, [question], now, () => {
    tally.ledgerFailures += 1;
  });
  if (answered === undefined || "problem" in answered) throw answered?.problem ?? new ExchangeError("internal");
  answered.notCompared.push(...notHashed(file));
  const item = itemOf(answered, undefined);
  countQuestion(tally, question);
  countItem(tally, item);
  const { hits, notCompared } = answered;
  return {
    answer: {
      hits,
      ...(notCompared.length === 0 ? {} : { not_compared: notCompared }),
      hashes: {
        ...hashes,
        ...(file.pdq_missing === undefined ? {} : { pdq_missing: file.pdq_missing }),
        ...(file.vpdq_missing === undefined ? {} : { vpdq_missing: file.vpdq_missing }),
      },
    },
    tally,
  };
}
