/** Who did what, by ids and codes only; newest first, page by page. */

import { AuditPage } from "@breakwater/shared/wire/operations.ts";
import { useState } from "preact/hooks";
import { get } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Fault } from "../parts/fault.tsx";
import { Empty, Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { formatTime } from "../parts/time.ts";
import { useLoad } from "../shell/load.ts";
import { Screen } from "../shell/screen.tsx";

export function Audit() {
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const page = useLoad(`audit:${cursor ?? ""}`, () =>
    get(`/v1/operator/audit${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`, AuditPage),
  );
  const next = page.value?.cursor;
  return (
    <Screen title="Audit">
      {page.error ? <Fault error={page.error} again={page.reload} /> : null}
      {!page.value && !page.error ? <Loading what="the audit record" /> : null}
      {page.value?.records.length === 0 ? (
        <Empty fact="Nothing is recorded here." next="Every change of state leaves one line." />
      ) : null}
      {page.value && page.value.records.length > 0 ? (
        <Scroll name="Audit record">
          <table class="table cards">
            <caption class="visually-hidden">Audit record, newest first</caption>
            <thead>
              <tr>
                <th scope="col">At</th>
                <th scope="col">Act</th>
                <th scope="col">By</th>
                <th scope="col">On</th>
                <th scope="col">Code</th>
              </tr>
            </thead>
            <tbody>
              {page.value.records.map((record) => (
                <tr key={record.id}>
                  <td class="num" data-label="At">
                    {formatTime(record.at)}
                  </td>
                  <th scope="row">{record.action}</th>
                  <td data-label="By">
                    {record.actor.kind} <span class="id">{record.actor.id.slice(0, 12)}</span>
                  </td>
                  <td data-label="On">{record.subject ? <span class="id">{record.subject}</span> : null}</td>
                  <td data-label="Code">{record.code ?? ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      ) : null}
      <p class="line-up">
        {cursors.length > 0 ? <Button onPress={() => setCursors(cursors.slice(0, -1))}>Newer</Button> : null}
        {next ? <Button onPress={() => setCursors([...cursors, next])}>Older</Button> : null}
      </p>
    </Screen>
  );
}
