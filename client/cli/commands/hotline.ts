/** `hotline agent init|run|invite`: the hotline's own process that signs who may read reports. `hotline forward` lies beside it. */

import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SealingKeyRow } from "@breakwater/shared/wire/hotline.ts";
import type { Command } from "commander";
import {
  type AgentContext,
  createAgentKeys,
  createInviteCode,
  openAgentKeys,
  rewrapMissing,
  updateRecipients,
} from "../../hotline/index.ts";
import { takeLock } from "../../profile/lock.ts";
import { addCommand, addGroup, type Context } from "../command.ts";
import { ask } from "../prompt.ts";
import type { Terminal } from "../terminal.ts";
import { formatTime } from "../words.ts";
import { addForward } from "./hotline-forward.ts";

const ROUND_MS = 5_000;
const ROUND_AFTER_FAULT_MS = 15_000;

export function addHotline(program: Command): void {
  const hotline = addGroup(program, "hotline", "For hotlines.", [
    ["breakwater hotline agent run", "keeps the list of readers"],
    ['breakwater hotline forward --to "Police, duty desk" --url https://desk.example/in', "for urgent reports"],
  ]);
  addForward(hotline);
  const agent = addGroup(
    hotline,
    "agent",
    "The hotline's agent: signs who may read reports, and wraps reports again for newcomers.",
    [
      ["breakwater hotline agent init", "once"],
      ["breakwater hotline agent run", "stays up"],
      ["breakwater hotline agent invite flaggers", "a code for a flagger"],
    ],
  );
  addInit(agent);
  addRun(agent);
  addInvite(agent);
}

function addInit(agent: Command): void {
  addCommand<{ member?: string }>(agent, {
    usage: "init",
    summary: "Make the agent's keys on this machine, register them, and sign the first list of readers.",
    about:
      "The keys stay in the profile's keys folder (mode 0600). Whoever has them can read reports: keep a copy in a safe.",
    examples: [["breakwater hotline agent init", "may be repeated"]],
    options: (command) =>
      command.option("--member <name>", "your organisation's short name, when the profile does not have it"),
    async run(context, _args, options) {
      const { terminal, profileDir } = context;
      const exchange = await context.exchange();
      const keys = await createAgentKeys(profileDir);
      const registration = { signing_key: keys.signing.publicJwk, sealing_key: keys.sealing.publicJwk };
      await register(exchange.hotline, registration);
      const list = await updateRecipients(await agentContext(context, options.member), async () => false);
      terminal.print(
        { signing_kid: keys.signing.kid, sealing_kid: keys.sealing.kid, list_version: list.list.version },
        terminal.mark(
          "done",
          `agent ready  list of readers ${list.list.version}, ${list.list.recipients.length} ${list.list.recipients.length === 1 ? "reader" : "readers"}`,
        ),
        `  ${terminal.label("key")}  ${keys.signing.kid}`,
      );
      return undefined;
    },
  });
}

/** A repeat is fine when it is the same agent: then the exchange has these very keys. */
async function register(
  hotline: AgentContext["hotline"],
  keys: Parameters<AgentContext["hotline"]["registerAgent"]>[0],
): Promise<void> {
  try {
    await hotline.registerAgent(keys);
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== "agent_exists") throw error;
    const { agent } = await hotline.listSealingKeys();
    if (agent?.signing_key.x !== keys.signing_key.x || agent.sealing_key.x !== keys.sealing_key.x) throw error;
  }
}

type RunOptions = { autoApprove?: boolean; once?: boolean; member?: string };

function addRun(agent: Command): void {
  addCommand<RunOptions>(agent, {
    usage: "run",
    summary: "Stay up: ask about analysts' new keys, sign the list, wrap older reports for newcomers.",
    about:
      "Compare a key's id with the one on the analyst's screen before saying yes: the exchange could have put its own there.",
    examples: [
      ["breakwater hotline agent run", "asks at the terminal"],
      ["breakwater hotline agent run --once", "one round, for a timer"],
    ],
    options: (command) =>
      command
        .option("--auto-approve", "say yes to every key (demonstrations only: it trusts the exchange)")
        .option("--once", "one round, then end")
        .option("--member <name>", "your organisation's short name, when the profile does not have it"),
    async run(context, _args, options) {
      const { terminal, profileDir } = context;
      const lock = await takeLock(profileDir, "agent", 0);
      if (lock === undefined) throw new ExchangeError("copy_locked", { reason: "another_agent_runs" });
      if (options.autoApprove)
        terminal.note(terminal.mark("caution", "every key is approved unseen: for demonstrations only"));
      const agentOf = await agentContext(context, options.member);
      const asked = new Set<string>();
      try {
        for (;;) {
          const ok = await runRound(terminal, agentOf, options, asked);
          if (options.once) return undefined;
          await new Promise((resolve) => setTimeout(resolve, ok ? ROUND_MS : ROUND_AFTER_FAULT_MS));
        }
      } finally {
        await lock.release();
      }
    },
  });
}

/** Failures of the network pass by themselves; the agent says so and goes on. */
async function runRound(
  terminal: Terminal,
  context: AgentContext,
  options: RunOptions,
  asked: Set<string>,
): Promise<boolean> {
  try {
    const { list, waiting, changed } = await updateRecipients(context, (key) => approve(terminal, options, asked, key));
    if (changed)
      terminal.print(
        { list_version: list.version, readers: list.recipients.length },
        terminal.mark(
          "done",
          `list of readers ${list.version}  ${list.recipients.length} ${list.recipients.length === 1 ? "reader" : "readers"}`,
        ),
      );
    for (const key of waiting) {
      if (!asked.has(`told ${key.kid}`))
        terminal.note(terminal.mark("caution", `a key waits for a yes: ${key.person_name}, ${key.kid}`));
      asked.add(`told ${key.kid}`);
    }
    const { sealed, refused } = await rewrapMissing(context, list);
    if (sealed > 0)
      terminal.print(
        { resealed: sealed },
        terminal.mark("done", `${sealed} older ${sealed === 1 ? "report" : "reports"} wrapped again`),
      );
    if (refused > 0 && !asked.has(`refused ${refused}`)) {
      asked.add(`refused ${refused}`);
      terminal.note(terminal.mark("caution", `${refused} could not be wrapped again`));
    }
    return true;
  } catch (error) {
    if (options.once || !(error instanceof ExchangeError)) throw error;
    terminal.note(terminal.mark("caution", `not now: ${error.code}; trying again`));
    return false;
  }
}

async function approve(
  terminal: Terminal,
  options: RunOptions,
  asked: Set<string>,
  key: SealingKeyRow,
): Promise<boolean> {
  if (options.autoApprove) return true;
  // Without a person at the terminal nobody can compare ids: the key waits.
  if (!process.stdin.isTTY || asked.has(key.kid)) return false;
  asked.add(key.kid);
  terminal.note(`  ${key.person_name} asks to read reports. Key: ${key.kid}`);
  return (await ask("Does the analyst's screen show this key? Type yes to add it:")) === "yes";
}

function addInvite(agent: Command): void {
  addCommand(agent, {
    usage: "invite <member>",
    summary: "Make an invite code for one device of a member; an administrator approves it.",
    about: "The code lasts 72 hours and works once. Hand it over in person or by a channel that you trust.",
    examples: [["breakwater hotline agent invite flaggers", "prints the code"]],
    async run(context, [member]) {
      const { terminal } = context;
      const keys = await openAgentKeys(context.profileDir);
      const made = await createInviteCode((await context.exchange()).operator, keys, member as string);
      if (terminal.json)
        terminal.print({ code: made.code, invite_id: made.inviteId, expires_at: made.expiresAt, state: made.state });
      else terminal.printRaw(`${made.code}\n`);
      terminal.note(
        terminal.mark("done", `invite ${made.inviteId} for ${member}, until ${formatTime(new Date(made.expiresAt))}`),
        "  Shown once. It works after an administrator has approved it.",
      );
      return undefined;
    },
  });
}

async function agentContext(context: Context, named: string | undefined): Promise<AgentContext> {
  const profile = await context.profile();
  const member = named ?? profile.member;
  if (member === undefined) throw new ExchangeError("usage_invalid", { reason: "member_is_missing" });
  const exchange = await context.exchange();
  return {
    hotline: exchange.hotline,
    profileDir: context.profileDir,
    member,
    keys: await openAgentKeys(context.profileDir),
    now: context.now,
  };
}
