/** The sets this person's organisation may see; others exist by name only and do not appear. */

import { showWords } from "@breakwater/shared/shown-text.ts";
import { CatalogueAnswer, type CatalogueRow } from "@breakwater/shared/wire/sets.ts";
import { useState } from "preact/hooks";
import { get } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Chip } from "../parts/chip.tsx";
import { Fault } from "../parts/fault.tsx";
import { Empty, Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { formatTime } from "../parts/time.ts";
import { useKeys } from "../shell/keyboard.ts";
import { useLoad } from "../shell/load.ts";
import { go } from "../shell/route.ts";
import { Screen } from "../shell/screen.tsx";

const KINDS = [
  ["", "All kinds"],
  ["hash", "Hash"],
  ["term", "Term"],
  ["url", "URL"],
  ["indicator", "Indicator"],
] as const;

async function loadAll(): Promise<CatalogueRow[]> {
  const rows: CatalogueRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await get(`/v1/sets${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, CatalogueAnswer);
    rows.push(...page.sets);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return rows;
}

export function SetChip({ row }: { row: CatalogueRow }) {
  if (row.closed) return <Chip shape="square">Closed</Chip>;
  if (row.release === 0) return <Chip shape="ring">No release yet</Chip>;
  if (row.stream === "test") return <Chip shape="square">Test</Chip>;
  return (
    <Chip shape="disc" tone="good">
      Current
    </Chip>
  );
}

export function custodyWords(custody: CatalogueRow["custody"]): string {
  return custody === "exchange" ? "exchange’s key" : "publisher’s key";
}

export function Catalogue() {
  const sets = useLoad("catalogue", loadAll);
  const [kind, setKind] = useState("");
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState(0);
  const rows = (sets.value ?? []).filter(
    (row) =>
      (kind === "" || row.kind === kind) &&
      `${row.title ?? ""} ${row.publisher}/${row.set} ${row.kind}`.toLowerCase().includes(words.toLowerCase()),
  );
  const index = Math.min(chosen, Math.max(0, rows.length - 1));
  const open = (row: CatalogueRow | undefined) => row && go(`set/${row.publisher}/${row.set}`);
  useKeys({
    j: () => setChosen(Math.min(rows.length - 1, index + 1)),
    k: () => setChosen(Math.max(0, index - 1)),
    ArrowDown: () => setChosen(Math.min(rows.length - 1, index + 1)),
    ArrowUp: () => setChosen(Math.max(0, index - 1)),
    Enter: () => open(rows[index]),
    "/": () => document.getElementById("filter-sets")?.focus(),
  });
  return (
    <Screen
      title="Catalogue"
      aside={<span class="small quiet-text">{sets.value ? `${sets.value.length} sets you may see.` : ""}</span>}
    >
      <div class="filter">
        <input
          id="filter-sets"
          class="input"
          type="search"
          aria-label="Filter sets"
          placeholder="Filter by title, publisher, kind"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        {KINDS.map(([value, label]) => (
          <Button key={value} small pressed={kind === value} onPress={() => setKind(value)}>
            {label}
          </Button>
        ))}
      </div>
      {sets.error ? <Fault error={sets.error} again={sets.reload} /> : null}
      {!sets.value && !sets.error ? <Loading what="the catalogue" /> : null}
      {sets.value && rows.length === 0 ? (
        <Empty
          fact={sets.value.length === 0 ? "No set is open to your organisation." : "No set matches the filter."}
          next={
            sets.value.length === 0
              ? "The operator opens tiers; a publisher names members for closed sets."
              : "Clear the filter to see all."
          }
        />
      ) : null}
      {rows.length > 0 ? (
        <Scroll name="Sets">
          <table class="table cards">
            <caption class="visually-hidden">Sets, by publisher and name</caption>
            <thead>
              <tr>
                <th scope="col">Set</th>
                <th scope="col">State</th>
                <th scope="col">Kind</th>
                <th scope="col" class="end">
                  Entries
                </th>
                <th scope="col" class="end">
                  Release
                </th>
                <th scope="col">Released</th>
                <th scope="col">Handling, key</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                <tr key={`${row.publisher}/${row.set}`} aria-selected={at === index}>
                  <th scope="row">
                    <button type="button" class="row-open" onClick={() => open(row)}>
                      {showWords(row.title ?? row.set)}
                    </button>
                    <small class="id">
                      {row.publisher}/{row.set}
                    </small>
                  </th>
                  <td>
                    <SetChip row={row} />
                  </td>
                  <td data-label="Kind">{row.kind}</td>
                  <td class="num end" data-label="Entries">
                    {row.entries.toLocaleString("en")}
                  </td>
                  <td class="num end" data-label="Release">
                    {row.release}
                  </td>
                  <td class="num" data-label="Released">
                    {row.released_at ? formatTime(row.released_at) : "none yet"}
                  </td>
                  <td data-label="Handling">
                    <div>
                      {typeof row.about?.tlp === "string" ? row.about.tlp : "not said"}
                      <small>{custodyWords(row.custody)}</small>
                    </div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      ) : null}
    </Screen>
  );
}
