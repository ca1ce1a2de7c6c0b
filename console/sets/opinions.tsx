/** What members say of a set's entries, for its own publisher: verdicts, outcomes, floods. Counts; a name only of who signed. */

import { showWords } from "@breakwater/shared/shown-text.ts";
import { OPINION_VERDICTS } from "@breakwater/shared/vocab/opinions.ts";
import { DISPUTE_REASONS } from "@breakwater/shared/vocab/reasons.ts";
import { labelOf } from "@breakwater/shared/vocab/vocabulary.ts";
import { type EntryOpinions, type FloodSeen, OpinionsPage, type ShownCount } from "@breakwater/shared/wire/opinions.ts";
import { useEffect, useState } from "preact/hooks";
import { get } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Chip } from "../parts/chip.tsx";
import { Fault } from "../parts/fault.tsx";
import { Banner, Empty, Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { useLoad } from "../shell/load.ts";

const ID_CHARS_SHOWN = 8;

export function Opinions({ publisher, set }: { publisher: string; set: string }) {
  const [rejectedOnly, setRejectedOnly] = useState(false);
  const query = rejectedOnly ? "only=rejected" : "";
  const path = `/v1/sets/${publisher}/${set}/opinions`;
  const first = useLoad(`opinions:${path}?${query}`, () => get(withQuery(path, query), OpinionsPage));
  const [more, setMore] = useState<{ entries: EntryOpinions[]; cursor?: string | undefined; error?: unknown }>();
  useEffect(() => setMore(undefined), [first.value]);
  const entries = [...(first.value?.entries ?? []), ...(more?.entries ?? [])];
  const cursor = more === undefined ? first.value?.cursor : more.cursor;
  const loadMore = async () => {
    const before = more?.entries ?? [];
    try {
      const page = await get(withQuery(path, query, `cursor=${cursor}`), OpinionsPage);
      setMore({ entries: [...before, ...page.entries], cursor: page.cursor });
    } catch (error) {
      setMore({ entries: before, cursor, error });
    }
  };
  return (
    <section class="card" aria-labelledby="opinions-title">
      <h2 id="opinions-title">What members say</h2>
      <p class="small quiet-text">
        Verdicts and reasons count members; outcomes add up their hits. A count below 5 is said as {"< 5"}. A member is
        named only where it signed.
      </p>
      <div class="filter">
        <Button small pressed={rejectedOnly} onPress={() => setRejectedOnly(!rejectedOnly)}>
          Rejected only
        </Button>
      </div>
      {first.error ? <Fault error={first.error} again={first.reload} /> : null}
      {!first.value && !first.error ? <Loading what="what members say" /> : null}
      {first.value?.floods?.map((flood) => (
        <Flood key={`${flood.scope}:${flood.entry ?? flood.release ?? ""}`} flood={flood} />
      ))}
      {first.value && entries.length === 0 ? (
        <Empty
          fact={rejectedOnly ? "No entry was rejected." : "Nobody has said anything yet."}
          next="Members send what their reviewers found, and daily counts of hits."
        />
      ) : null}
      {entries.length > 0 ? <OpinionTable entries={entries} /> : null}
      {more?.error ? <Fault error={more.error} again={loadMore} /> : null}
      {cursor !== undefined && more?.error === undefined ? (
        <p>
          <Button onPress={loadMore}>Show more</Button>
        </p>
      ) : null}
    </section>
  );
}

function withQuery(path: string, ...parts: string[]): string {
  const query = parts.filter((part) => part !== "").join("&");
  return query === "" ? path : `${path}?${query}`;
}

export function countWords(count: ShownCount): string {
  return count === "few" ? "<\u00a05" : count.toLocaleString("en");
}

function Flood({ flood }: { flood: FloodSeen }) {
  const what = {
    entry: `Entry ${flood.entry?.slice(0, ID_CHARS_SHOWN)}…`,
    release: `Release ${flood.release}`,
    publisher: "Your entries together",
  }[flood.scope];
  return (
    <Banner tone="caution">
      <b>
        {what} hit {flood.times.toLocaleString("en")} times more than usual
      </b>{" "}
      at {flood.members === 0 ? "no" : countWords(flood.members)} members, last on {flood.last_day}. Their guards turned
      it to review. Look whether it matches harmless material.
    </Banner>
  );
}

function OpinionTable({ entries }: { entries: readonly EntryOpinions[] }) {
  return (
    <Scroll name="Opinions by entry">
      <table class="table cards">
        <caption class="visually-hidden">What members say of each entry, by entry</caption>
        <thead>
          <tr>
            <th scope="col">Entry</th>
            <th scope="col">Verdicts</th>
            <th scope="col">Why</th>
            <th scope="col">Hits</th>
            <th scope="col" class="end">
              Seen by
            </th>
            <th scope="col">Last said</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <OpinionRow key={entry.entry} row={entry} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function OpinionRow({ row }: { row: EntryOpinions }) {
  const { entry, listed, verdicts, reasons, outcomes, seen_by, last_day, named } = row;
  return (
    <tr>
      <th scope="row">
        <span class="id" title={entry}>
          {entry.slice(0, ID_CHARS_SHOWN)}…
        </span>
        <br />
        {verdicts.rejected !== 0 ? (
          <Chip shape="diamond" tone="caution">
            {listed ? "Listed, rejected" : "Taken out, rejected"}
          </Chip>
        ) : (
          <Chip shape={listed ? "disc" : "minus"}>{listed ? "Listed" : "Taken out"}</Chip>
        )}
      </th>
      <td data-label="Verdicts">
        <Counts
          short
          counts={Object.entries(verdicts).map(([code, count]) => [labelOf(OPINION_VERDICTS, code), count] as const)}
        />
      </td>
      <td data-label="Why">
        <div>
          <Counts
            counts={Object.entries(reasons).map(([code, count]) => [labelOf(DISPUTE_REASONS, code), count] as const)}
          />
          {named.map(({ member, title, verdict, reason, release, day }) => (
            <small key={member}>
              {showWords(title)}: {labelOf(OPINION_VERDICTS, verdict).toLowerCase()}
              {reason === null ? "" : `, ${labelOf(DISPUTE_REASONS, reason).toLowerCase()}`} (release {release}, {day})
            </small>
          ))}
        </div>
      </td>
      <td data-label="Hits">
        <Counts short counts={HITS.map(([name, label]) => [label, outcomes[name]] as const)} />
      </td>
      <td class="num end" data-label="Seen by">
        {countWords(seen_by)}
      </td>
      <td class="num" data-label="Last said">
        {last_day}
      </td>
    </tr>
  );
}

const HITS = [
  ["matched", "Matched"],
  ["reviewed", "Reviewed"],
  ["confirmed", "Confirmed"],
  ["rejected", "Rejected"],
  ["overturned", "Overturned"],
] as const;

/** What nobody said is left out; that nobody said anything is said. */
function Counts({
  counts,
  short = false,
}: {
  counts: readonly (readonly [label: string, count: ShownCount])[];
  short?: boolean;
}) {
  const said = counts.filter(([, count]) => count !== 0);
  if (said.length === 0) return <span class="quiet-text">none</span>;
  return (
    <ul class={short ? "counts short" : "counts"}>
      {said.map(([label, count]) => (
        <li key={label}>
          {label} <b>{countWords(count)}</b>
        </li>
      ))}
    </ul>
  );
}
