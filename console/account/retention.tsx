/** What is kept for how long, when that was last enforced, and how much it removed. */

import { RetentionPage } from "@breakwater/shared/wire/operations.ts";
import { get } from "../api.ts";
import { Fault } from "../parts/fault.tsx";
import { Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { formatTime } from "../parts/time.ts";
import { useLoad } from "../shell/load.ts";
import { Screen } from "../shell/screen.tsx";

export function Retention() {
  const page = useLoad("retention", () => get("/v1/operator/retention", RetentionPage));
  return (
    <Screen title="Retention">
      {page.error ? <Fault error={page.error} again={page.reload} /> : null}
      {!page.value && !page.error ? <Loading what="the retention rules" /> : null}
      {page.value ? (
        <Scroll name="Retention rules">
          <table class="table cards">
            <caption class="visually-hidden">Retention rules</caption>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col" class="end">
                  Kept for
                </th>
                <th scope="col">Last run</th>
                <th scope="col" class="end">
                  Removed
                </th>
              </tr>
            </thead>
            <tbody>
              {page.value.rules.map((rule) => (
                <tr key={`${rule.table}:${rule.what}`}>
                  <th scope="row">
                    {rule.what}
                    <small class="id">{rule.table}</small>
                  </th>
                  <td class="num end" data-label="Kept for">
                    {rule.keep_days === 0 ? "until it ends" : `${rule.keep_days} d`}
                  </td>
                  <td class="num" data-label="Last run">
                    {rule.last_run_at ? formatTime(rule.last_run_at) : "not yet"}
                  </td>
                  <td class="num end" data-label="Removed">
                    {rule.last_removed ?? "none recorded"}
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
