/** Verified cases that no release holds yet, by the set they could go to. */

import { ReadyAnswer } from "@breakwater/shared/wire/publication.ts";
import { get } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Fault } from "../parts/fault.tsx";
import { Empty, Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { algName, Hash } from "../parts/words.tsx";
import { useLoad } from "../shell/load.ts";
import { go } from "../shell/route.ts";
import { Screen } from "../shell/screen.tsx";

export function Ready() {
  const ready = useLoad("ready", () => get("/v1/hotline/ready", ReadyAnswer));
  const cases = ready.value?.cases ?? [];
  return (
    <Screen title="Ready to publish">
      {ready.error ? <Fault error={ready.error} again={ready.reload} /> : null}
      {!ready.value && !ready.error ? <Loading what="verified cases" /> : null}
      {ready.value && cases.length === 0 ? (
        <Empty
          fact="Nothing is ready."
          next="A case appears here once two people agree, each with hashes of their own."
        />
      ) : null}
      {cases.length > 0 ? (
        <>
          <Scroll name="Verified cases">
            <table class="table cards">
              <caption class="visually-hidden">Verified cases and the entries they would add</caption>
              <thead>
                <tr>
                  <th scope="col">Case</th>
                  <th scope="col">Hashes</th>
                  <th scope="col">Checked by</th>
                </tr>
              </thead>
              <tbody>
                {cases.map((verified) => (
                  <tr key={verified.case}>
                    <th scope="row">Case {verified.case}</th>
                    <td data-label="Hashes">
                      {verified.entries.map((entry) => (
                        <p key={`${entry.alg}:${entry.value}`}>
                          {algName(entry.alg)} <Hash alg={entry.alg} value={entry.value} />
                        </p>
                      ))}
                    </td>
                    <td data-label="Checked by">2 people</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
          <section class="card">
            <h2>Where they go</h2>
            <p class="small quiet-text">Choose a set. You see every change before anything is signed.</p>
            <p class="line-up">
              {ready.value?.sets.map((set) => (
                <Button key={set.set} onPress={() => go(`publish/${set.publisher}/${set.set}`)}>
                  {set.title ?? set.set}, release {set.release + 1}…
                </Button>
              ))}
            </p>
          </section>
        </>
      ) : null}
    </Screen>
  );
}
