/** The hotline's queue: the urgent ones above, then open cases, most pressing first. */

import { defangHost } from "@breakwater/shared/reported-url.ts";
import { labelOf, REPORT_KINDS } from "@breakwater/shared/vocab/index.ts";
import { CasePage, type CaseRow, NextCaseAnswer } from "@breakwater/shared/wire/hotline.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import { act, get, post } from "../api.ts";
import { prepareSealingKey, sealingState } from "../keys/sealing.ts";
import { Button } from "../parts/button.tsx";
import { StateChip } from "../parts/chip.tsx";
import { Fault } from "../parts/fault.tsx";
import { Banner, Empty, Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { formatSpan, formatTime } from "../parts/time.ts";
import { useKeys } from "../shell/keyboard.ts";
import { useLoad } from "../shell/load.ts";
import { go } from "../shell/route.ts";
import { Screen } from "../shell/screen.tsx";
import { UrgentBanner } from "./urgent-banner.tsx";

const QUEUE_REFRESH_MS = 15_000;

type Filter = "open" | "mine" | "known";

function matches(row: CaseRow, words: string): boolean {
  const text = `${row.case} ${row.state} ${row.host ?? ""} ${labelOf(REPORT_KINDS, row.title_kind)}`.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export function Queue({ mine }: { mine: boolean }) {
  const [filter, setFilter] = useState<Filter>(mine ? "mine" : "open");
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState(0);
  const [failed, setFailed] = useState<unknown>();
  const search = useRef<HTMLInputElement>(null);
  const page = useLoad<CasePage>(
    `queue:${filter}`,
    () => get(`/v1/hotline/cases?state=${filter}`, CasePage),
    QUEUE_REFRESH_MS,
  );
  useEffect(() => {
    prepareSealingKey().catch(setFailed);
  }, []);
  useEffect(() => setFilter(mine ? "mine" : "open"), [mine]);

  const rows = (page.value?.cases ?? []).filter((row) => matches(row, words));
  const index = Math.min(chosen, Math.max(0, rows.length - 1));
  const current = rows[index];

  async function run(doIt: () => Promise<unknown>): Promise<void> {
    setFailed(undefined);
    await doIt().catch(setFailed);
  }
  const takeNext = () =>
    run(async () => {
      const answer = await post("/v1/hotline/cases/next", {}, NextCaseAnswer);
      if (answer.case !== null) go(`case/${answer.case}`);
      else await page.reload();
    });
  const take = () =>
    run(async () => {
      if (!current) return;
      await act("POST", `/v1/hotline/cases/${current.case}/take`, {});
      go(`case/${current.case}`);
    });
  const move = (step: number) => setChosen(Math.max(0, Math.min(rows.length - 1, index + step)));
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => current && go(`case/${current.case}`),
    t: take,
    n: takeNext,
    "/": () => search.current?.focus(),
    a: () => document.getElementById("acknowledge")?.querySelector("button")?.focus(),
    Escape: () => {
      setWords("");
      search.current?.blur();
    },
  });

  const counts = page.value?.counts;
  const filters: [Filter, string][] = [
    ["open", `Open ${counts?.open ?? ""}`],
    ["mine", `Mine ${counts?.mine ?? ""}`],
    ["known", `No viewing needed ${counts?.known ?? ""}`],
  ];
  return (
    <Screen
      title={mine ? "My cases" : "Queue"}
      aside={
        <Button look="primary" keys="N" onPress={takeNext}>
          Take the next case
        </Button>
      }
    >
      {page.value?.urgent.map((urgent) => (
        <UrgentBanner
          key={urgent.case}
          urgent={urgent}
          forward={{ to: page.value?.forward_to ?? null, delivers: page.value?.forward_delivers ?? false }}
          onDone={page.reload}
        />
      ))}
      {sealingState.value === "waiting" ? (
        <Banner tone="info">
          <p>
            <b>Your key waits to be listed.</b> Addresses and text become readable in this browser once your hotline’s
            agent has listed it.
          </p>
        </Banner>
      ) : null}
      {failed ? <Fault error={failed} /> : null}
      {page.error ? <Fault error={page.error} again={page.reload} /> : null}
      <div class="filter">
        <input
          class="input"
          type="search"
          ref={search}
          aria-label="Filter the queue"
          placeholder="Filter by host, state, case number"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        {filters.map(([name, label]) => (
          <Button key={name} small pressed={filter === name} onPress={() => setFilter(name)}>
            {label}
          </Button>
        ))}
      </div>
      {!page.value && !page.error ? <Loading what="the queue" /> : null}
      {page.value && rows.length === 0 ? <NoCases page={page.value} filtered={words !== ""} /> : null}
      {rows.length > 0 ? <CaseTable rows={rows} current={index} /> : null}
      <p class="keys" aria-hidden="true">
        <span>
          <kbd>J</kbd> <kbd>K</kbd> move
        </span>
        <span>
          <kbd>↵</kbd> open
        </span>
        <span>
          <kbd>T</kbd> take
        </span>
        <span>
          <kbd>/</kbd> filter
        </span>
        <span>
          <kbd>?</kbd> all keys
        </span>
      </p>
    </Screen>
  );
}

function NoCases({ page, filtered }: { page: CasePage; filtered: boolean }) {
  if (filtered) return <Empty fact="No case matches the filter." next="Esc clears it." />;
  const next = page.last_closed_at
    ? `The last one was closed at ${formatTime(page.last_closed_at)}. New reports appear here by themselves.`
    : "New reports appear here by themselves.";
  return <Empty fact="No open cases." next={next} />;
}

function countOf(row: CaseRow): string {
  if (row.items > 0) return `${row.items} ${row.items === 1 ? "item" : "items"}`;
  return `${row.addresses} ${row.addresses === 1 ? "address" : "addresses"}`;
}

function quietLine(row: CaseRow): string {
  const parts = [
    row.urgent ? "child may be in danger" : "",
    row.known ? "known · no viewing needed" : "",
    row.joined > 1 ? `${row.joined} reports joined` : "",
    row.you_assessed ? "you have assessed it" : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

function CaseTable({ rows, current }: { rows: CaseRow[]; current: number }) {
  const now = Date.now();
  return (
    <Scroll name="Open cases">
      <table class="table cards">
        <caption class="visually-hidden">Open cases, most pressing first</caption>
        <thead>
          <tr>
            <th scope="col">P</th>
            <th scope="col">State</th>
            <th scope="col">Case</th>
            <th scope="col">Host</th>
            <th scope="col" class="end">
              Waiting
            </th>
            <th scope="col" class="end">
              Due in
            </th>
            <th scope="col">With</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => {
            const due = row.due_at ? Date.parse(row.due_at) - now : undefined;
            return (
              <tr key={row.case} aria-selected={index === current}>
                <td class="num lead">
                  <b>P{row.priority}</b>
                </td>
                <td class="lead">
                  <StateChip state={row.state} />
                </td>
                <th scope="row">
                  <button type="button" class="row-open" onClick={() => go(`case/${row.case}`)}>
                    {row.case} {labelOf(REPORT_KINDS, row.title_kind)}, {countOf(row)}
                  </button>
                  <small>{quietLine(row)}</small>
                </th>
                <td data-label="Host">
                  {row.host ? (
                    <span>
                      <span class="url">
                        <b>{defangHost(row.host)}</b>
                      </span>{" "}
                      <span class="quiet-text">{row.country ?? ""}</span>
                    </span>
                  ) : null}
                </td>
                <td class="num end" data-label="Waiting">
                  {formatSpan(now - Date.parse(row.waiting_since))}
                </td>
                <td class="num end" data-label="Due">
                  {due === undefined ? "" : due < 0 ? `late ${formatSpan(due)}` : formatSpan(due)}
                </td>
                <td data-label="With">{row.with ? (row.with.you ? "you" : row.with.name) : "nobody"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}
