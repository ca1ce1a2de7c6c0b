// The acts of a report's pages: check, compose, sign, mend, add.

import { newUuidV7 } from "@breakwater/shared/ids.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { computed, effect, signal } from "@preact/signals";
import { tellOthers } from "../browser-ports.ts";
import { CLIENT } from "../client.ts";
import { advance } from "../outbox/machine.ts";
import { type Fault, findFaults } from "../report/check.ts";
import type { Composed } from "../report/compose.ts";
import { type Draft, draftToAdd, findDraft, type Step } from "../report/draft.ts";
import { composeDraft, queueReport, type SendPorts } from "../report/send.ts";
import {
  ask,
  changeDraft,
  database,
  draft,
  enrolment,
  outboxStore,
  page,
  refreshAll,
  saveDraft,
  sentId,
  settings,
  settled,
  vault,
  vaultKey,
} from "./desk.ts";

export const composed = signal<Composed | undefined>(undefined);
const found = signal<Fault[]>([]);
/** Those of the last attempt that still hold: a fault goes when it is mended, and none appears while somebody types. */
export const faults = computed<Fault[]>(() => {
  const current = draft.value;
  if (!current || found.value.length === 0) return [];
  const now = findFaults(current);
  return found.value.filter(({ field, word }) => word === "fault.other" || now.some((each) => each.field === field));
});
/** Counts the attempts, so that the summary is focused again at each. */
export const attempt = signal(0);
export const busy = signal<"signing" | "sending" | undefined>(undefined);
/** A report may carry a reading of the same item only once; the draft is kept to let a person add to it. */
const lastSent = signal<Draft | undefined>(undefined);
/** A lock takes away everything that was written, also what only this window still remembers. */
effect(() => {
  if (vault.value.state !== "locked") return;
  composed.value = undefined;
  lastSent.value = undefined;
});

function ports(): SendPorts | undefined {
  const [held, key] = [enrolment.value, vaultKey()];
  if (held?.state !== "active" || !key) return undefined;
  return {
    db: database(),
    store: outboxStore(),
    vaultKey: key,
    enrolment: held,
    client: CLIENT,
    language: settings.value.language,
    now: () => Date.now(),
  };
}

function findAll(current: Draft): boolean {
  found.value = findFaults(current);
  attempt.value += 1;
  return found.value.length === 0;
}

async function composeCurrent(current: Draft, with_: SendPorts): Promise<boolean> {
  try {
    composed.value = await composeDraft(current, with_);
    return true;
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    // What the form's own checks did not foresee: said at the text, which is the only free part.
    found.value = [
      { field: "explanation", word: error.code === "imagery_suspected" ? "fault.imagery" : "fault.other" },
    ];
    attempt.value += 1;
    return false;
  }
}

/** Another page of the form begins without the last one's faults. */
export function goToStep(step: Step): void {
  found.value = [];
  attempt.value = 0;
  changeDraft({ step });
}

export async function check(): Promise<void> {
  const [current, with_] = [draft.value, ports()];
  if (!current || !with_ || !findAll(current)) return;
  const { basis, support_seen } = current.answers;
  if (basis === "victim_or_parent_report" && !support_seen) return changeDraft({ step: "support" });
  if (await composeCurrent(current, with_)) changeDraft({ step: "review" });
}

/** A panel that was reloaded on the review page has nothing composed yet. */
export async function recompose(): Promise<void> {
  const [current, with_] = [draft.value, ports()];
  if (current && with_ && !composed.value) await composeCurrent(current, with_);
}

export async function sendUrgent(): Promise<void> {
  const [current, with_] = [draft.value, ports()];
  if (!current || !with_ || busy.value || !findAll(current)) return;
  if (await composeCurrent(current, with_)) await signAndSend();
}

export async function signAndSend(): Promise<void> {
  const [current, with_, ready] = [draft.value, ports(), composed.value];
  if (!current || !with_ || !ready || busy.value) return;
  busy.value = "signing";
  try {
    await settled();
    const item = await queueReport(ready, current, with_);
    lastSent.value = current;
    sentId.value = item.id;
    draft.value = undefined;
    composed.value = undefined;
    await refreshAll();
    page.value = "sent";
    tellOthers("outbox");
  } finally {
    busy.value = undefined;
  }
  await ask({ type: "deliver" });
  await refreshAll();
}

export async function tryNow(id: string): Promise<void> {
  const world = { now: () => Date.now(), random: Math.random };
  await outboxStore().update(id, (item) => advance(item, { kind: "try_now" }, world));
  await refreshAll();
  await ask({ type: "deliver" });
  await refreshAll();
}

/** Back to the form with everything typed, under a new id: the exchange may hold other bytes under the old one. */
export async function mend(id: string): Promise<void> {
  const key = vaultKey();
  const held = key && (await findDraft(database(), key, id));
  if (!held) return;
  composed.value = undefined;
  found.value = [];
  await saveDraft({ ...held, id: newUuidV7(Date.now()), step: "form", sent: false, mends: id });
  page.value = "report";
}

export function addSomething(): void {
  if (!lastSent.value) return;
  composed.value = undefined;
  found.value = [];
  void saveDraft(draftToAdd(lastSent.value, newUuidV7(Date.now()), Date.now()));
  page.value = "report";
}

export const tabOfLast = (): number | undefined => (canAdd() ? lastSent.value?.tab_id : undefined);
export const canAdd = (): boolean => lastSent.value !== undefined && lastSent.value.id === sentId.value;

export function goOn(held: Draft): void {
  composed.value = undefined;
  found.value = [];
  draft.value = held;
  page.value = "report";
}
