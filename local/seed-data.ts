// What the demo's sets hold: made up from numbers and drawn pictures, so that every value is synthetic and the same at each start.
import { createHash } from "node:crypto";
import { hexOf } from "@breakwater/shared/bytes.ts";
import { hashPdq } from "@breakwater/shared/pdq/index.ts";
import { toRgba } from "../test/drawings/draw.ts";
import { drawPicture, formatPicture, PICTURES } from "./pictures.ts";

const SYNTHETIC_ITEMS = 60;
const SYNTHETIC_TERMS = 12;
const SYNTHETIC_ADDRESSES = 8;
/** A fixed day: a list that changed with the calendar would be a new release at every start. */
const REVIEWED_ON = "2026-11-02";

const COMMON_ABOUT = {
  stream: "test",
  basis: "Synthetic data: nothing here concerns a person.",
  contact: "desk@hotline.example",
  retention_days: 365,
  act_stale_days: 7,
  keep_stale_days: 90,
  consent_based: false,
  person_linked: false,
};
const VERIFIED = { verification: { level: "two_reviewed", on: REVIEWED_ON, people: 2 }, origin: "synthetic" };

export type SeedSet = {
  set: string;
  kind: "hash" | "term" | "url" | "indicator";
  audience: { tier: "test" | "agreed" | "vetted" | "named"; members?: string[] };
  about: Record<string, unknown>;
  entries: () => Record<string, unknown>[];
};

export const SEED_PUBLISHER = "hotline.example";

export const SEED_SETS: readonly SeedSet[] = [
  {
    set: "verified",
    kind: "hash",
    audience: { tier: "test" },
    about: {
      ...COMMON_ABOUT,
      kind: "hash",
      title: "Verified drawings",
      description:
        "Hashes of drawn pictures and of nothing at all, to try the whole way from a report to a withdrawal.",
      purpose: "To try matching without any imagery.",
      severity: "None: drawings made from formulas.",
      tlp: "GREEN",
      surfaces: ["public_content", "uploads"],
      algs: ["md5", "sha1", "sha256", "pdq"],
      act_distance: 10,
      review_distance: 31,
      quality_floor: 50,
    },
    entries: listHashes,
  },
  {
    set: "terms-en",
    kind: "term",
    audience: { tier: "vetted" },
    about: {
      ...COMMON_ABOUT,
      kind: "term",
      title: "Terms, English",
      description: "Made-up terms that stand for coded language.",
      purpose: "To try term matching without real terms.",
      severity: "None: the terms mean nothing.",
      tlp: "AMBER",
      surfaces: ["search", "public_content"],
      languages: ["en"],
    },
    entries: listTerms,
  },
  {
    set: "adverts",
    kind: "url",
    audience: { tier: "named", members: ["company"] },
    about: {
      ...COMMON_ABOUT,
      kind: "url",
      title: "Advertising pages",
      description: "Addresses under reserved names that lead nowhere.",
      purpose: "To try address matching.",
      severity: "None: the names are reserved and resolve to nothing.",
      tlp: "AMBER+STRICT",
      surfaces: ["public_content", "private_messages"],
    },
    entries: listAddresses,
  },
  {
    set: "trends",
    kind: "indicator",
    audience: { tier: "agreed" },
    about: {
      ...COMMON_ABOUT,
      kind: "indicator",
      title: "What hotlines are seeing",
      description: "Example indicators with made-up figures.",
      purpose: "To show what a trend looks like.",
      severity: "Descriptions of methods in neutral words.",
      tlp: "GREEN",
      surfaces: ["private_messages", "profiles"],
    },
    entries: listIndicators,
  },
];

/** 32 bytes that depend on nothing but the words. */
function digest(words: string): string {
  return createHash("sha256").update(words).digest("hex");
}

function listHashes(): Record<string, unknown>[] {
  const drawn = PICTURES.filter(({ listed }) => listed).flatMap((picture) => {
    const bytes = formatPicture(picture);
    const drawing = drawPicture(picture);
    const { hash, quality, ambiguousBits } = hashPdq(toRgba(drawing), drawing.width, drawing.height);
    const values = ["md5", "sha1", "sha256"].map((alg) => ({
      alg,
      value: createHash(alg).update(bytes).digest("hex"),
    }));
    return describe(picture.name, [
      ...values,
      { alg: "pdq", value: hexOf(hash), quality, ambiguous_bits: ambiguousBits },
    ]);
  });
  const synthetic = Array.from(
    { length: SYNTHETIC_ITEMS },
    (_, n) => `synthetic-${String(n + 1).padStart(4, "0")}`,
  ).flatMap((name) =>
    describe(name, [
      { alg: "md5", value: createHash("md5").update(name).digest("hex") },
      { alg: "sha1", value: createHash("sha1").update(name).digest("hex") },
      { alg: "sha256", value: digest(name) },
      { alg: "pdq", value: digest(`${name} pdq`), quality: 100 },
    ]),
  );
  return [...drawn, ...synthetic];
}

/** One file's hashes, tied together by `item`. */
function describe(name: string, hashes: Record<string, unknown>[]): Record<string, unknown>[] {
  const shared = {
    ...VERIFIED,
    act: "none_visible",
    age: "not_assessed",
    production: "drawn_or_cgi",
    category: "synthetic_test",
    media: "image",
    source_fidelity: "original_bytes",
    human_review: "not_required",
    report_duty: "do_not_report",
    requested_action: "review",
    item: digest(`item ${name}`).slice(0, 32),
  };
  return hashes.map((hash) => ({ ...shared, ...hash }));
}

function listTerms(): Record<string, unknown>[] {
  return Array.from({ length: SYNTHETIC_TERMS }, (_, n) => ({
    ...VERIFIED,
    text: `test-term-${String(n + 1).padStart(4, "0")}`,
    language: "en",
    match: "token",
    context: ["chat", "search"],
    category: "coded_language",
    action: n % 3 === 0 ? "warn_and_signpost" : "review",
    ...(n % 4 === 0
      ? { ambiguity: "high", innocent_meanings: ["A word in a made-up example."] }
      : { ambiguity: "low" }),
    human_review: "required",
  }));
}

function listAddresses(): Record<string, unknown>[] {
  return Array.from({ length: SYNTHETIC_ADDRESSES }, (_, n) => ({
    ...VERIFIED,
    url: n % 2 === 0 ? `https://advert-${n + 1}.example/` : `https://board.example/offer/${n + 1}`,
    scope: n % 2 === 0 ? "host" : "path",
    role: n % 2 === 0 ? "gateway" : "direct",
    category: "synthetic_test",
    status: "active",
    requested_action: "review",
    human_review: "required",
  }));
}

function listIndicators(): Record<string, unknown>[] {
  const common = {
    ...VERIFIED,
    human_review: "required",
    surfaces: ["private_messages", "profiles"],
    confidence: "medium",
    languages: ["en"],
  };
  return [
    {
      ...common,
      key: "example-moving-platform",
      title: "Example: talk is moved to another service within minutes",
      text: "New accounts greet many young users and ask to go on elsewhere.\nA made-up description for the demo.",
      behaviour: "moving_platform",
      actor: "adult_stranger",
      target: "teenager",
      phase: "preparatory",
      stages: ["contact", "isolation"],
      suggested_actions: ["limit_contact", "review"],
      may_be_victim: false,
      benign_explanations: ["Friends who prefer another service."],
      window_hours: 24,
      threshold_hint: { count: 20, measure: "contacts" },
    },
    {
      ...common,
      key: "example-threat-to-publish",
      title: "Example: accounts that suddenly send many small payments",
      text: "Somebody under threat pays in small sums; the account that shows this may be the victim's own.\nA made-up description for the demo.",
      behaviour: "threat_to_publish",
      actor: "unknown",
      target: "teenager",
      phase: "offence",
      stages: ["coercion", "payment"],
      suggested_actions: ["offer_support", "warn_and_signpost"],
      may_be_victim: true,
      benign_explanations: ["Ordinary shopping within a game."],
      figures: [{ from: "2026-10-01", until: "2026-10-31", measure: "reports", suppressed_below: 5, value: null }],
    },
  ];
}
