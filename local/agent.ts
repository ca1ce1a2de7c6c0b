// The hotline's side of the demo: its agent (keys, list of recipients, seals for newcomers, invites), and an approver in place of a person.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Profile } from "@breakwater/client/profile/profile.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { runCommand, startCommand } from "./breakwater-command.ts";
import { openClient } from "./seed-members.ts";

const APPROVE_EVERY_MS = 2_000;
const RESTART_MS = 3_000;
const STOP_PATIENCE_MS = 5_000;
const DUTY_DESK = "Example Police, duty desk (demo)";
const INVITE_CODE = /bwi_[A-Za-z0-9_-]+/;

export type Agent = { stop(): Promise<void> };
export type AgentOptions = { hotline: Profile; operator: Profile; home: string };

/** Makes the agent's keys and registers them; a second time changes nothing. */
export async function initAgent(hotline: Profile): Promise<void> {
  const { code, err } = await runCommand(hotline.dir, ["hotline", "agent", "init", "--json"]);
  if (code !== 0 && !err.includes("agent_exists"))
    throw new Error(`The hotline's agent could not be set up: ${lastLine(err)}`);
}

/** Names the demo's own desk: told at once, and again when nobody at the console acknowledges in time. */
export async function nameDutyDesk(hotline: Profile, url: string): Promise<void> {
  await openClient(hotline).hotline.nameForward({ to: DUTY_DESK, url, alert_url: url });
}

/** A fresh invite for one flagger of the demo's flagging organisation. */
export async function mintInvite(hotline: Profile, operator: Profile): Promise<string> {
  const { code, out, err } = await runCommand(hotline.dir, ["hotline", "agent", "invite", "flaggers", "--json"]);
  const invite = INVITE_CODE.exec(out)?.[0];
  if (code !== 0 || !invite) throw new Error(`No invite could be made: ${lastLine(err)}`);
  await approveWaiting(operator);
  return invite;
}

/**
 * Keeps the agent running and approves invites.
 *
 * An administrator's approval is what keeps a stolen invite from becoming a device; here nobody sits at the desk, so the demo's operator
 * approves every one. Only the demo does this.
 */
export async function startAgent({ hotline, operator, home }: AgentOptions): Promise<Agent> {
  const log = openSync(join(home, "logs", "agent.log"), "a", 0o600);
  let stopped = false;
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  const run = () => {
    if (stopped) return;
    child = startCommand(hotline.dir, ["hotline", "agent", "run", "--auto-approve"], log);
    child.on("exit", () => {
      if (!stopped) restart = setTimeout(run, RESTART_MS);
    });
  };
  run();
  const approver = setInterval(() => void approveWaiting(operator).catch(() => {}), APPROVE_EVERY_MS);
  return {
    async stop() {
      stopped = true;
      clearInterval(approver);
      clearTimeout(restart);
      if (child && child.exitCode === null && child.signalCode === null) {
        const exited = once(child, "exit");
        const impatient = setTimeout(() => child?.kill("SIGKILL"), STOP_PATIENCE_MS);
        child.kill("SIGTERM");
        await exited;
        clearTimeout(impatient);
      }
      closeSync(log);
    },
  };
}

async function approveWaiting(profile: Profile): Promise<void> {
  const { operator } = openClient(profile);
  for (const invite of await operator.listInvites()) {
    if (invite.state !== "waiting") continue;
    try {
      await operator.decideInvite(invite.invite_id, "approve");
    } catch (error) {
      // Somebody at the console was quicker.
      if (!(error instanceof ExchangeError)) throw error;
    }
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "no reason given";
}
