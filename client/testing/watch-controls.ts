/** Says what a hit leads to, as a process that goes on running sees it: a line when it starts, and one at each change, with the time. */

import { decide } from "../controls/decide.ts";
import { openControls } from "../controls/live.ts";
import { testHit } from "./hits.ts";

const [stateDir = ""] = process.argv.slice(2);
let said = "";
const live = await openControls(stateDir);
setInterval(() => {
  const { action } = decide(testHit(), live.current, new Date());
  if (action === said) return;
  said = action;
  process.stdout.write(`${action} ${Date.now()}\n`);
}, 5);
