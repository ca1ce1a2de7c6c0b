// What the panel knows, as signals, and how it is brought up to date from the stores.
import { signal } from "@preact/signals";
import { browser } from "wxt/browser";
import { findPick, findReading, forgetPick, PICK } from "../acquire/pick.ts";
import { localArea, onNews, pickMemory, sessionMemory } from "../browser-ports.ts";
import { type Database, openDatabase } from "../database.ts";
import { type Enrolment, findEnrolment, findPassedOn } from "../enrol/enrolment.ts";
import { openVault, type Vault } from "../keys/vault.ts";
import { parseResponse, type Request } from "../messages.ts";
import { oneRecordAtATime } from "../outbox/locks.ts";
import type { OutboxItem } from "../outbox/machine.ts";
import { type HistoryItem, type OutboxStore, openOutbox } from "../outbox/store.ts";
import { type Draft, draftChange, draftFrom, listDrafts } from "../report/draft.ts";
import { openedThisHour } from "../settings/exposure.ts";
import { changeSettings, readSettings, Settings } from "../settings/settings.ts";

export type Page = "home" | "report" | "sent" | "outbox" | "history" | "options";

export const enrolment = signal<Enrolment | undefined>(undefined);
/** Whether anybody is told in the end when nobody confirms an urgent report. */
export const passedOn = signal(false);
export const vault = signal<{ state: "open" | "locked"; guarded: boolean }>({ state: "open", guarded: false });
export const settings = signal<Settings>(Settings.parse({}));
export const page = signal<Page>("home");
/** The report in hand. */
export const draft = signal<Draft | undefined>(undefined);
export const drafts = signal<Draft[]>([]);
export const outbox = signal<OutboxItem[]>([]);
export const history = signal<HistoryItem[]>([]);
export const opened = signal(0);
/** The report that was signed last in this panel. */
export const sentId = signal<string | undefined>(undefined);
export const clockSkewMs = signal<number | undefined>(undefined);

let changing = 0;
let db: Database;
let key: CryptoKey | undefined;
let store: OutboxStore;

export const database = (): Database => db;
export const outboxStore = (): OutboxStore => store;
export const vaultPorts = (): Vault => ({ db, memory: sessionMemory, now: () => Date.now() });

export async function openDesk(): Promise<void> {
  // First, so that the number to call is the right country's even where nothing else can be opened.
  settings.value = await readSettings(localArea);
  db = await openDatabase();
  store = openOutbox(db, oneRecordAtATime);
  await refreshAll();
  await adoptPick();
  onNews((news) => {
    if (news === "wiped") location.reload();
    else void refreshAll().then(adoptPick);
  });
  browser.storage.local.onChanged.addListener(() => void refreshSettings());
  browser.storage.session.onChanged.addListener((changes) => {
    if (Object.keys(changes).some((name) => name === PICK || name.startsWith("reading:"))) void adoptPick();
  });
}

export async function refreshAll(): Promise<void> {
  enrolment.value = await findEnrolment(db);
  passedOn.value = await findPassedOn(db);
  const held = await openVault(vaultPorts());
  key = held.state === "open" ? held.key : undefined;
  vault.value = held.state === "open" ? { state: "open", guarded: held.guarded } : { state: "locked", guarded: true };
  outbox.value = await store.list();
  history.value = await store.history();
  opened.value = (await openedThisHour(localArea, Date.now())).length;
  drafts.value = key ? await listDrafts(db, key) : [];
  // What a lock takes away is only the sight of it: the draft lies encrypted in the database.
  if (!key) draft.value = undefined;
}

/** A pick becomes a draft as soon as somebody enrolled and unlocked is here to go on with it. */
export async function adoptPick(): Promise<void> {
  if (enrolment.value?.state !== "active" || !key) return;
  const pick = await findPick(pickMemory);
  if (!pick) return;
  const reading = await findReading(pickMemory, pick.id);
  // Looked up only now: while the reading was fetched, the person may have typed on.
  const known = draft.value?.id === pick.id ? draft.value : drafts.value.find(({ id }) => id === pick.id);
  if (known && !reading) return;
  const base = known ?? draftFrom(pick, settings.value.country);
  const next = reading ? { ...base, reading } : base;
  if (!known) page.value = "report";
  if (known && known !== draft.value) {
    // Another report is in hand; the one that was left gets its reading without being opened.
    await keepDraft(next);
  } else await saveDraft(next);
  opened.value = (await openedThisHour(localArea, Date.now())).length;
  if (reading) await forgetPick(pickMemory, pick.id);
}

let saving: Promise<void> = Promise.resolve();
const unsaved = new Map<string, Draft>();

/** Shown at once and written at once. */
export function saveDraft(next: Draft): Promise<void> {
  draft.value = next;
  return keepDraft(next);
}

/** While a write is under way only the newest state waits for the next. */
function keepDraft(next: Draft): Promise<void> {
  drafts.value = [next, ...drafts.value.filter(({ id }) => id !== next.id)].sort((a, b) => b.started_at - a.started_at);
  const isQueued = unsaved.has(next.id);
  unsaved.set(next.id, next);
  if (isQueued) return saving;
  saving = saving
    .catch(() => undefined)
    .then(async () => {
      const newest = unsaved.get(next.id);
      unsaved.delete(next.id);
      if (newest && key) await db.write([await draftChange(key, newest, Date.now())]);
    });
  return saving;
}

export function changeDraft(change: Partial<Draft>): void {
  if (draft.value) void saveDraft({ ...draft.value, ...change });
}

export function answer(change: Partial<Draft["answers"]>): void {
  if (draft.value) void saveDraft({ ...draft.value, answers: { ...draft.value.answers, ...change } });
}

export async function dropDraft(id: string): Promise<void> {
  unsaved.delete(id);
  await saving;
  await db.write([{ store: "drafts", key: id, value: undefined }]);
  if (draft.value?.id === id) draft.value = undefined;
  await forgetPick(pickMemory, id);
  await refreshAll();
}

export async function changeSetting(change: Partial<Settings>): Promise<void> {
  // Seen at once: the next key may already depend on it.
  settings.value = Settings.parse({ ...settings.value, ...change });
  changing += 1;
  try {
    await changeSettings(localArea, change);
  } finally {
    changing -= 1;
    await refreshSettings();
  }
}

/** What is stored, by whichever page; a change of this one that is still on its way is not undone in between. */
async function refreshSettings(): Promise<void> {
  if (changing > 0) return;
  const stored = await readSettings(localArea);
  if (changing === 0) settings.value = stored;
}

export function vaultKey(): CryptoKey | undefined {
  return key;
}

/** For a change that must be written together with others: the draft as it will lie in the store. */
export async function settled(): Promise<void> {
  await saving;
}

export async function ask(request: Request): Promise<boolean> {
  return parseResponse(await browser.runtime.sendMessage(request).catch(() => undefined)).ok;
}
