/** Valid documents to start a test from: made-up names, drawn pictures, `test-term-0001`. */

import { type About, parseAbout } from "../about.ts";
import { hexOf } from "../bytes.ts";
import { type ComposedRelease, type ComposeInput, composeRelease } from "../compose.ts";
import { checkEntry, type EntryByKind } from "../entries/index.ts";
import { type OpenedRelease, openRelease, signRelease } from "../release.ts";
import { type OpenedRoot, openRoot, type Root, signRoot } from "../root.ts";
import type { SetKind } from "../vocab/sets.ts";
import { type FixedKey, fixedKey, fixedRandom } from "./keys.ts";

export const NOW = 1_795_338_000;
export const PUBLISHER = "hotline.example";
export const SET = "verified";
export const LOG = "exchange.example/log1";

export type ExamplePublisher = { root1: FixedKey; root2: FixedKey; release: FixedKey; spare: FixedKey };

export async function exampleKeys(): Promise<ExamplePublisher> {
  const [root1, root2, release, spare] = await Promise.all(["root 1", "root 2", "release", "spare"].map(fixedKey));
  return { root1, root2, release, spare } as ExamplePublisher;
}

/** A root of one root key and one release key. */
export function exampleRoot(keys: Pick<ExamplePublisher, "root1" | "release">, changes: Partial<Root> = {}): Root {
  const { root1, release } = keys;
  return {
    exp: NOW + 300 * 86_400,
    iat: NOW,
    keys: { [root1.kid]: root1.publicJwk, [release.kid]: release.publicJwk },
    logs: [LOG],
    prev: null,
    publisher: PUBLISHER,
    roles: { release: { kids: [release.kid], threshold: 1 }, root: { kids: [root1.kid], threshold: 1 } },
    version: 1,
    ...changes,
  } as Root;
}

export async function exampleOpenedRoot(keys: ExamplePublisher): Promise<OpenedRoot> {
  return openRoot(await signRoot(exampleRoot(keys), [keys.root1]));
}

const ABOUT_BASE = {
  stream: "test",
  title: "Practice set",
  description: "Hashes of drawings, for trying things out.",
  purpose: "To try the exchange without any real material.",
  basis: "Made-up data; no basis is needed.",
  tlp: "CLEAR",
  contact: "desk@hotline.example",
  severity: "None: drawings and made-up words.",
  surfaces: ["uploads", "public_content"],
  retention_days: 365,
  act_stale_days: 7,
  keep_stale_days: 90,
  consent_based: false,
  person_linked: false,
};

const ABOUT_BY_KIND: Record<SetKind, object> = {
  hash: {
    kind: "hash",
    algs: ["md5", "pdq", "sha1", "sha256"],
    act_distance: 16,
    review_distance: 31,
    quality_floor: 60,
  },
  term: { kind: "term", languages: ["en"] },
  url: { kind: "url" },
  indicator: { kind: "indicator", languages: ["en"] },
};

export function exampleAbout(kind: SetKind = "hash", changes: object = {}): About {
  return parseAbout({ ...ABOUT_BASE, ...ABOUT_BY_KIND[kind], ...changes });
}

const VERIFICATION = { level: "two_reviewed", on: "2026-11-22", people: 2 };
const ENTRY_BASE = { id: "00112233445566778899aabbccddeeff", human_review: "recommended", verification: VERIFICATION };

const ENTRY_BY_KIND: { [Kind in SetKind]: object } = {
  hash: {
    act: "none_visible",
    age: "not_assessed",
    alg: "sha256",
    category: "synthetic_test",
    media: "image",
    origin: "synthetic",
    production: "drawn_or_cgi",
    report_duty: "do_not_report",
    requested_action: "review",
    source_fidelity: "original_bytes",
    value: "88ec8ac1f1d2b3a49586776859403122314a5b6c7d8e9fa0b1c2d3e4f5069a24",
  },
  term: {
    action: "review",
    ambiguity: "low",
    category: "coded_language",
    context: ["chat", "search"],
    language: "en",
    match: "phrase",
    text: "test-term-0001",
  },
  url: {
    category: "advert_or_gateway",
    requested_action: "review",
    role: "gateway",
    scope: "exact",
    status: "active",
    url: "https://forum.example/t/1042",
  },
  indicator: {
    key: "moving-platform-2026",
    actor: "unknown",
    behaviour: "moving_platform",
    benign_explanations: ["Friends who change to another service together."],
    confidence: "medium",
    may_be_victim: true,
    phase: "preparatory",
    stages: ["contact", "isolation"],
    suggested_actions: ["offer_support", "review"],
    surfaces: ["private_messages"],
    target: "teenager",
    text: "Accounts ask within the first minutes to go on elsewhere.\nThe reason given is a fault of the service.",
    title: "Moving talk to another service",
  },
};

/** An entry of a kind as a plain value that a test may break. */
export function exampleEntryValue(kind: SetKind, changes: object = {}): Record<string, unknown> {
  return { ...ENTRY_BASE, ...ENTRY_BY_KIND[kind], ...changes };
}

export function exampleEntry<Kind extends SetKind>(kind: Kind, changes: object = {}): EntryByKind[Kind] {
  return checkEntry(kind, exampleEntryValue(kind, changes));
}

/** A hash entry with an id and value of its own for every number. */
export function numberedHashEntry(number: number): EntryByKind["hash"] {
  const random = fixedRandom(number * 7919 + 17);
  return exampleEntry("hash", { id: hexOf(random(16)), value: hexOf(random(32)) });
}

export type ExampleRelease = ComposedRelease & { envelope: Uint8Array<ArrayBuffer>; opened: OpenedRelease };

/** Compose, sign and open a release of the example set. */
export async function exampleRelease(
  keys: ExamplePublisher,
  root: OpenedRoot,
  input: Partial<ComposeInput> = {},
): Promise<ExampleRelease> {
  const composed = await composeRelease({
    entries: new Map(),
    changes: [],
    about: exampleAbout(),
    publisher: PUBLISHER,
    set: SET,
    rootVersion: root.root.version,
    now: NOW,
    random: fixedRandom(42),
    ...input,
  });
  const envelope = await signRelease(composed.statement, [keys.release]);
  return { ...composed, envelope, opened: await openRelease(envelope, root) };
}
