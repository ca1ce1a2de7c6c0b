/** `operator keys`: API keys of members; a key is shown once. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import { NewApiKey } from "@breakwater/shared/wire/members.ts";
import type { Command } from "commander";
import { addCommand, addGroup, type Context } from "../command.ts";
import { formatTable } from "../table.ts";
import { formatTime } from "../words.ts";

type CreateOptions = { scope: string[]; expiresAt?: string };
type Made = { key_id: string; api_key: string; expires_at: string };

export function addOperatorKeys(operator: Command): void {
  const keys = addGroup(operator, "keys", "API keys of members.", [
    ["breakwater operator keys list company", "its keys"],
  ]);
  addCommand<CreateOptions>(keys, {
    usage: "create <member>",
    summary: "Make an API key; it is shown this once.",
    examples: [
      ["breakwater operator keys create company --scope read", "for a subscriber"],
      ["breakwater operator keys create hotline --scope read,publish", "for a publisher"],
    ],
    options: (command) =>
      command
        .requiredOption(
          "--scope <scopes>",
          "read, publish, hotline, operator",
          (value: string, before: string[] = []) => [...before, ...value.split(",")],
        )
        .option("--expires-at <time>", "RFC 3339, otherwise the exchange's default"),
    async run(context, [member], options) {
      const request: Record<string, unknown> = { scopes: options.scope };
      if (options.expiresAt !== undefined) request.expires_at = options.expiresAt;
      const parsed = NewApiKey.safeParse(request);
      if (!parsed.success) throw new ExchangeError("usage_invalid", { reason: "scopes_or_time" });
      showOnce(context, await (await context.exchange()).operator.createKey(member as string, parsed.data));
      return undefined;
    },
  });
  addCommand(keys, {
    usage: "list <member>",
    summary: "List a member's keys, without their secrets.",
    examples: [["breakwater operator keys list company", "its keys"]],
    async run(context, [member]) {
      const { terminal } = context;
      const list = await (await context.exchange()).operator.listKeys(member as string);
      if (terminal.json) for (const key of list) terminal.print(key);
      else {
        const columns = ["key", "scopes", "state", "ends", "last used"].map((title) => ({ title }));
        const rows = list.map((key) => [
          key.key_id,
          key.scopes.join(", "),
          key.state,
          formatTime(new Date(key.expires_at)),
          key.last_used_at === undefined ? "never" : formatTime(new Date(key.last_used_at)),
        ]);
        terminal.print({}, ...formatTable(columns, rows));
      }
      return undefined;
    },
  });
  addCommand(keys, {
    usage: "rotate <member> <key>",
    summary: "Make a key that takes the place of another; the old one goes on for a short while.",
    examples: [["breakwater operator keys rotate company 00c1…", "a new key"]],
    async run(context, [member, key]) {
      const made = await (await context.exchange()).operator.rotateKey(member as string, key as string);
      showOnce(context, made);
      context.terminal.note(`  the old key ends ${formatTime(new Date(made.previous.expires_at))}`);
      return undefined;
    },
  });
  addCommand(keys, {
    usage: "revoke <member> <key>",
    summary: "End a key at once.",
    examples: [["breakwater operator keys revoke company 00c1…", "it opens nothing from now on"]],
    async run(context, [member, key]) {
      await (await context.exchange()).operator.revokeKey(member as string, key as string);
      context.terminal.print({ key_id: key, state: "revoked" }, context.terminal.mark("done", `revoked  ${key}`));
      return undefined;
    },
  });
}

/** The key alone on stdout, so that it can go straight into a file; everything about it on stderr. */
function showOnce({ terminal }: Context, made: Made): void {
  if (terminal.json) terminal.print(made);
  else terminal.printRaw(`${made.api_key}\n`);
  terminal.note(
    terminal.mark("done", `key ${made.key_id}, until ${formatTime(new Date(made.expires_at))}`),
    "  Shown once. The exchange keeps only a fingerprint.",
  );
}
