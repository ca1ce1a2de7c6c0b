/** Keeping a half-written assessment, and saving it: the note is encrypted to the hotline before it leaves the browser. */
import { AssessmentAnswer } from "@breakwater/shared/wire/hotline.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import { post } from "../api.ts";
import { sealNote } from "../keys/note.ts";
import { dropDraft, keepDraft, readDraft } from "../keys/vault.ts";
import { session } from "../session.ts";
import { assessedHashes, type Draft, type DraftItem, EMPTY_DRAFT, layFiles } from "./draft.ts";
import type { SourceFile } from "./source-hashes.ts";

/** One name a person: whoever assesses second, at the same desk, must not find the first one's half-written answer. */
function draftName(number: number): string {
  const person = session.value?.person.id;
  if (!person) throw new Error("nobody is signed in");
  return `case:${number}:${person}`;
}

// One write after the other, and before any read: a late one must not bring back a draft that was saved and dropped, and
// a case that is opened again at once must find what was just typed.
let writing: Promise<unknown> = Promise.resolve();

/** Longer than any write takes; a browser that keeps nothing does not hold its user on the screen. */
const LEAVE_WAIT_MS = 2000;

/** Settles once the last letter is kept: who leaves by a key and reloads at once loses nothing. */
export async function draftKept(): Promise<void> {
  const patience = new Promise((resolve) => setTimeout(resolve, LEAVE_WAIT_MS));
  await Promise.race([writing.catch(() => undefined), patience]);
}

export function useDraft(number: number) {
  const [name] = useState(() => draftName(number));
  const [draft, setDraft] = useState<Draft>(EMPTY_DRAFT);
  const unkept = useRef<Draft>(undefined);
  async function write(): Promise<void> {
    const next = unkept.current;
    unkept.current = undefined;
    if (next) await keepDraft(name, next);
  }
  useEffect(() => {
    const held = writing.catch(() => undefined).then(() => readDraft<Draft>(name));
    held.then(
      (kept) => kept && setDraft(kept),
      // One that cannot be read is none. Its error is not logged: it could quote what was written.
      () => undefined,
    );
  }, [name]);
  // At once, the newest after the one that is being written: a wait would be lost to a reload.
  function keep(next: Draft): void {
    unkept.current = next;
    writing = writing.catch(() => undefined).then(write);
  }
  function update(make: (was: Draft) => Draft): void {
    setDraft((was) => {
      const next = make(was);
      keep(next);
      return next;
    });
  }
  return {
    draft,
    change: (part: Partial<Draft>) => update((was) => ({ ...was, ...part })),
    layHashes: (items: DraftItem[], files: SourceFile[]) =>
      update((was) => ({ ...was, hashes: { ...was.hashes, ...layFiles(items, files) } })),
    clear: async () => {
      unkept.current = undefined;
      setDraft(EMPTY_DRAFT);
      await writing.catch(() => undefined);
      await dropDraft(name);
    },
  };
}

const OUTCOMES: Record<string, string> = {
  agree: "Both agree. Ready to publish.",
  disagree: "Answers differ. A third person decides; you need do nothing.",
  hash_not_confirmed: "Hashes differ. Nothing can be listed from this case.",
};

/** @returns what is now true, in one sentence */
export async function saveAssessment(number: number, draft: Draft): Promise<string> {
  const answer = await post(
    `/v1/hotline/cases/${number}/assessments`,
    {
      verdict: draft.verdict,
      act: draft.act,
      age: draft.age,
      production: draft.production,
      flags: draft.flags,
      hashes: assessedHashes(draft),
      ...(draft.note.trim() ? { note_sealed: await sealNote(draft.note.trim()) } : {}),
    },
    AssessmentAnswer,
  );
  if (answer.comparison === null) return "Saved. Another person assesses it next.";
  return OUTCOMES[answer.comparison] ?? "Saved.";
}
