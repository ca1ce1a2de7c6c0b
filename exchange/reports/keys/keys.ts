/** Rules of a hotline's keys: the agent is registered once, analysts bring browser keys, the agent signs who may read. */
import { base64urlOf, equalBytes } from "@breakwater/shared/bytes.ts";
import {
  type PublicJwk,
  parsePublicJwk,
  parseSealingJwk,
  type SealingJwk,
  thumbprint,
} from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { openRecipients, type RecipientList } from "@breakwater/shared/recipients.ts";
import type { ForwardAnswer, ForwardRequest } from "@breakwater/shared/wire/forward.ts";
import type { SealingKeyRow } from "@breakwater/shared/wire/hotline.ts";
import { append } from "../../audit/index.ts";
import { actorOf, listPeopleNames, setAgentKey } from "../../members/index.ts";
import type { KeyCaller, PersonCaller } from "../../platform/caller.ts";
import { type Queries, transaction } from "../../platform/db.ts";
import type { Deps } from "../../platform/deps.ts";
import { isOutboundUrl, parseOutboundUrl } from "../../platform/outbound.ts";
import { noteTakeAway } from "../../platform/take-aways.ts";
import { queueWaitingCases } from "../intake/urgent.ts";
import {
  findHotline,
  findNewestList,
  type HotlineRow,
  insertHotline,
  insertList,
  insertSealingKey,
  listSealingKeys,
  lockHotlineRow,
  setForward,
} from "./store.ts";

/** Browsers of one analyst; an old one is left off the next list. */
export const SEALING_KEYS_PER_PERSON = 8;

export async function registerAgent(
  deps: Deps,
  caller: KeyCaller,
  keys: { signing_key: PublicJwk; sealing_key: SealingJwk },
): Promise<{ signing_kid: string; sealing_kid: string }> {
  const signingKey = parsePublicJwk(keys.signing_key);
  const sealingKey = parseSealingJwk(keys.sealing_key);
  const signing_kid = await thumbprint(signingKey);
  const sealing_kid = await thumbprint(sealingKey);
  await transaction(deps, async (tx) => {
    const row = {
      member_id: caller.memberId,
      signing_kid,
      signing_key: signingKey,
      sealing_kid,
      sealing_key: sealingKey,
    };
    // Devices pin the signing key by their invite: a second one would be somebody else's.
    const made = (await insertHotline(tx, row, deps.now())) && (await setAgentKey(tx, caller.memberId, signingKey));
    if (!made) throw new ExchangeError("agent_exists");
    await append(tx, { at: deps.now(), actor: actorOf(caller), action: "agent.registered", subject: signing_kid });
  });
  return { signing_kid, sealing_kid };
}

/** @throws ExchangeError `recipients_missing` before there is an agent */
export async function getHotline(queries: Queries, memberId: string): Promise<HotlineRow> {
  const row = await findHotline(queries, memberId);
  if (row === undefined) throw new ExchangeError("recipients_missing");
  return row;
}

/**
 * Who is told of an urgent report at once, and who takes over when nobody acknowledges it. What is left out is taken back.
 *
 * @throws ExchangeError `url_invalid`, `recipients_missing`
 */
export async function nameForward(
  deps: Deps,
  caller: KeyCaller,
  { to, url, alert_url }: ForwardRequest,
): Promise<ForwardAnswer> {
  for (const address of [url, alert_url]) if (address !== undefined) parseOutboundUrl(deps.config, address);
  const answer = { to, delivers: url !== undefined, alerts: alert_url !== undefined };
  await transaction(deps, async (tx) => {
    const named = { to, url: url ?? null, alertUrl: alert_url ?? null };
    if (!(await setForward(tx, caller.memberId, named))) throw new ExchangeError("recipients_missing");
    await append(tx, { at: deps.now(), actor: actorOf(caller), action: "forward.named", subject: caller.memberId });
    await queueWaitingCases(deps, tx, caller.memberId, answer);
  });
  deps.nudgeJobs();
  return answer;
}

/** Whether an urgent report that nobody acknowledges reaches anybody: what people are told must not promise more. */
export function isPassedOn({ config }: Pick<Deps, "config">, hotline: HotlineRow | undefined): boolean {
  const { forward_to: to, forward_url: url } = hotline ?? { forward_to: null, forward_url: null };
  return to !== null && url !== null && isOutboundUrl(config, url);
}

export async function addSealingKey(
  deps: Deps,
  caller: PersonCaller,
  jwk: SealingJwk,
): Promise<{ kid: string; state: "waiting" | "listed" }> {
  const key = parseSealingJwk(jwk);
  const kid = await thumbprint(key);
  return transaction(deps, async (tx) => {
    const mine = (await listSealingKeys(tx, caller.memberId)).filter((row) => row.person_id === caller.personId);
    const isNew = !mine.some((row) => row.kid === kid);
    if (isNew && mine.length >= SEALING_KEYS_PER_PERSON)
      throw new ExchangeError("rate_limited", { retry_after: 86_400 });
    const owner = await insertSealingKey(tx, {
      kid,
      hotlineId: caller.memberId,
      personId: caller.personId,
      jwk: key,
      at: deps.now(),
    });
    // A key that another person registered would let that person be taken for this one.
    if (owner.person_id !== caller.personId) throw new ExchangeError("conflict");
    if (isNew) await append(tx, { at: deps.now(), actor: actorOf(caller), action: "sealing_key.added", subject: kid });
    const listed = (await findNewestList(tx, caller.memberId))?.kids.includes(kid) ?? false;
    return { kid, state: listed ? "listed" : "waiting" };
  });
}

export async function listKeys(deps: Deps, hotlineId: string) {
  const [hotline, rows, newest] = [
    await findHotline(deps, hotlineId),
    await listSealingKeys(deps, hotlineId),
    await findNewestList(deps, hotlineId),
  ];
  const names = await listPeopleNames(
    deps,
    rows.map((row) => row.person_id),
  );
  const keys: SealingKeyRow[] = rows.map((row) => ({
    kid: row.kid as SealingKeyRow["kid"],
    jwk: row.jwk,
    person: row.person_id,
    person_name: names.get(row.person_id) ?? "",
    state: newest?.kids.includes(row.kid) ? "listed" : "waiting",
    created_at: row.created_at.toISOString(),
  }));
  const agent = hotline === undefined ? null : { signing_key: hotline.signing_key, sealing_key: hotline.sealing_key };
  return { keys, agent, list_version: newest?.version ?? 0 };
}

/**
 * Takes the next signed list.
 *
 * @throws ExchangeError `recipients_missing`, `recipients_version`, `recipients_invalid`, or what opening throws
 */
export async function acceptRecipients(deps: Deps, caller: KeyCaller, bytes: Uint8Array): Promise<{ version: number }> {
  const hotline = await getHotline(deps, caller.memberId);
  const { list } = await openRecipients(bytes, { signingKey: hotline.signing_key });
  if (list.hotline !== caller.member) throw new ExchangeError("recipients_invalid", { reason: "hotline" });
  return transaction(deps, async (tx) => {
    await lockHotlineRow(tx, caller.memberId);
    const newest = await findNewestList(tx, caller.memberId);
    if (newest !== undefined && list.version === newest.version && equalBytes(newest.envelope, bytes)) {
      return { version: newest.version };
    }
    const next = (newest?.version ?? 0) + 1;
    if (list.version !== next) throw new ExchangeError("recipients_version", { expected: next, got: list.version });
    checkMembersOfList(list, hotline, await listSealingKeys(tx, caller.memberId));
    const kids = list.recipients.map(({ kid }) => kid);
    await insertList(tx, { hotlineId: caller.memberId, version: list.version, envelope: bytes, kids, at: deps.now() });
    const subject = caller.memberId;
    await append(tx, {
      at: deps.now(),
      actor: actorOf(caller),
      action: "recipients.listed",
      subject,
      code: `v${list.version}`,
    });
    const envelope = base64urlOf(bytes);
    await noteTakeAway(deps, { kind: "recipients", hotline: caller.memberId, version: list.version, envelope });
    return { version: list.version };
  });
}

/** Only the hotline's own agent and keys that its analysts brought: the list's names must be whose keys they are. */
function checkMembersOfList(
  list: RecipientList,
  hotline: HotlineRow,
  keys: readonly { kid: string; person_id: string }[],
): void {
  for (const { kid, role, person } of list.recipients) {
    const isAgent = role === "agent" && kid === hotline.sealing_kid;
    const isAnalyst =
      role === "analyst" && keys.some((key) => key.kid === kid && (person === undefined || key.person_id === person));
    if (!isAgent && !isAnalyst) throw new ExchangeError("recipients_invalid", { reason: "unknown key", kid });
  }
}

/** The newest list, byte for byte, and what its readers do when nobody acknowledges. @throws ExchangeError `recipients_missing` */
export async function getNewestList(
  deps: Deps,
  hotlineId: string | undefined,
): Promise<{ envelope: Uint8Array; passedOn: boolean }> {
  const list = hotlineId === undefined ? undefined : await findNewestList(deps, hotlineId);
  if (hotlineId === undefined || list === undefined) throw new ExchangeError("recipients_missing");
  return { envelope: list.envelope, passedOn: isPassedOn(deps, await findHotline(deps, hotlineId)) };
}
