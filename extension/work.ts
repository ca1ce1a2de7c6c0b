// What the background does when it is woken: read a pick, send what is due, ask how the enrolment stands, lock.
// It keeps nothing between two wakings; the database and the browser's memory are all it knows.
import { browser } from "wxt/browser";
import { findPick, forgetPick, type Pick, rememberPick, rememberReading } from "./acquire/pick.ts";
import { readPick } from "./acquire/read.ts";
import { localArea, pagePorts, pickMemory, sessionMemory, tellOthers } from "./browser-ports.ts";
import { type Database, openDatabase } from "./database.ts";
import { findEnrolment, isRenewalDue, receiptKeyTable, refreshEnrolment, renewEnrolment } from "./enrol/enrolment.ts";
import { lock } from "./keys/vault.ts";
import { deliverDue, nextWake } from "./outbox/deliver.ts";
import { oneDelivery, oneRecordAtATime } from "./outbox/locks.ts";
import { advance, isUnsent, needsPerson } from "./outbox/machine.ts";
import { postReport } from "./outbox/send.ts";
import { forgetDetail, openOutbox } from "./outbox/store.ts";
import { sweepDrafts } from "./report/draft.ts";
import { countOpened } from "./settings/exposure.ts";
import { readSettings } from "./settings/settings.ts";
import { t } from "./ui/i18n.ts";

export const OUTBOX_ALARM = "outbox";
export const MINUTE_ALARM = "minute";
/** The browser's own floor for alarms. */
const SOONEST_ALARM_MS = 30_000;
const ACTIVE_AT = "active_at";
const CHECKED_AT = "checked_at";
/** How soon a new reader of reports, a switched-off device or a changed policy is noticed. */
const CHECK_EVERY_MS = 6 * 60 * 60_000;

const now = (): number => Date.now();
/** Uniform in 0 ≤ value < 1. */
const random = (): number => (crypto.getRandomValues(new Uint32Array(1))[0] as number) / 2 ** 32;

async function withDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase();
  try {
    return await work(db);
  } finally {
    db.close();
  }
}

export async function takePick(pick: Pick, source: string | undefined): Promise<void> {
  const before = await findPick(pickMemory);
  if (before) await forgetPick(pickMemory, before.id);
  await rememberPick(pickMemory, pick);
  await countOpened(localArea, now());
  const rung3 = await withDatabase(async (db) => (await findEnrolment(db))?.policy.rung3 ?? false);
  await rememberReading(pickMemory, pick.id, await readPick(pick, source, rung3, pagePorts));
}

export async function readAgain(pickId: string): Promise<void> {
  const pick = await findPick(pickMemory);
  if (pick?.id === pickId) await takePick(pick, pick.media);
}

export async function deliver(): Promise<void> {
  await withDatabase(async (db) => {
    const store = openOutbox(db, oneRecordAtATime);
    const enrolment = await findEnrolment(db);
    if (enrolment && enrolment.state !== "revoked") {
      const receiptKeys = await receiptKeyTable(enrolment);
      const exchange = { origin: enrolment.exchange, now };
      // Should the worker be stopped while a post is under way, this alarm finds the record in "sending".
      await browser.alarms.create(OUTBOX_ALARM, { when: now() + SOONEST_ALARM_MS });
      await deliverDue({
        store,
        alone: oneDelivery,
        world: { now, random },
        changed: () => tellOthers("outbox"),
        post: (item) => postReport(item, { exchange, receiptKeys }),
      });
    }
    await showUnsent(db);
    tellOthers("outbox");
  });
}

/** The badge counts, the title says it in words; an alarm is set for the next try. */
async function showUnsent(db: Database): Promise<void> {
  const items = await openOutbox(db, oneRecordAtATime).list();
  const unsent = items.filter(isUnsent).length;
  const attention = items.some(needsPerson);
  await browser.action.setBadgeText({ text: attention ? "!" : unsent > 0 ? String(unsent) : "" });
  const words = unsent > 0 ? `${t("app.name")}: ${t("ready.waiting_count", { count: unsent })}` : t("app.name");
  await browser.action.setTitle({ title: words });
  const wake = nextWake(items, now());
  if (wake === undefined) await browser.alarms.clear(OUTBOX_ALARM);
  else await browser.alarms.create(OUTBOX_ALARM, { when: Math.max(wake, now() + SOONEST_ALARM_MS) });
}

export async function checkEnrolment(): Promise<void> {
  await browser.storage.session.set({ [CHECKED_AT]: now() });
  const became = await withDatabase(async (db) => {
    const held = await findEnrolment(db);
    if (!held || held.state === "revoked") return undefined;
    const exchange = { origin: held.exchange, now };
    const next = await refreshEnrolment({ db, exchange }, held);
    if (isRenewalDue(next, now())) await renewEnrolment({ db, exchange }, next);
    if (next.state === "active") {
      const store = openOutbox(db, oneRecordAtATime);
      for (const { id } of await store.list()) {
        await store.update(id, (item) => advance(item, { kind: "signed_in" }, { now, random }));
      }
      const { resend_since: since, resend_until: until } = next;
      if (since !== undefined && until !== undefined) await store.sendAgain({ since, until, exchange: next.exchange });
    }
    return next.state;
  });
  tellOthers("enrolment");
  if (became === "active") await deliver();
}

export async function lockNow(): Promise<void> {
  const locked = await withDatabase((db) => lock({ db, memory: sessionMemory, now }));
  if (locked) tellOthers("vault");
}

/** Once a minute: lock what nobody touched, drop what is over, ask about an enrolment that waits. */
export async function eachMinute(): Promise<void> {
  const { lock_after_minutes } = await readSettings(localArea);
  const active = (await browser.storage.session.get(ACTIVE_AT))[ACTIVE_AT];
  if (typeof active === "number" && now() - active > lock_after_minutes * 60_000) await lockNow();
  const state = await withDatabase(async (db) => {
    const store = openOutbox(db, oneRecordAtATime);
    await sweepDrafts(db, new Set((await store.list()).map(({ id }) => id)), now());
    for (const item of await store.history()) {
      const kept = forgetDetail(item, now());
      if (kept !== item) await store.recordHistory(kept);
    }
    return (await findEnrolment(db))?.state;
  });
  const checked = (await browser.storage.session.get(CHECKED_AT))[CHECKED_AT];
  const isStale = typeof checked !== "number" || now() - checked > CHECK_EVERY_MS;
  if (state === "waiting" || (state === "active" && isStale)) await checkEnrolment();
}

export async function markActive(): Promise<void> {
  await browser.storage.session.set({ [ACTIVE_AT]: now() });
}
