/** What the exchange answers about a set that is being taken back: most members have applied it, two are late. */

import { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";

const MINUTE_MS = 60_000;
const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE_MS).toISOString();
const digest = `sha256:${"a".repeat(64)}`;

const member = (number: number, more: object = {}) => ({
  member: `member-${number}`,
  title: `Member ${number}`,
  release: 420,
  recall: 7,
  acknowledged_at: ago(5),
  last_seen_at: ago(1),
  ...more,
});
const waiting = (name: string, title: string, lastSeen: number) => ({
  member: name,
  title,
  has: 0,
  missing: 1,
  last_seen_at: ago(lastSeen),
  late: true,
});

export const APPLIED = AppliedAnswer.parse({
  publisher: "hotline.example",
  set: "verified",
  release: 420,
  recall: 7,
  members: [
    ...Array.from({ length: 18 }, (_, number) => member(number)),
    member(18, { member: "photos", title: "Photos Example", release: 419 }),
    member(19, { member: "video", title: "Video Example", release: 0, recall: 0, acknowledged_at: null }),
  ],
  releases: [
    {
      release: 420,
      digest,
      released_at: ago(1_500),
      due_at: ago(60),
      applied: 18,
      waiting: [waiting("photos", "Photos Example", 2), waiting("video", "Video Example", 2_900)],
      purged: null,
    },
    {
      release: 419,
      digest,
      released_at: ago(4_000),
      due_at: ago(2_000),
      applied: 20,
      waiting: [],
      purged: { purged_at: ago(1_999), blobs: 14, rows: 800, derived: 0 },
    },
  ],
  recalls: [
    {
      recall: 7,
      digest,
      log_index: 73_894,
      signed_at: ago(1_508),
      due_at: ago(-2_812),
      in_force: true,
      applied: 19,
      waiting: [waiting("video", "Video Example", 2_900)],
    },
  ],
  refused: [{ code: "recall_key_revoked", by: "hotline", times: 3, first_at: ago(90), last_at: ago(80) }],
});

export function takeBackAnswers(): Record<string, { body: unknown }> {
  return { "GET /v1/sets/hotline.example/verified/applied": { body: APPLIED } };
}
