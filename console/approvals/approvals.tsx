/** Invites that wait for an administrator: who they are for, when they end; nobody approves one of their own. */

import { type Invite, InviteList } from "@breakwater/shared/wire/members.ts";
import { useState } from "preact/hooks";
import { act, get } from "../api.ts";
import { Button } from "../parts/button.tsx";
import { Chip, type Shape, type Tone } from "../parts/chip.tsx";
import { Fault } from "../parts/fault.tsx";
import { Empty, Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { formatSpan } from "../parts/time.ts";
import { useLoad } from "../shell/load.ts";
import { Screen } from "../shell/screen.tsx";

const REFRESH_MS = 20_000;

const STATES: Record<Invite["state"], [Shape, string, Tone?]> = {
  waiting: ["ring", "Waiting", "caution"],
  approved: ["tick", "Approved", "good"],
  refused: ["cross", "Refused"],
  used: ["disc", "Used", "active"],
  expired: ["minus", "Ended"],
};

export function Approvals() {
  const invites = useLoad("invites", () => get("/v1/invites", InviteList), REFRESH_MS);
  const [failed, setFailed] = useState<unknown>();
  async function decide(invite: Invite, how: "approve" | "refuse"): Promise<void> {
    setFailed(undefined);
    try {
      await act("POST", `/v1/invites/${invite.invite_id}/${how}`, {});
      await invites.reload();
    } catch (refusal) {
      setFailed(refusal);
    }
  }
  const rows = invites.value?.invites ?? [];
  return (
    <Screen
      title="Approvals"
      lead={
        <p class="quiet-text">
          An invite lets one device of an organisation send reports. It lasts 72 hours and works once.
        </p>
      }
    >
      {failed ? <Fault error={failed} /> : null}
      {invites.error ? <Fault error={invites.error} again={invites.reload} /> : null}
      {!invites.value && !invites.error ? <Loading what="invites" /> : null}
      {invites.value && rows.length === 0 ? (
        <Empty fact="No invites." next="A hotline makes them with its agent command." />
      ) : null}
      {rows.length > 0 ? (
        <Scroll name="Invites">
          <table class="table cards">
            <caption class="visually-hidden">Invites, newest first</caption>
            <thead>
              <tr>
                <th scope="col">For</th>
                <th scope="col">State</th>
                <th scope="col">Ends in</th>
                <th scope="col">Device</th>
                <th scope="col">
                  <span class="visually-hidden">Decision</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((invite) => {
                const [shape, word, tone] = STATES[invite.state];
                return (
                  <tr key={invite.invite_id}>
                    <th scope="row">
                      {invite.member_title}
                      <small class="id">{invite.invite_id.slice(0, 8)}</small>
                    </th>
                    <td>
                      <Chip shape={shape} {...(tone ? { tone } : {})}>
                        {word}
                      </Chip>
                    </td>
                    <td class="num" data-label="Ends in">
                      {invite.state === "waiting" || invite.state === "approved"
                        ? formatSpan(Date.parse(invite.expires_at) - Date.now())
                        : "–"}
                    </td>
                    <td data-label="Device">
                      {invite.device_waiting ? "waits for you" : invite.state === "used" ? "enrolled" : "none yet"}
                    </td>
                    <td>
                      {invite.state === "waiting" ? (
                        <span class="line-up">
                          <Button
                            small
                            notYet={invite.yours ? "You made it; another person approves it." : undefined}
                            onPress={() => decide(invite, "approve")}
                          >
                            Approve
                          </Button>
                          <Button small onPress={() => decide(invite, "refuse")}>
                            Refuse
                          </Button>
                        </span>
                      ) : null}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scroll>
      ) : null}
    </Screen>
  );
}
