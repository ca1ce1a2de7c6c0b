/** Where the material was reported: decrypted here, never a link, each copy written to the case log. */
import { defangHost } from "@breakwater/shared/reported-url.ts";
import { act } from "../api.ts";
import { Address, CopyButton } from "../parts/words.tsx";
import type { OpenedReport } from "./decrypt.ts";

export function Addresses({ number, opened }: { number: number; opened: OpenedReport[] }) {
  return (
    <section class="card">
      <h2>Addresses</h2>
      {opened.map(({ report, plain }) =>
        (report.payload?.locations ?? []).map((location, index) => {
          const url = plain?.locations[index]?.url;
          return (
            <div class="line-up apart" key={`${report.report_id}:${index}`}>
              {url ? (
                <>
                  <Address url={url} />
                  <span data-copy class="line-up">
                    <CopyButton
                      label="Copy address"
                      value={url}
                      said="Copied. Noted in the case log."
                      noted={() =>
                        act("POST", `/v1/hotline/cases/${number}/copied`, {
                          report_id: report.report_id,
                          location: index,
                        })
                      }
                    />
                  </span>
                </>
              ) : (
                <>
                  <span class="url">
                    <b>{location.domain ? defangHost(location.domain) : "not given"}</b>
                  </span>
                  <span class="small quiet-text">
                    Not readable in this browser yet. The hotline’s agent passes it on to your key.
                  </span>
                </>
              )}
            </div>
          );
        }),
      )}
      <p class="small quiet-text">
        Decrypted in this browser. Each copy is written to the case log. The page behind the address learns of a visit.
      </p>
    </section>
  );
}
