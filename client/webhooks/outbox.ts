/** Messages that wait for their receiver: a file each, so that a restart goes on where the last try ended. */

import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { publisherOf } from "../ledger/decision.ts";
import type { TakenBackEvent } from "../ledger/taken-back.ts";
import { isFileError, readIfThere, writePrivateFile } from "../profile/private-files.ts";

/** Entries in one message; more of them take several. */
export const WEBHOOK_ENTRIES_MAX = 500;

const Message = z.strictObject({
  id: z.string().regex(/^msg_[0-9a-f]{32}$/),
  /** As it is signed and sent, each time the same. */
  body: z.string(),
  made_at: z.iso.datetime(),
  tries: z.int().nonnegative(),
  next_at: z.iso.datetime(),
});
export type Message = z.infer<typeof Message>;

/**
 * @returns how many messages were new; the same event told twice, before and after a kill, has the same number, and is
 *   one message
 */
export async function queueTakenBack(stateDir: string, events: readonly TakenBackEvent[], now: Date): Promise<number> {
  let queued = 0;
  for (const event of events) {
    for (let at = 0; at < event.entries.length; at += WEBHOOK_ENTRIES_MAX) {
      const entries = event.entries.slice(at, at + WEBHOOK_ENTRIES_MAX);
      queued += Number(await queueOne(stateDir, { ...event, entries }, now));
    }
  }
  return queued;
}

async function queueOne(stateDir: string, event: TakenBackEvent, now: Date): Promise<boolean> {
  const { set, what, release, recall, until, entries } = event;
  const named = entries.map(({ entry }) => entry).sort();
  const id = messageId(JSON.stringify([set, what, what === "recalled" ? recall : release, named]));
  if ((await readMessage(stateDir, `${id}.json`)) !== undefined) return false;
  const total = (count: (one: (typeof entries)[number]) => number) => entries.reduce((sum, one) => sum + count(one), 0);
  const body = JSON.stringify({
    type: what === "recalled" ? "entry.recalled" : "entry.withdrawn",
    timestamp: now.toISOString(),
    data: {
      set,
      publisher: publisherOf(set),
      release,
      ...(recall === undefined ? {} : { recall, until }),
      hits: total(({ hits }) => hits),
      reviewed: total(({ reviewed }) => reviewed),
      blocked: total(({ blocked }) => blocked),
      entries,
    },
  });
  await writeMessage(stateDir, { id, body, made_at: now.toISOString(), tries: 0, next_at: now.toISOString() });
  return true;
}

export function messageId(of: string): string {
  return `msg_${createHash("sha256").update(of).digest("hex").slice(0, 32)}`;
}

/** Oldest first. */
export async function listMessages(stateDir: string): Promise<Message[]> {
  let names: string[];
  try {
    names = await readdir(outboxDir(stateDir));
  } catch (error) {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  }
  const messages: Message[] = [];
  for (const name of names.filter((name) => name.endsWith(".json"))) {
    const message = await readMessage(stateDir, name);
    if (message !== undefined) messages.push(message);
  }
  return messages.sort((a, b) => (a.made_at < b.made_at ? -1 : 1));
}

export async function writeMessage(stateDir: string, message: Message): Promise<void> {
  await writePrivateFile(join(outboxDir(stateDir), `${message.id}.json`), `${JSON.stringify(message)}\n`);
}

export async function dropMessage(stateDir: string, { id }: Message): Promise<void> {
  await rm(join(outboxDir(stateDir), `${id}.json`), { force: true });
}

async function readMessage(stateDir: string, name: string): Promise<Message | undefined> {
  const bytes = await readIfThere(join(outboxDir(stateDir), name));
  if (bytes === undefined) return undefined;
  try {
    return Message.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

function outboxDir(stateDir: string): string {
  return join(stateDir, "webhooks");
}
