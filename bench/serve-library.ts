// The matcher without HTTP, in a process of its own: `node serve-library.ts STATE_DIR ALG SIZE COUNT` prints one JSON object.

import { openActing } from "@breakwater/client/controls/acting.ts";
import { ask, openMatcher } from "@breakwater/client/match/index.ts";
import { BATCH_ITEMS, isAnswered, makeAsks } from "./serve-asks.ts";
import type { LargeAlg } from "./serve-set.ts";

const [stateDir = "", alg = "sha256", size = "0", count = "0"] = process.argv.slice(2);
const asks = makeAsks(alg as LargeAlg, Number(size), Number(count));
const matcher = await openMatcher(stateDir, new Date());
const acting = await openActing({ stateDir });
let wrong = 0;
const startedMs = performance.now();
for (let at = 0; at < asks.length; at += BATCH_ITEMS) {
  const batch = asks.slice(at, at + BATCH_ITEMS);
  const answers = await ask(
    { matcher, acting },
    batch.map(({ hashes }) => ({ query: { hashes } })),
    new Date(),
  );
  for (const [i, answer] of answers.entries())
    if ("problem" in answer || !isAnswered(batch[i] as (typeof batch)[0], answer)) wrong += 1;
}
const seconds = (performance.now() - startedMs) / 1000;
await acting.close();
matcher.close();
console.log(JSON.stringify({ seconds, wrong }));
