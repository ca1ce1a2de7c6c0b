/** One set: what it is for, who signs it, and its newest release as its publisher signed it. */

import { showWords } from "@breakwater/shared/shown-text.ts";
import { SetAnswer } from "@breakwater/shared/wire/sets.ts";
import { get } from "../api.ts";
import { Fault } from "../parts/fault.tsx";
import { Empty, Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { formatTime } from "../parts/time.ts";
import { hasRole } from "../session.ts";
import { useLoad } from "../shell/load.ts";
import { Screen } from "../shell/screen.tsx";
import { custodyWords, SetChip } from "./catalogue.tsx";
import { Opinions } from "./opinions.tsx";
import { type ReleaseFacts, readRelease } from "./release-facts.ts";

const RELEASES_SHOWN = 10;

async function loadReleases(publisher: string, set: string, newest: number): Promise<ReleaseFacts[]> {
  const numbers = Array.from({ length: Math.min(RELEASES_SHOWN, newest) }, (_, back) => newest - back);
  return Promise.all(numbers.map((number) => readRelease(`/v1/sets/${publisher}/${set}/releases/${number}`)));
}

const ABOUT_LABELS: Record<string, string> = {
  description: "Description",
  purpose: "Purpose",
  basis: "Lawful basis",
  tlp: "Handling",
  severity_line: "Severity line",
  contact: "Contact",
  act_stale_days: "Acts on a stale copy for (days)",
  keep_stale_days: "Keeps a stale copy for (days)",
  act_distance: "Act distance (bits)",
  review_distance: "Review distance (bits)",
};

function aboutText(value: unknown): string | undefined {
  if (typeof value === "string") return showWords(value);
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return showWords(value.map(String).join(", "));
  return undefined;
}

export function SetScreen({ publisher, set }: { publisher: string; set: string }) {
  const answer = useLoad(`set:${publisher}/${set}`, () => get(`/v1/sets/${publisher}/${set}`, SetAnswer));
  const row = answer.value;
  const releases = useLoad(`releases:${publisher}/${set}:${row?.release ?? 0}`, async () =>
    row ? loadReleases(publisher, set, row.release) : [],
  );
  if (!row) {
    return (
      <Screen title="Set">
        {answer.error ? <Fault error={answer.error} again={answer.reload} /> : <Loading what="the set" />}
      </Screen>
    );
  }
  const facts = Object.entries(ABOUT_LABELS).flatMap(([name, label]) => {
    const text = aboutText(row.about?.[name]);
    return text === undefined ? [] : [[label, text] as const];
  });
  return (
    <Screen
      title={showWords(row.title ?? row.set)}
      aside={<SetChip row={row} />}
      lead={
        <p class="quiet-text">
          <span class="id">
            {row.publisher}/{row.set}
          </span>{" "}
          · {row.entries.toLocaleString("en")} entries · signed with the {custodyWords(row.custody)}
        </p>
      }
    >
      <div class="two">
        <section class="card">
          <h2>Releases</h2>
          {releases.error ? <Fault error={releases.error} again={releases.reload} /> : null}
          {row.release === 0 ? (
            <Empty fact="No release yet." next="The first one appears here once it is signed." />
          ) : null}
          {releases.value && releases.value.length > 0 ? (
            <Scroll name="Releases">
              <table class="table cards">
                <caption class="visually-hidden">Releases, newest first</caption>
                <thead>
                  <tr>
                    <th scope="col">Release</th>
                    <th scope="col">Signed</th>
                    <th scope="col">Ends</th>
                    <th scope="col">Root</th>
                    <th scope="col">Signed by</th>
                  </tr>
                </thead>
                <tbody>
                  {releases.value.map((release) => (
                    <tr key={release.release}>
                      <th scope="row" class="num">
                        {release.release}
                      </th>
                      <td class="num" data-label="Signed">
                        {formatTime(new Date(release.iat * 1000))}
                      </td>
                      <td class="num" data-label="Ends">
                        {formatTime(new Date(release.exp * 1000))}
                      </td>
                      <td class="num" data-label="Root">
                        {release.root}
                      </td>
                      <td data-label="Signed by">
                        <span class="id">{release.kids.map((kid) => `${kid.slice(0, 8)}…`).join(", ")}</span>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          ) : null}
        </section>
        <section class="card">
          <h2>About this set</h2>
          <dl class="facts">
            <dt>Kind</dt>
            <dd>{row.kind}</dd>
            <dt>Stream</dt>
            <dd>{row.stream.replaceAll("_", " ")}</dd>
            <dt>Open to</dt>
            <dd>{row.audience_tier}</dd>
            {facts.map(([label, text]) => (
              <>
                <dt>{label}</dt>
                <dd>{text}</dd>
              </>
            ))}
          </dl>
        </section>
      </div>
      {row.yours && hasRole("publisher") ? <Opinions publisher={publisher} set={set} /> : null}
    </Screen>
  );
}
