/** The exchange's members as the operator sees them: who they are and what they may do, never what they report. */

import { MemberList } from "@breakwater/shared/wire/members.ts";
import { get } from "../api.ts";
import { Chip } from "../parts/chip.tsx";
import { Fault } from "../parts/fault.tsx";
import { Empty, Loading } from "../parts/notice.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { formatTime } from "../parts/time.ts";
import { useLoad } from "../shell/load.ts";
import { Screen } from "../shell/screen.tsx";

export function Members() {
  const members = useLoad("members", () => get("/v1/operator/members", MemberList));
  const rows = members.value?.members ?? [];
  return (
    <Screen
      title="Members"
      lead={
        <p class="quiet-text">
          Members are added and changed with <code>breakwater operator members</code>.
        </p>
      }
    >
      {members.error ? <Fault error={members.error} again={members.reload} /> : null}
      {!members.value && !members.error ? <Loading what="members" /> : null}
      {members.value && rows.length === 0 ? (
        <Empty fact="No members yet." next="Add the first with the operator command." />
      ) : null}
      {rows.length > 0 ? (
        <Scroll name="Members">
          <table class="table cards">
            <caption class="visually-hidden">Members, by name</caption>
            <thead>
              <tr>
                <th scope="col">Member</th>
                <th scope="col">State</th>
                <th scope="col">Roles</th>
                <th scope="col">Tier</th>
                <th scope="col">Publishes as</th>
                <th scope="col">Since</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((member) => (
                <tr key={member.name}>
                  <th scope="row">
                    {member.title}
                    <small class="id">{member.name}</small>
                  </th>
                  <td>
                    {member.suspended_at ? (
                      <Chip shape="pause" tone="caution">
                        Suspended
                      </Chip>
                    ) : (
                      <Chip shape="disc" tone="good">
                        Active
                      </Chip>
                    )}
                  </td>
                  <td data-label="Roles">{member.roles.join(", ").replaceAll("_", " ")}</td>
                  <td data-label="Tier">{member.tier}</td>
                  <td data-label="Publishes as">
                    {member.publisher ? <span class="id">{member.publisher}</span> : "–"}
                  </td>
                  <td class="num" data-label="Since">
                    {formatTime(member.created_at)}
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
