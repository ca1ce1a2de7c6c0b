// One post of one signed report, and what its answer is worth: only a receipt that verifies is a "sent".
import { type Bytes, digestOf, findBase64url } from "@breakwater/shared/bytes.ts";
import type { PublicJwk } from "@breakwater/shared/keys.ts";
import { openReceipt, type Receipt } from "@breakwater/shared/receipt.ts";
import { callExchange, type Exchange, Unreachable } from "../enrol/exchange.ts";
import { outcomeOf } from "./answers.ts";
import type { Delivered } from "./deliver.ts";
import type { OutboxItem, Outcome } from "./machine.ts";
import type { HistoryItem } from "./store.ts";

/** 409 may carry the receipt of the same bytes, taken the first time; a conflict with other bytes carries none. */
const MAY_HOLD_RECEIPT = new Set([200, 201, 409]);

export async function postReport(
  item: OutboxItem,
  { exchange, receiptKeys }: { exchange: Exchange; receiptKeys: ReadonlyMap<string, PublicJwk> },
): Promise<Delivered | Outcome> {
  if (item.exchange !== undefined && item.exchange !== exchange.origin) {
    return { kind: "blocked", problem: "other_exchange" };
  }
  const body = findBase64url(item.envelope);
  if (body === undefined) return { kind: "refused", problem: "report_invalid" };
  try {
    const answer = await callExchange(exchange, { method: "POST", path: "/v1/reports", body });
    if (MAY_HOLD_RECEIPT.has(answer.status)) {
      const receipt = await findReceipt(answer.bytes, receiptKeys, { bytes: body, reportId: item.id });
      if (receipt) return { kind: "acknowledged", history: await historyFrom(receipt, item, answer.bytes) };
      if (answer.status !== 409) return { kind: "retry", problem: "receipt_invalid" };
    }
    const { status, retryAfterMs, code, pointers } = answer;
    return outcomeOf({
      status,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(code === undefined ? {} : { code }),
      ...(pointers === undefined ? {} : { fields: pointers }),
    });
  } catch (error) {
    if (error instanceof Unreachable) return { kind: "retry", problem: "offline" };
    throw error;
  }
}

async function findReceipt(
  bytes: Uint8Array,
  keys: ReadonlyMap<string, PublicJwk>,
  body: { bytes: Bytes; reportId: string },
): Promise<Receipt | undefined> {
  try {
    return await openReceipt(bytes, keys, body);
  } catch {
    return undefined; // whatever it is, it is no receipt of ours for these bytes
  }
}

async function historyFrom(receipt: Receipt, item: OutboxItem, bytes: Uint8Array): Promise<HistoryItem> {
  return {
    id: item.id,
    reference: receipt.reference,
    received_at: receipt.received_at,
    hotline: item.hotline,
    urgent: item.urgent,
    state: receipt.state,
    contains: item.contains,
    next_step: receipt.next_step,
    receipt_digest: await digestOf(bytes),
    ...(receipt.duplicate_of ? { duplicate_of: receipt.duplicate_of } : {}),
  };
}
