// From a draft to the bytes that are sent: the clear part, the part sealed to the hotline, the device's signature.
import { hexOf, utf8Of } from "@breakwater/shared/bytes.ts";
import { parseUuidV7 } from "@breakwater/shared/ids.ts";
import type { RecipientList } from "@breakwater/shared/recipients.ts";
import {
  GOOD_FAITH_VERSION,
  parseReport,
  type Report,
  type ReportItem,
  signReport,
} from "@breakwater/shared/report.ts";
import { type SealedContent, sealFor } from "@breakwater/shared/sealed.ts";
import type { Enrolment } from "../enrol/enrolment.ts";
import { type DeviceKey, signingKey } from "../keys/device.ts";
import type { Draft } from "./draft.ts";

export type Signer = {
  enrolment: Enrolment;
  device: DeviceKey;
  recipients: RecipientList;
  urlKey: CryptoKey;
  client: Report["client"];
  language: string;
  nowMs: number;
};

export type Composed = {
  report: Report;
  /** What the sealed part says, for the person who writes it; it is not in `report` in this form. */
  sealedContent: SealedContent;
};

/** As {@link digestUrl} in shared, by a key that cannot be read. */
export async function digestAddress(urlKey: CryptoKey, urlCanonical: string): Promise<string> {
  return hexOf(new Uint8Array(await crypto.subtle.sign("HMAC", urlKey, utf8Of(urlCanonical))));
}

export function sealedContentOf({ addresses, answers }: Draft): SealedContent {
  const explanation = answers.explanation.trim();
  const [service, handle] = [answers.account_service.trim(), answers.account_handle.trim()];
  const hint = answers.child_location_hint.trim();
  return {
    locations: addresses.map(({ url, url_canonical }) => ({ url, url_canonical })),
    ...(explanation ? { explanation } : {}),
    ...(service && handle ? { accounts: [{ service, handle, relation: "unknown" as const }] } : {}),
    ...(hint ? { child_location_hint: hint } : {}),
  };
}

function urgencyOf({ answers }: Draft): Report["urgency"] {
  return answers.danger === "yes" ? "immediate_danger" : "standard";
}

/** The item's own address where it has one on the web, else the page that shows it. */
function locationOf({ addresses }: Draft): number {
  return Math.max(
    0,
    addresses.findIndex(({ role }) => role === "media"),
  );
}

export function itemsOf(draft: Draft): ReportItem[] {
  const { reading } = draft;
  if (reading?.outcome !== "read" || draft.address_only || draft.addresses.length === 0) return [];
  const drawn = reading.fidelity === "rendered";
  return [
    {
      // Told apart from the report's own id on purpose: a picture may be joined, a report not.
      item_id: uuidFrom(draft.id),
      media_type: reading.media_type,
      ...(drawn ? {} : { mime: reading.mime, byte_length: reading.byte_length }),
      ...(reading.width > 0 && reading.height > 0 ? { width: reading.width, height: reading.height } : {}),
      hashes: reading.hashes,
      acquisition: {
        method: drawn ? "rendered_crop" : "page_cache_read",
        source_fidelity: reading.fidelity,
        ...(drawn ? { occluded: reading.covered ?? false } : {}),
        ...(reading.animated ? { first_frame_only: true } : {}),
      },
      location_ref: locationOf(draft),
    },
  ];
}

/** One item a report, so that its id may follow from the report's: made twice, it is the same. */
function uuidFrom(reportId: string): string {
  return `${reportId.slice(0, 14)}7${reportId.slice(15, 35)}${reportId.endsWith("0") ? "1" : "0"}`;
}

export async function compose(draft: Draft, signer: Signer): Promise<Composed> {
  const { answers } = draft;
  const sealedContent = sealedContentOf(draft);
  const { sealed, sealed_digest } = await sealFor(signer.recipients.recipients, sealedContent);
  const locations = await Promise.all(
    draft.addresses.map(async ({ role, domain, redacted, url_canonical }) => ({
      role,
      domain,
      url_digest: await digestAddress(signer.urlKey, url_canonical),
      ...(redacted ? { redacted } : {}),
    })),
  );
  const report = parseReport({
    schema: "report/1",
    id: parseUuidV7(draft.id),
    created_at: new Date(signer.nowMs).toISOString(),
    // A clock that was set back between the click and now must not make the second precede the first.
    observed_at: new Date(Math.min(draft.started_at, signer.nowMs)).toISOString(),
    observed_precision: "minute",
    client: signer.client,
    reporter: { member: signer.enrolment.member, device_id: signer.enrolment.device_id, role: "flagger" },
    test: false,
    ...(draft.supersedes ? { supersedes: draft.supersedes } : {}),
    report_kind: answers.kind,
    urgency: urgencyOf(draft),
    ...(answers.danger === "yes" && answers.called ? { immediate: { emergency_called: answers.called } } : {}),
    ...(answers.basis ? { basis: answers.basis } : {}),
    ...(answers.age ? { age: answers.age } : {}),
    ...(answers.production ? { production: answers.production } : {}),
    good_faith: { accepted: answers.good_faith, version: GOOD_FAITH_VERSION },
    jurisdiction: { observer_country: answers.country },
    language: signer.language,
    sharing: answers.hash_only ? "hotline_only" : "exchange_members",
    locations,
    items: itemsOf(draft),
    sealed,
    sealed_digest,
  });
  return { report, sealedContent };
}

/** Signs exactly what was reviewed: the composed report, not the draft again. */
export async function sign({ report }: Composed, device: DeviceKey): Promise<Uint8Array<ArrayBuffer>> {
  return signReport(report, signingKey(device));
}
