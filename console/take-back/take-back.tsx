/** Take back: how far recalls and releases of the own sets have come, who is late, and which command takes something back. */

import type { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import { AppliedAnswer as AppliedSchema } from "@breakwater/shared/wire/recalls.ts";
import { CatalogueAnswer, type CatalogueRow } from "@breakwater/shared/wire/sets.ts";
import { get } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Chip } from "../parts/chip.tsx";
import { Fault } from "../parts/fault.tsx";
import { Banner, Empty, Loading } from "../parts/notice.tsx";
import { session } from "../session.ts";
import { useLoad } from "../shell/load.ts";
import { go } from "../shell/route.ts";
import { Screen } from "../shell/screen.tsx";
import { LateMembers } from "./late-members.tsx";
import { Stage } from "./stage.tsx";

/** A recall reaches whoever is there within a minute. */
const REFRESH_MS = 10_000;

async function loadOwnSets(publisher: string): Promise<CatalogueRow[]> {
  const rows: CatalogueRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await get(`/v1/sets${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, CatalogueAnswer);
    rows.push(...page.sets.filter((row) => row.publisher === publisher && row.release > 0));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return rows;
}

export function TakeBack({ set }: { set: string }) {
  const publisher = session.value?.member.publisher ?? "";
  const sets = useLoad("take-back", () => loadOwnSets(publisher));
  const chosen = sets.value?.find((row) => row.set === set) ?? sets.value?.[0];
  return (
    <Screen
      title="Take back"
      aside={chosen ? <span class="id">{`${chosen.publisher}/${chosen.set}`}</span> : undefined}
      lead={<p class="quiet-text">Who has applied what, as members have acknowledged it. It refreshes by itself.</p>}
    >
      {sets.error ? <Fault error={sets.error} again={sets.reload} /> : null}
      {!sets.value && !sets.error ? <Loading what="your sets" /> : null}
      {sets.value && sets.value.length === 0 ? (
        <Empty fact="Your organisation has published nothing yet." next="Once it has, every copy shows here." />
      ) : null}
      {sets.value && sets.value.length > 1 ? (
        <p class="line-up">
          {sets.value.map((row) => (
            <Button key={row.set} small pressed={row.set === chosen?.set} onPress={() => go(`take-back/${row.set}`)}>
              {row.set}
            </Button>
          ))}
        </p>
      ) : null}
      {chosen ? <SetProgress key={chosen.set} publisher={chosen.publisher} set={chosen.set} /> : null}
    </Screen>
  );
}

function SetProgress({ publisher, set }: { publisher: string; set: string }) {
  const path = `/v1/sets/${publisher}/${set}/applied`;
  const applied = useLoad(`applied:${set}`, () => get(path, AppliedSchema), REFRESH_MS);
  const answer = applied.value;
  return (
    <>
      {applied.error ? <Fault error={applied.error} again={applied.reload} /> : null}
      {!answer && !applied.error ? <Loading what="who has it" /> : null}
      {answer ? <Applied answer={answer} /> : null}
      <HowTo set={set} />
    </>
  );
}

function Applied({ answer }: { answer: AppliedAnswer }) {
  const inForce = answer.recalls.filter((recall) => recall.in_force);
  return (
    <>
      {answer.refused.map((one) => (
        <Banner tone="caution" key={`${one.code}:${one.by}`}>
          <p>
            <b>
              A recall of this set was refused {one.times === 1 ? "once" : `${one.times} times`}, brought by {one.by}.
            </b>{" "}
            If it was not yours, a key may be in other hands: look with <code>breakwater monitor</code>.{" "}
            <small>{one.code}</small>
          </p>
        </Banner>
      ))}
      <section class="card">
        <div class="line-up apart">
          <h2>Progress</h2>
          {inForce.length > 0 ? (
            <Chip shape="minus" tone="caution">{`Recall ${inForce.map(({ recall }) => recall).join(", ")}`}</Chip>
          ) : null}
        </div>
        {answer.members.length === 0 ? (
          <Empty fact="Nobody has fetched this set yet." next="A member counts once it has fetched anything of it." />
        ) : (
          <div>
            {answer.recalls.map((recall) => (
              <Stage key={`recall-${recall.recall}`} kind="recall" row={recall} number={recall.recall} />
            ))}
            {answer.releases.map((release) => (
              <Stage key={`release-${release.release}`} kind="release" row={release} number={release.release} />
            ))}
          </div>
        )}
      </section>
      <LateMembers answer={answer} />
    </>
  );
}

function HowTo({ set }: { set: string }) {
  return (
    <section class="card">
      <h2>To take something back</h2>
      <p>
        It is done with the command, on the machine that holds your profile. It asks before it does anything, recalls at
        once, withdraws next, and goes on where it stopped.
      </p>
      <p>
        <code>breakwater take-back {set} --release N --reason bad_batch</code>
      </p>
      <p class="small quiet-text">
        Or name entries with <code>--entry ID</code>; <code>--erase</code> also destroys old files.
      </p>
    </section>
  );
}
