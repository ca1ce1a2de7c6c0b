// What became of sent reports: the exchange answers the reporting device with a state, coded, and nothing else.
import { ReportStatus } from "@breakwater/shared/wire/hotline.ts";
import { z } from "zod";
import { callExchange, type Exchange, Unreachable } from "../enrol/exchange.ts";
import type { DeviceKey } from "../keys/device.ts";
import type { HistoryItem, OutboxStore } from "./store.ts";

// Read with tolerance: a newer exchange may say more.
const { state, outcome_code } = ReportStatus.shape;
const Status = z.object({ state, outcome_code });
/** As many as one asks about at a time; older ones have mostly settled. */
export const NEWS_MAX_REPORTS = 20;
const SETTLED = new Set(["withdrawn", "closed_test"]);

export async function refreshHistory(
  store: OutboxStore,
  { exchange, device }: { exchange: Exchange; device: DeviceKey },
): Promise<{ reached: boolean }> {
  const open = (await store.history()).filter(({ state }) => !SETTLED.has(state)).slice(0, NEWS_MAX_REPORTS);
  for (const item of open) {
    const change = await askOne(item, { exchange, device });
    if (change === "unreachable") return { reached: false };
    if (change) await store.recordHistory({ ...item, ...change });
  }
  return { reached: true };
}

async function askOne(
  item: HistoryItem,
  { exchange, device }: { exchange: Exchange; device: DeviceKey },
): Promise<Pick<HistoryItem, "state" | "outcome_code"> | "unreachable" | undefined> {
  try {
    const path = `/v1/reports/${item.id}`;
    const answer = await callExchange(exchange, { method: "GET", path, device });
    if (answer.status !== 200) return undefined;
    const { state, outcome_code } = Status.parse(JSON.parse(new TextDecoder().decode(answer.bytes)));
    return { state, ...(outcome_code ? { outcome_code } : {}) };
  } catch (error) {
    if (error instanceof Unreachable) return "unreachable";
    return undefined; // an answer that does not fit changes nothing that is held
  }
}
