/** One case: what was reported, what this assessor found, and nothing of the other one's answer before both are saved. */

import { REJECTION_REASONS, UNVERIFIABLE_REASONS } from "@breakwater/shared/vocab/index.ts";
import { Case } from "@breakwater/shared/wire/hotline.ts";
import { useEffect, useState } from "preact/hooks";
import { act, get } from "../api.ts";
import { resealForColleagues } from "../keys/reseal.ts";
import { Button } from "../parts/button.tsx";
import { StateChip } from "../parts/chip.tsx";
import { Fault } from "../parts/fault.tsx";
import { Banner, ErrorSummary, Loading } from "../parts/notice.tsx";
import { casesOpened, endedWhileAway } from "../session.ts";
import { useKeys } from "../shell/keyboard.ts";
import { useLoad } from "../shell/load.ts";
import { go } from "../shell/route.ts";
import { Screen } from "../shell/screen.tsx";
import { Addresses } from "./addresses.tsx";
import { AssessmentForm } from "./assessment-form.tsx";
import { BothAnswers } from "./both-answers.tsx";
import { type OpenedReport, openReport } from "./decrypt.ts";
import { missing } from "./draft.ts";
import { HashesCard } from "./hashes-card.tsx";
import { HashesDialog } from "./hashes-dialog.tsx";
import { ReasonDialog } from "./reason-dialog.tsx";
import { JoinedReports, Steps } from "./reports-card.tsx";
import { draftKept, saveAssessment, useDraft } from "./save.ts";

const WHY_NOT: Record<string, string> = {
  already_assessed: "You have assessed this case. Another person gives the second assessment.",
  case_closed: "This case is closed.",
  case_known: "Already listed. Nobody needs to look again.",
  not_an_assessor: "Your role does not assess cases.",
  taken: "Somebody else has taken this case. It comes back to the queue when they return it.",
};

const SCORE_WORDS: Record<string, string> = {
  immediate_danger: "immediate danger",
  new_and_young: "new and young band",
  severe_act: "severe act",
  livestream: "livestream",
  identifying_clue: "identifying clue",
  public_and_rising: "public and rising",
  login_walled: "behind a login",
  known_hash: "known hash",
  accredited_flagger: "trusted flagger",
};

function scoreWords(view: Case): string {
  const parts = view.score_parts.map(
    ({ code, points }) => `${SCORE_WORDS[code] ?? code.replaceAll("_", " ")} ${points}`,
  );
  return `P${view.priority}, ${view.score} points${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
}

type Open = "hashes" | "reject" | "unverifiable" | undefined;

async function leave(to: string): Promise<void> {
  await draftKept();
  go(to);
}

export function CaseScreen({ number }: { number: number }) {
  const loaded = useLoad<Case>(`case:${number}`, () => get(`/v1/hotline/cases/${number}`, Case));
  const view = loaded.value;
  const [opened, setOpened] = useState<OpenedReport[]>([]);
  const [open, setOpen] = useState<Open>();
  const [tried, setTried] = useState(false);
  const [saving, setSaving] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const [said, setSaid] = useState("");
  const { draft, change, layHashes, clear } = useDraft(number);

  useEffect(() => {
    casesOpened.value = new Set([...casesOpened.value, number]);
  }, [number]);
  useEffect(() => {
    if (!view) return;
    Promise.all(view.reports.map(openReport)).then(setOpened, setFailed);
    // A colleague who cannot be served now is served by the agent or at the next visit.
    resealForColleagues(number).catch(() => undefined);
  }, [view, number]);

  // A session that ended leaves typed words on the screen and takes away what only a signed-in person may read.
  const readable = endedWhileAway.value ? [] : opened;
  const faults = view ? missing(draft, view.items) : [];
  async function run(doIt: () => Promise<unknown>): Promise<void> {
    setFailed(undefined);
    try {
      await doIt();
    } catch (refusal) {
      setFailed(refusal);
    }
  }
  const save = () =>
    run(async () => {
      if (!view?.you_may_assess || saving) return;
      setTried(true);
      if (faults.length > 0) return;
      setSaving(true);
      try {
        setSaid(await saveAssessment(number, draft));
        await clear();
        setTried(false);
        await loaded.reload();
      } finally {
        setSaving(false);
      }
    });
  const giveBack = () =>
    run(async () => {
      await act("POST", `/v1/hotline/cases/${number}/return`, {});
      go("queue");
    });
  const closeWith = (how: "reject" | "unverifiable") => async (reason: string) => {
    await act("POST", `/v1/hotline/cases/${number}/${how}`, { reason });
    setSaid(how === "reject" ? "Rejected. The flagger sees the reason code." : "Noted as not verifiable.");
    await loaded.reload();
  };
  const mayAct = view?.you_may_assess ?? false;
  // A dialog tells that it is closed a moment later: by then a key may have opened the next one.
  const closed = (which: Open) => () => setOpen((was) => (was === which ? undefined : was));
  useKeys({
    "ctrl+Enter": save,
    h: () => mayAct && setOpen("hashes"),
    x: () => mayAct && setOpen("reject"),
    u: () => mayAct && setOpen("unverifiable"),
    r: giveBack,
    c: () => document.querySelector<HTMLElement>("[data-copy] button")?.focus(),
    "[": () => leave(`case/${number - 1}`),
    "]": () => leave(`case/${number + 1}`),
    Escape: () => leave("queue"),
  });

  if (!view) {
    return (
      <Screen title={`Case ${number}`}>
        {loaded.error ? <Fault error={loaded.error} again={loaded.reload} /> : <Loading what="the case" />}
      </Screen>
    );
  }
  return (
    <Screen
      title={`Case ${number}`}
      aside={<StateChip state={view.state} />}
      lead={<p class="quiet-text small">{scoreWords(view)}</p>}
    >
      {said ? (
        <Banner tone="good">
          <p>
            <b>{said}</b>
          </p>
        </Banner>
      ) : null}
      {mayAct && view.stage === "third" ? (
        <Banner tone="info">
          <p>
            <b>Two answers differ. You decide.</b> Neither is shown before you save. Assess from the source, not from
            this page.
          </p>
        </Banner>
      ) : null}
      {mayAct && view.stage === "second" ? (
        <Banner tone="info">
          <p>
            <b>You are the second assessor.</b> What the first one decided stays hidden until you save. Assess from the
            source, not from this page.
          </p>
        </Banner>
      ) : null}
      {!mayAct && view.why_not ? (
        <Banner>
          <p>
            <b>{WHY_NOT[view.why_not] ?? "This case takes no assessment now."}</b>
          </p>
        </Banner>
      ) : null}
      {failed ? <Fault error={failed} /> : null}
      {tried && faults.length > 0 ? (
        <ErrorSummary
          title={`Not saved yet: ${faults.length} ${faults.length === 1 ? "answer is" : "answers are"} missing.`}
          faults={faults}
        />
      ) : null}
      <div class="two">
        <div class="stack">
          <Addresses number={number} opened={readable} />
          <HashesCard items={view.items} draft={draft} mayAdd={mayAct} onAdd={() => setOpen("hashes")} />
          <JoinedReports opened={readable} />
          <Steps steps={view.steps} />
        </div>
        <div class="stack">
          {mayAct ? <AssessmentForm draft={draft} change={change} tried={tried} /> : null}
          {view.assessments.length > 0 ? <BothAnswers view={view} /> : null}
        </div>
      </div>
      <div class="actions">
        {mayAct ? (
          <>
            <Button look="primary" keys="Ctrl ↵" busy={saving ? "Saving…" : false} onPress={save}>
              Save assessment
            </Button>
            <Button keys="U" onPress={() => setOpen("unverifiable")}>
              Could not verify…
            </Button>
            <Button keys="X" onPress={() => setOpen("reject")}>
              Reject…
            </Button>
          </>
        ) : null}
        <Button look="plain" keys="R" onPress={giveBack}>
          Back to the queue
        </Button>
      </div>
      {open === "hashes" ? (
        <HashesDialog onFiles={(files) => layHashes(view.items, files)} onClose={closed("hashes")} />
      ) : null}
      {open === "reject" ? (
        <ReasonDialog
          title={`Reject case ${number}`}
          explain="The case closes and nothing is listed. The flagger sees the reason code."
          verb="Reject the case"
          reasons={REJECTION_REASONS}
          onReason={closeWith("reject")}
          onClose={closed("reject")}
        />
      ) : null}
      {open === "unverifiable" ? (
        <ReasonDialog
          title={`Case ${number} could not be verified`}
          explain="Nothing is listed. The case can be looked at again once."
          verb="Note as not verifiable"
          reasons={UNVERIFIABLE_REASONS}
          onReason={closeWith("unverifiable")}
          onClose={closed("unverifiable")}
        />
      ) : null}
    </Screen>
  );
}
