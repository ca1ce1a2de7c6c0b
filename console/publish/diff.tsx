/** Entries by sign: added, withdrawn; the first hundred of each, then the next. */

import type { PreviewAnswer } from "@breakwater/shared/wire/publication.ts";
import { useState } from "preact/hooks";
import { Button } from "../parts/button.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { algName, Hash, Id } from "../parts/words.tsx";

const ROWS_A_STEP = 100;

type DiffProps = { changes: PreviewAnswer["changes"]; selected: ReadonlySet<string>; onSelect: (id: string) => void };

export function Diff({ changes, selected, onSelect }: DiffProps) {
  const [shown, setShown] = useState(ROWS_A_STEP);
  const rows = changes.slice(0, shown);
  return (
    <>
      <Scroll name="Changes">
        <table class="table diff cards">
          <caption class="visually-hidden">Changes of the next release</caption>
          <thead>
            <tr>
              <th scope="col">
                <span class="visually-hidden">Change</span>
              </th>
              <th scope="col">Select</th>
              <th scope="col">Entry</th>
              <th scope="col">Hash</th>
              <th scope="col">Checked by</th>
              <th scope="col">Asks for</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((change) => {
              const word = change.op === "put" ? "Added" : "Withdrawn";
              return (
                <tr
                  key={change.id}
                  class={change.op === "put" ? "added" : "removed"}
                  aria-selected={selected.has(change.id)}
                >
                  <td class="lead">{change.op === "put" ? "+" : "−"}</td>
                  <td data-label="Select">
                    <input
                      type="checkbox"
                      aria-label={`Select ${word.toLowerCase()} entry ${change.id.slice(0, 4)}`}
                      checked={selected.has(change.id)}
                      onChange={() => onSelect(change.id)}
                    />
                  </td>
                  <th scope="row">
                    {word}
                    {change.case ? ` · case ${change.case}` : ""}
                    <small>
                      <Id value={change.id} />
                    </small>
                  </th>
                  <td data-label={algName(change.alg)}>
                    {algName(change.alg)} <Hash alg={change.alg} value={change.value} />
                    {change.quality === undefined ? null : <small>quality {change.quality}</small>}
                  </td>
                  <td data-label="Checked by">{change.checked_by}</td>
                  <td data-label="Asks for">{change.asks_for.replaceAll("_", " ")}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      {changes.length > shown ? (
        <Button onPress={() => setShown(shown + ROWS_A_STEP)}>Show the next {ROWS_A_STEP}</Button>
      ) : null}
    </>
  );
}
