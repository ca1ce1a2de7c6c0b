// "Sign and send": signs what was reviewed and puts it into the outbox, in one transaction with the draft's mark.
import { base64urlOf } from "@breakwater/shared/bytes.ts";
import type { Report } from "@breakwater/shared/report.ts";
import type { Database } from "../database.ts";
import { type Enrolment, findRecipients, findUrlKey } from "../enrol/enrolment.ts";
import { findDeviceKey } from "../keys/device.ts";
import type { OutboxItem } from "../outbox/machine.ts";
import type { OutboxStore } from "../outbox/store.ts";
import { type Composed, compose, type Signer, sign } from "./compose.ts";
import { type Draft, draftChange } from "./draft.ts";

export type SendPorts = {
  db: Database;
  store: OutboxStore;
  vaultKey: CryptoKey;
  enrolment: Enrolment;
  client: Report["client"];
  language: string;
  now: () => number;
};

/** @throws Error when the device is not ready: without its keys nothing can be sealed or signed */
export async function signerFor({ db, enrolment, client, language, now }: SendPorts): Promise<Signer> {
  const [device, recipients, urlKey] = await Promise.all([findDeviceKey(db), findRecipients(db), findUrlKey(db)]);
  if (!device || !recipients || !urlKey) throw new Error("device not ready");
  return { enrolment, device, recipients, urlKey, client, language, nowMs: now() };
}

export async function composeDraft(draft: Draft, ports: SendPorts): Promise<Composed> {
  return compose(draft, await signerFor(ports));
}

export function containsOf({ report, sealedContent }: Composed): OutboxItem["contains"] {
  return {
    hashes: report.items.reduce((sum, { hashes }) => sum + hashes.length, 0),
    addresses: report.locations.length,
    words: Boolean(sealedContent.explanation ?? sealedContent.child_location_hint ?? sealedContent.accounts),
  };
}

export async function queueReport(composed: Composed, draft: Draft, ports: SendPorts): Promise<OutboxItem> {
  const { device } = await signerFor(ports);
  const envelope = await sign(composed, device);
  const item: OutboxItem = {
    id: draft.id,
    state: "queued",
    urgent: composed.report.urgency === "immediate_danger",
    envelope: base64urlOf(envelope),
    hotline: ports.enrolment.hotline,
    exchange: ports.enrolment.exchange,
    contains: containsOf(composed),
    queued_at: ports.now(),
    attempts: 0,
  };
  // The draft stays, encrypted, until the receipt is here: a refused report can be mended.
  const mended = draft.mends;
  await ports.store.add(item, [
    await draftChange(ports.vaultKey, { ...draft, sent: true }, ports.now()),
    ...(mended ? (["outbox", "drafts"] as const).map((store) => ({ store, key: mended, value: undefined })) : []),
  ]);
  return item;
}
