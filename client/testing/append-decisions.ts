/** Appends decisions until it is killed, and prints each one's reference once its answer could be given. */

import { openLedger } from "../ledger/ledger.ts";
import { testDecision } from "./hits.ts";

const ledger = await openLedger(process.argv[2] as string);
for (let n = 0; ; n++) {
  const refs = Array.from({ length: 4 }, (_, at) => `h_${n.toString(16).padStart(12, "0")}${at}`);
  await Promise.all(refs.map((hit_ref) => ledger.append([testDecision({ hit_ref })])));
  process.stdout.write(`${refs.join("\n")}\n`);
}
