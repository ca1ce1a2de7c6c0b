/** `webhook`: where this member is told that something that hit here was taken back. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { Command } from "commander";
import {
  findEndpoint,
  messageId,
  newSecret,
  parseEndpointUrl,
  parseSecret,
  removeEndpoint,
  sendWebhook,
  writeEndpoint,
} from "../../webhooks/index.ts";
import { listMessages } from "../../webhooks/outbox.ts";
import { addCommand, addGroup, type Context } from "../command.ts";
import { CommandFailure } from "../failure.ts";
import { readInput } from "../read-input.ts";
import { formatCount } from "../words.ts";

const SECRET_MAX_BYTES = 1024;

export function addWebhook(program: Command): void {
  const webhook = addGroup(program, "webhook", "Be told when something that hit here is taken back.", [
    ["breakwater webhook set https://intake.example/breakwater", "one receiver; prints the secret once"],
  ]);
  addSet(webhook);
  addCommand(webhook, {
    usage: "show",
    summary: "Show the receiver, and how many messages wait for it.",
    examples: [["breakwater webhook show --json", "one JSON object"]],
    async run(context) {
      const { stateDir } = await context.profile();
      const endpoint = await findEndpoint(context.profileDir);
      const waiting = (await listMessages(stateDir)).length;
      const line =
        endpoint === undefined
          ? "No receiver: breakwater webhook set URL"
          : `${endpoint.url}  ${formatCount(waiting)} waiting`;
      context.terminal.print({ url: endpoint?.url ?? null, waiting }, line);
      return undefined;
    },
  });
  addCommand(webhook, {
    usage: "test",
    summary: "Send the receiver a signed message of the type test.ping.",
    examples: [["breakwater webhook test", "ends with 1 unless the receiver answers 2xx"]],
    async run(context) {
      const endpoint = await needEndpoint(context);
      const now = context.now();
      const body = JSON.stringify({ type: "test.ping", timestamp: now.toISOString(), data: {} });
      if (!(await sendWebhook(endpoint, { id: messageId(`ping ${now.toISOString()}`), body }, now))) throw notTaken();
      context.terminal.print({ taken: true }, context.terminal.mark("done", "the receiver took it"));
      return undefined;
    },
  });
  addCommand(webhook, {
    usage: "remove",
    summary: "Tell nobody any more; what waits is dropped.",
    examples: [["breakwater webhook remove", "the receiver is forgotten"]],
    async run(context) {
      await needEndpoint(context);
      await removeEndpoint(context.profileDir);
      context.terminal.print({ url: null }, context.terminal.mark("done", "no receiver"));
      return undefined;
    },
  });
}

function addSet(webhook: Command): void {
  addCommand<{ secretFile?: string }>(webhook, {
    usage: "set <url>",
    summary: "Choose the receiver: https, or plain http on this machine.",
    about:
      "Messages are signed as Standard Webhooks says (webhook-id, webhook-timestamp, webhook-signature). Types: entry.withdrawn and entry.recalled, with set, entries and the number of hits here; no content and no hash. What is not answered with 2xx is sent again for three days, across restarts.",
    examples: [
      ["breakwater webhook set https://intake.example/breakwater", "makes a secret and prints it once"],
      ["breakwater webhook set https://intake.example/breakwater --secret-file secret.txt", "whsec_… of your own"],
    ],
    options: (command) =>
      command.option("--secret-file <file>", "a file with the secret, whsec_…; - is standard input"),
    async run(context, [url], options) {
      const { terminal } = context;
      await context.profile();
      const given = options.secretFile === undefined ? undefined : await readSecretFile(options.secretFile);
      const endpoint = { url: parseEndpointUrl(url as string), secret: given ?? newSecret() };
      await writeEndpoint(context.profileDir, endpoint);
      const shown = given === undefined ? { secret: endpoint.secret } : {};
      terminal.print({ url: endpoint.url, ...shown }, terminal.mark("done", endpoint.url));
      if (given === undefined && !terminal.json) {
        terminal.print({}, `  secret  ${endpoint.secret}`);
        terminal.note("  Shown once. Give it to the receiver, which checks the signature with it.");
      }
      return undefined;
    },
  });
}

async function readSecretFile(path: string): Promise<string> {
  return parseSecret(new TextDecoder().decode(await readInput(path, SECRET_MAX_BYTES)).trim());
}

async function needEndpoint({ profileDir }: Context) {
  const endpoint = await findEndpoint(profileDir);
  if (endpoint !== undefined) return endpoint;
  const text = {
    what: "Not done: there is no receiver.",
    kept: "nothing was changed",
    next: "breakwater webhook set URL",
  };
  throw new CommandFailure(new ExchangeError("conflict", { reason: "no_receiver" }), text, { exit: 1 });
}

function notTaken(): CommandFailure {
  const text = {
    what: "Not taken: the receiver did not answer with 2xx within 10 s (redirects are not followed).",
    kept: "nothing was changed",
    next: "look at the receiver, then: breakwater webhook test",
  };
  return new CommandFailure(new ExchangeError("fetch_failed"), text);
}
