/** `operator invites`: what waits for an approval, and the answer to it. */

import type { Command } from "commander";
import { addCommand, addGroup } from "../command.ts";
import { formatTable } from "../table.ts";
import { formatTime } from "../words.ts";

export function addInviteCommands(operator: Command): void {
  const invites = addGroup(operator, "invites", "Invites for devices of flaggers.", [
    ["breakwater operator invites list", "what waits"],
  ]);
  addCommand(invites, {
    usage: "list",
    summary: "List invites, newest first.",
    examples: [["breakwater operator invites list", "what waits"]],
    async run(context) {
      const { terminal } = context;
      const list = await (await context.exchange()).operator.listInvites();
      if (terminal.json) for (const invite of list) terminal.print(invite);
      else {
        const columns = ["invite", "for", "state", "device", "ends"].map((title) => ({ title }));
        const rows = list.map((invite) => [
          invite.invite_id,
          invite.member,
          invite.state,
          invite.device_waiting ? "waits" : "-",
          formatTime(new Date(invite.expires_at)),
        ]);
        terminal.print({}, ...formatTable(columns, rows));
      }
      return undefined;
    },
  });
  for (const decision of ["approve", "refuse"] as const) {
    addCommand(invites, {
      usage: `${decision} <invite>`,
      summary: decision === "approve" ? "Let the device that holds the code enrol." : "Turn the invite down.",
      examples: [[`breakwater operator invites ${decision} 0193…`, "takes effect at once"]],
      async run(context, [invite]) {
        await (await context.exchange()).operator.decideInvite(invite as string, decision);
        const state = decision === "approve" ? "approved" : "refused";
        context.terminal.print({ invite_id: invite, state }, context.terminal.mark("done", `${state}  ${invite}`));
        return undefined;
      },
    });
  }
}
