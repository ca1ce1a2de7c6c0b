/** `operator …`: members, keys, people, sign-in links, invites, the audit record, retention, look-ups, floods, backups. */

import type { Command } from "commander";
import { addGroup } from "../command.ts";
import { addBackupCommands } from "./operator-backup.ts";
import { addInviteCommands } from "./operator-invites.ts";
import { addOperatorKeys } from "./operator-keys.ts";
import { addLookupRecords } from "./operator-lookups.ts";
import { addMemberCommands } from "./operator-members.ts";
import { addRecordCommands } from "./operator-records.ts";

export function addOperator(program: Command): void {
  const operator = addGroup(program, "operator", "Run an exchange: needs a key with the scope operator.", [
    ["breakwater operator members list", "who takes part"],
    ["breakwater operator invites list", "what waits for an approval"],
  ]);
  addMemberCommands(operator);
  addOperatorKeys(operator);
  addInviteCommands(operator);
  addRecordCommands(operator);
  addLookupRecords(operator);
  addBackupCommands(operator);
}
