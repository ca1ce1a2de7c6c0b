/** A reader of its own: opens a copy again and again until its input ends, and says which numbers of entries it saw. */

import { parseSetId } from "@breakwater/shared/ids.ts";
import { openCopy } from "../sync/copy.ts";
import { linesOf } from "./copy-lines.ts";

const [stateDir = "", set = ""] = process.argv.slice(2);
const seen = new Set<number>();
let isOver = false;
process.stdin.resume().on("end", () => {
  isOver = true;
});
while (!isOver) {
  const copy = await openCopy(stateDir, parseSetId(set));
  const lines = (await linesOf(copy)) ?? [];
  if (lines.length !== copy?.entries) throw new Error("a copy of two states");
  copy.close();
  if (seen.size === 0) process.stdout.write("reading\n");
  seen.add(lines.length);
}
process.stdout.write(JSON.stringify([...seen]));
