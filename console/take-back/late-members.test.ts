import { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import { describe, expect, it } from "vitest";
import { listLate } from "./late-members.tsx";

const at = "2026-11-22T09:00:00.000Z";
const digest = `sha256:${"a".repeat(64)}`;
const waiting = (member: string, late: boolean, has = 0) => ({
  member,
  title: `${member} title`,
  has,
  missing: 1,
  last_seen_at: at,
  late,
});

function answer(recallInForce: boolean): AppliedAnswer {
  return AppliedAnswer.parse({
    publisher: "hotline.example",
    set: "verified",
    release: 420,
    recall: 7,
    members: [
      { member: "photos", title: "photos title", release: 419, recall: 7, acknowledged_at: at, last_seen_at: at },
      { member: "video", title: "video title", release: 0, recall: 0, acknowledged_at: null, last_seen_at: at },
    ],
    releases: [
      {
        release: 420,
        digest,
        released_at: at,
        due_at: at,
        applied: 1,
        waiting: [waiting("photos", true), waiting("video", true), waiting("boards", false)],
        purged: null,
      },
      { release: 419, digest, released_at: at, due_at: at, applied: 1, waiting: [waiting("old", true)], purged: null },
    ],
    recalls: [
      {
        recall: 7,
        digest,
        log_index: 5,
        signed_at: at,
        due_at: at,
        in_force: recallInForce,
        applied: 1,
        waiting: [waiting("video", true)],
      },
    ],
    refused: [],
  });
}

describe("the late members", () => {
  it("are each named once, with all that they miss of the newest release and the recalls in force", () => {
    expect(listLate(answer(true)).map(({ member, has, missing }) => [member, has, missing])).toEqual([
      ["video", "Nothing yet", ["recall 7", "release 420"]],
      ["photos", "Release 419", ["release 420"]],
    ]);
  });

  it("are not late with a recall that has ended, and not before the time has passed", () => {
    expect(listLate(answer(false)).map(({ member, missing }) => [member, missing])).toEqual([
      ["photos", ["release 420"]],
      ["video", ["release 420"]],
    ]);
  });
});
