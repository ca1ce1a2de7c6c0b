/** The flagger's hashes beside this assessor's own; only equality is shown, never a picture or a colour made from a value. */

import type { Case } from "@breakwater/shared/wire/hotline.ts";
import { Button } from "../parts/button.tsx";
import { Chip } from "../parts/chip.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { algName, Hash } from "../parts/words.tsx";
import type { Draft } from "./draft.ts";

type Compared = { alg: string; theirs: string | undefined; ours: string | undefined };

function compare(item: Case["items"][number], draft: Draft): Compared[] {
  const ours = draft.hashes[item.item_id] ?? [];
  const algs = [...new Set([...item.hashes.map(({ alg }) => alg as string), ...ours.map(({ alg }) => alg as string)])];
  return algs.map((alg) => ({
    alg,
    theirs: item.hashes.find((hash) => hash.alg === alg)?.value,
    ours: ours.find((hash) => hash.alg === alg)?.value,
  }));
}

function Verdict({ theirs, ours }: Compared) {
  if (!theirs || !ours) return <span class="quiet-text">–</span>;
  return theirs === ours ? (
    <Chip shape="tick" tone="good">
      Same
    </Chip>
  ) : (
    <Chip shape="diamond" tone="caution">
      Differ
    </Chip>
  );
}

export function HashesCard({
  items,
  draft,
  mayAdd,
  onAdd,
}: {
  items: Case["items"];
  draft: Draft;
  mayAdd: boolean;
  onAdd: () => void;
}) {
  return (
    <section class="card" id="hashes" tabIndex={-1}>
      <h2>Hashes</h2>
      {items.length === 0 ? (
        <p class="small quiet-text">This report names addresses only. There is nothing to compare.</p>
      ) : null}
      {items.map((item, index) => (
        <Scroll key={item.item_id} name={`Hashes of item ${index + 1}`}>
          <table class="table cards">
            <caption class="visually-hidden">Item {index + 1}</caption>
            <thead>
              <tr>
                <th scope="col">Type</th>
                <th scope="col">Flagger</th>
                <th scope="col">Yours</th>
                <th scope="col">Compared</th>
              </tr>
            </thead>
            <tbody>
              {compare(item, draft).map((row) => (
                <tr key={row.alg}>
                  <th scope="row">{algName(row.alg)}</th>
                  <td data-label="Flagger">
                    {row.theirs ? <Hash alg={row.alg} value={row.theirs} /> : <span class="quiet-text">none</span>}
                  </td>
                  <td data-label="Yours">
                    {row.ours ? <Hash alg={row.alg} value={row.ours} /> : <span class="quiet-text">none yet</span>}
                  </td>
                  <td data-label="Compared">
                    <Verdict {...row} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      ))}
      {mayAdd && items.length > 0 ? (
        <p>
          <Button keys="H" onPress={onAdd}>
            Add hashes computed at source
          </Button>
        </p>
      ) : null}
      <p class="small quiet-text">
        The flagger’s hash is a lead. Only hashes that both assessors computed at source can be published.
      </p>
    </section>
  );
}
