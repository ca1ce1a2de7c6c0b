/** The late ones by name: what each has, what it misses, when it was seen last. */

import type { AppliedAnswer } from "@breakwater/shared/wire/recalls.ts";
import { Chip } from "../parts/chip.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { formatSpan } from "../parts/time.ts";

type Late = { member: string; title: string; has: string; hasAny: boolean; missing: string[]; lastSeenAt: string };

/** Each member once, with everything of the newest release and of the recalls in force that it is late with. */
export function listLate(answer: AppliedAnswer): Late[] {
  const newest = answer.releases[0];
  const rows = [
    ...answer.recalls
      .filter((recall) => recall.in_force)
      .map(({ recall, waiting }) => ({ name: `recall ${recall}`, waiting })),
    ...(newest === undefined ? [] : [{ name: `release ${newest.release}`, waiting: newest.waiting }]),
  ];
  const late = new Map<string, Late>();
  for (const { name, waiting } of rows) {
    for (const one of waiting.filter((member) => member.late)) {
      const has = answer.members.find(({ member }) => member === one.member);
      const known = late.get(one.member);
      if (known !== undefined) known.missing.push(name);
      else {
        const hasAny = (has?.release ?? 0) > 0;
        const words = hasAny ? `Release ${has?.release}` : "Nothing yet";
        const { member, title, last_seen_at: lastSeenAt } = one;
        late.set(member, { member, title, has: words, hasAny, missing: [name], lastSeenAt });
      }
    }
  }
  return [...late.values()];
}

export function LateMembers({ answer }: { answer: AppliedAnswer }) {
  const late = listLate(answer);
  if (late.length === 0) return null;
  return (
    <section class="card">
      <h2>
        Late: {late.length} {late.length === 1 ? "member" : "members"}
      </h2>
      <Scroll name="Late members">
        <table class="table cards">
          <caption class="visually-hidden">Members that are late, by name</caption>
          <thead>
            <tr>
              <th scope="col">Member</th>
              <th scope="col">Has</th>
              <th scope="col">Missing</th>
              <th scope="col">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {late.map((one) => (
              <tr key={one.member}>
                <th scope="row">
                  {one.title}
                  <small>{one.member}</small>
                </th>
                <td data-label="Has">
                  <Chip shape={one.hasAny ? "half" : "triangle"} tone="caution">
                    {one.has}
                  </Chip>
                </td>
                <td data-label="Missing">{one.missing.join(", ")}</td>
                <td class="num" data-label="Last seen">
                  {formatSpan(Date.now() - Date.parse(one.lastSeenAt))} ago
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="small quiet-text">
        A recall needs no action by a person there. A release counts once the member’s copy has acknowledged it.
      </p>
    </section>
  );
}
