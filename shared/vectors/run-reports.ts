/** Runners of the vectors about reports: report, imagery gate, reported addresses, receipt, assessment and comparison. */

import { type Assessment, compareAssessments, parseAssessment } from "../assessment.ts";
import { findBase64url } from "../bytes.ts";
import { refuseImagery } from "../imagery-gate.ts";
import { type PublicJwk, thumbprint } from "../keys.ts";
import { ExchangeError } from "../problem.ts";
import { openReceipt } from "../receipt.ts";
import { parseReport, type ReportItem } from "../report.ts";
import { defangUrl, digestUrl, parseReportedUrl } from "../reported-url.ts";

/** What each of these formats' vectors give. */
export type ReportGiven = {
  assessment: { assessment: unknown };
  comparison: { first: Assessment; second: Assessment; reported: ReportItem[] };
  imagery: { value: unknown };
  receipt: { receipt: string; keys: PublicJwk[]; body: string; report_id: string };
  report: { payload: unknown };
  reported_url: { url: string; url_key?: string };
};

const utf8 = (text: string) => new TextEncoder().encode(text);

export const REPORT_RUNNERS: { [Format in keyof ReportGiven]: (given: ReportGiven[Format]) => unknown } = {
  assessment: ({ assessment }) => {
    parseAssessment(assessment);
  },
  comparison: ({ first, second, reported }) => {
    const { outcome, confirmed } = compareAssessments(first, second, reported);
    // An outcome, not an error; here it is told by its code like any refusal.
    if (outcome === "hash_not_confirmed") throw new ExchangeError(outcome);
    return { outcome, confirmed: confirmed.map(({ alg, value }) => `${alg}:${value}`) };
  },
  imagery: ({ value }) => refuseImagery(value),
  receipt: async ({ receipt, keys, body, report_id }) => {
    const table = new Map(
      await Promise.all(keys.map(async (jwk) => [(await thumbprint(jwk)) as string, jwk] as const)),
    );
    const { reference, state } = await openReceipt(utf8(receipt), table, { bytes: utf8(body), reportId: report_id });
    return { reference, state };
  },
  report: ({ payload }) => {
    parseReport(payload);
  },
  reported_url: async ({ url, url_key }) => {
    const parsed = parseReportedUrl(url);
    const digest =
      url_key === undefined
        ? {}
        : { url_digest: await digestUrl(findBase64url(url_key) as Uint8Array, parsed.url_canonical) };
    return { ...parsed, defanged: defangUrl(parsed.url), ...digest };
  },
};
