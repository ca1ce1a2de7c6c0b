/** The payload of a stored report: verified when it was taken, so here it is only read again. */
import { findBase64url, findUtf8 } from "@breakwater/shared/bytes.ts";
import { Report } from "@breakwater/shared/report.ts";

/** @returns null once retention removed the body */
export function readPayload(body: Uint8Array | null): Report | null {
  if (body === null) return null;
  const envelope = JSON.parse(findUtf8(body) ?? "") as { payload: string };
  const payload = findUtf8(findBase64url(envelope.payload) ?? new Uint8Array());
  return Report.parse(JSON.parse(payload ?? ""));
}
