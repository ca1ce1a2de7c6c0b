/** Opens what only the hotline can read, in this browser; what cannot be opened yet is said so, never hidden. */
import { type OpenedSeal, openSealed, type SealedContent } from "@breakwater/shared/sealed.ts";
import type { CaseReport } from "@breakwater/shared/wire/hotline.ts";
import { sealingKey } from "../keys/sealing.ts";

export type OpenedReport = { report: CaseReport; plain: SealedContent | undefined };

/** Tries the report's own seal first, then the copy that a colleague or the agent made for this key. */
export async function unseal(report: CaseReport): Promise<OpenedSeal | undefined> {
  // Retention removed what the report said: there is nothing left to open.
  if (!report.payload) return undefined;
  const key = await sealingKey();
  for (const jwe of [report.payload.sealed, report.seal]) {
    if (jwe === undefined || jwe === null) continue;
    try {
      return await openSealed(jwe, key.privateKey, key.kid, report.payload.sealed_digest);
    } catch {
      // Not sealed to this key: the next copy may be. None at all is shown as waiting for the agent.
    }
  }
  return undefined;
}

export async function openReport(report: CaseReport): Promise<OpenedReport> {
  return { report, plain: (await unseal(report))?.content };
}
