/** The one door for reports: verified, gated and parsed before anything is stored, then joined, scored and receipted. */
import { digestOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { parseEnvelope, REPORT_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { type Receipt, referenceOf } from "@breakwater/shared/receipt.ts";
import { isUrgent, openReport, type Report } from "@breakwater/shared/report.ts";
import { append } from "../../audit/index.ts";
import { type FoundDevice, findDeviceByKid, findMemberById } from "../../members/index.ts";
import { type Tx, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { takeRate } from "../../platform/rates.ts";
import { findNewestList } from "../keys/store.ts";
import { type Filed, fileReport } from "./file-report.ts";
import { marksOf } from "./marks.ts";
import { findReport, insertReport, isKidOfHotline, lockHotline } from "./store.ts";

/** A person cannot mean more; an urgent one has a count of its own, so that ordinary ones never use it up. */
export const REPORTS_PER_HOUR = { name: "reports", limit: 300, windowSeconds: 3_600 };
export const URGENT_PER_HOUR = { name: "urgent_reports", limit: 300, windowSeconds: 3_600 };

export type Sender = {
  deviceId: string;
  expired: boolean;
  memberId: string;
  member: string;
  hotlineId: string;
  hotline: string;
  publisher: string | null;
};
export type Accepted = { receipt: Uint8Array; created: boolean };

/**
 * @param body - the envelope as it was received
 * @throws ExchangeError what opening a report throws, `device_unknown`, `device_waiting`, `device_revoked`,
 *   `recipients_missing`, `sealed_invalid` (no key of the hotline could open it), `report_conflict`, `rate_limited`
 */
export async function acceptReport(deps: Deps, body: Uint8Array): Promise<Accepted> {
  const kid = parseEnvelope(body, { maxBytes: REPORT_MAX_BYTES }).protectedHeaders[0]?.kid as string;
  const device = await findDeviceByKid(deps, kid);
  if (device === undefined) throw new ExchangeError("device_unknown");
  const { report } = await openReport(body, new Map([[kid, device.signingKey]]));
  const sender = await getSender(deps, device);
  await checkSender(deps, sender, report);
  await takeRate(deps, isUrgent(report) ? URGENT_PER_HOUR : REPORTS_PER_HOUR, sender.deviceId);
  const bodySha256 = await digestOf(body);
  const accepted = await transaction(deps, async (tx) => {
    if (!(await lockHotline(tx, sender.hotlineId))) throw new ExchangeError("recipients_missing");
    const before = await findReport(tx, report.id);
    if (before !== undefined) {
      // The answer may have been lost on its way: the same bytes get the same receipt, other bytes under this id nothing.
      if (before.body_sha256 !== bodySha256) throw new ExchangeError("report_conflict");
      return { receipt: before.receipt, created: false };
    }
    return { receipt: await storeReport(deps, tx, { sender, report, body, bodySha256 }), created: true };
  });
  if (accepted.created && isUrgent(report)) deps.nudgeJobs();
  return accepted;
}

// After the signature: only who holds the key learns that the device was switched off.
async function getSender(deps: Deps, device: FoundDevice): Promise<Sender> {
  if (device.state === "revoked" || device.suspended) throw new ExchangeError("device_revoked");
  if (device.state === "waiting") throw new ExchangeError("device_waiting");
  const hotline = device.hotlineId === undefined ? undefined : await findMemberById(deps, device.hotlineId);
  if (hotline === undefined) throw new ExchangeError("recipients_missing");
  return {
    deviceId: device.deviceId,
    expired: device.expiresAt <= deps.now(),
    memberId: device.memberId,
    member: device.member,
    hotlineId: hotline.id,
    hotline: hotline.title,
    publisher: hotline.publisher,
  };
}

async function checkSender(deps: Deps, sender: Sender, report: Report): Promise<void> {
  if (report.reporter.device_id !== sender.deviceId || report.reporter.member !== sender.member) {
    throw new ExchangeError("report_invalid", { pointers: ["/reporter"] });
  }
  // Any list the hotline ever signed will do: an outbox may be a month old. None at all, and nobody could read it.
  const kids = report.sealed.recipients.map(({ header }) => header.kid);
  if (!(await isKidOfHotline(deps, sender.hotlineId, kids))) {
    if ((await findNewestList(deps, sender.hotlineId)) === undefined) throw new ExchangeError("recipients_missing");
    throw new ExchangeError("sealed_invalid", { reason: "recipient" });
  }
}

type Incoming = { sender: Sender; report: Report; body: Uint8Array; bodySha256: `sha256:${string}` };

async function storeReport(deps: Deps, tx: Tx, { sender, report, body, bodySha256 }: Incoming): Promise<Uint8Array> {
  const now = deps.now();
  const marks = marksOf(report, { now, deviceExpired: sender.expired });
  const filed: Filed = await fileReport(deps, tx, { sender, report, now });
  const receipt: Receipt = {
    schema: "receipt/1",
    report_id: report.id,
    reference: referenceOf(report.id),
    received_at: now.toISOString(),
    body_sha256: bodySha256,
    exchange: deps.config.origin,
    hotline: sender.hotline,
    state: filed.state,
    ...(filed.duplicateOf === undefined ? {} : { duplicate_of: filed.duplicateOf }),
    marks,
    next_step: filed.nextStep,
  };
  // Signed inside the transaction: a report without its receipt would be one that was swallowed.
  const signed = await deps.signer.signReceipt(utf8Of(jcs(receipt)));
  await insertReport(tx, {
    report,
    hotlineId: sender.hotlineId,
    memberId: sender.memberId,
    deviceId: sender.deviceId,
    caseId: filed.caseId ?? null,
    body,
    bodySha256,
    receipt: signed,
    reference: receipt.reference,
    marks,
    duplicateOf: filed.duplicateOf ?? null,
    receivedAt: now,
  });
  await filed.afterInsert(tx);
  await append(tx, {
    at: now,
    actor: { kind: "device", id: sender.deviceId },
    action: "report.received",
    subject: report.id,
    code: filed.state,
  });
  return signed;
}
