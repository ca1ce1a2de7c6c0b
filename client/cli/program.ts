/** The table of contents of the command. */

import { Command } from "commander";
import { withGlobals } from "./command.ts";
import { addAllow } from "./commands/allow.ts";
import { addApplied } from "./commands/applied.ts";
import { addBenign } from "./commands/benign.ts";
import { addControls } from "./commands/controls.ts";
import { addEnable } from "./commands/enable.ts";
import { addExport } from "./commands/export.ts";
import { addHash } from "./commands/hash.ts";
import { addHelp } from "./commands/help.ts";
import { addHolds } from "./commands/holds.ts";
import { addHotline } from "./commands/hotline.ts";
import { addKeys } from "./commands/keys.ts";
import { addLogin } from "./commands/login.ts";
import { addLookup } from "./commands/lookup.ts";
import { addMatch } from "./commands/match.ts";
import { addMonitor } from "./commands/monitor.ts";
import { addOperator } from "./commands/operator.ts";
import { addOpinion } from "./commands/opinion.ts";
import { addPause } from "./commands/pause.ts";
import { addPin } from "./commands/pin.ts";
import { addPublish } from "./commands/publish.ts";
import { addRecall } from "./commands/recall.ts";
import { addRecover } from "./commands/recover.ts";
import { addRoot } from "./commands/root.ts";
import { addServe } from "./commands/serve.ts";
import { addSets } from "./commands/sets.ts";
import { addStatus } from "./commands/status.ts";
import { addSync } from "./commands/sync.ts";
import { addTakeBack } from "./commands/take-back.ts";
import { addUndo } from "./commands/undo.ts";
import { addWebhook } from "./commands/webhook.ts";
import { addWhatIf } from "./commands/what-if.ts";
import { addWithdraw } from "./commands/withdraw.ts";

/** @param printHelp - where help texts go */
export function makeProgram(printHelp: (text: string) => void): Command {
  const program = withGlobals(new Command("breakwater"));
  program
    .description("Signed sets of child-safety signals: publish, sync, verify, match. No imagery leaves this machine.")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: printHelp, writeErr: () => undefined })
    .addHelpText("after", "\nWords and problem codes: breakwater help. Exit codes: breakwater help exit-codes.");
  addLogin(program);
  addSync(program);
  addMatch(program);
  addLookup(program);
  addServe(program);
  addHash(program);
  addStatus(program);
  addSets(program);
  addEnable(program);
  addWhatIf(program);
  addPause(program);
  addAllow(program);
  addControls(program);
  addUndo(program);
  addOpinion(program);
  addWebhook(program);
  addHolds(program);
  addBenign(program);
  addExport(program);
  addPin(program);
  addKeys(program);
  addRoot(program);
  addPublish(program);
  addWithdraw(program);
  addRecall(program);
  addTakeBack(program);
  addApplied(program);
  addRecover(program);
  addMonitor(program);
  addHotline(program);
  addOperator(program);
  addHelp(program);
  return program;
}
