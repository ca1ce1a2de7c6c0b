import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBase64url, hexOf, sha256, utf8Of } from "@breakwater/shared/bytes.ts";
import { newUuidV7 } from "@breakwater/shared/ids.ts";
import { generateSealingKey, type NewSealingKey } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import { agentPin, openRecipients } from "@breakwater/shared/recipients.ts";
import { openSealed, type SealedJwe, sealFor } from "@breakwater/shared/sealed.ts";
import type { MissingSeal, SealingKeyRow } from "@breakwater/shared/wire/hotline.ts";
import type { NewInvite } from "@breakwater/shared/wire/members.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type AgentContext,
  createAgentKeys,
  createInviteCode,
  openAgentKeys,
  readOwnList,
  rewrapMissing,
  updateRecipients,
} from "./index.ts";

let dir: string;
let context: AgentContext;
let rows: SealingKeyRow[];
let served: Uint8Array | undefined;
let missing: MissingSeal[];
let seals: { report: string; kid: string; jwe: SealedJwe }[];
let failPut: boolean;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "breakwater-hotline-"));
  [rows, served, missing, seals, failPut] = [[], undefined, [], [], false];
  const keys = await createAgentKeys(dir);
  const version = async () =>
    served === undefined ? 0 : (await openRecipients(served, { signingKey: keys.signing.publicJwk })).list.version;
  // An exchange's side of the routes, so that it can lie.
  const hotline = {
    listSealingKeys: async () => ({ keys: rows, agent: null, list_version: await version() }),
    putRecipients: async (envelope: Uint8Array) => {
      if (failPut) throw new ExchangeError("busy");
      served = envelope;
      return { version: await version() };
    },
    listMissingSeals: async () =>
      missing.filter(({ report_id, kid }) => !seals.some((seal) => seal.report === report_id && seal.kid === kid)),
    putSeal: async (report: string, { kid, jwe }: { kid: string; jwe: SealedJwe }) =>
      void seals.push({ report, kid, jwe }),
  } as unknown as AgentContext["hotline"];
  context = { hotline, profileDir: dir, member: "hotline", keys, now: () => new Date() };
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const yes = async () => true;
const no = async () => false;

async function analyst(name: string): Promise<{ row: SealingKeyRow; key: NewSealingKey }> {
  const key = await generateSealingKey({ extractable: true });
  const row: SealingKeyRow = {
    kid: key.kid,
    jwk: key.publicJwk,
    person: "0".repeat(32),
    person_name: name,
    state: "waiting",
    created_at: new Date().toISOString(),
  };
  rows.push(row);
  return { row, key };
}

describe("the agent's keys", () => {
  it("are made once, for their owner only", async () => {
    const again = await createAgentKeys(dir);
    expect(again.signing.kid).toBe(context.keys.signing.kid);
    expect(again.urlKey).toEqual(context.keys.urlKey);
    for (const name of await readdir(join(dir, "keys")))
      expect((await stat(join(dir, "keys", name))).mode & 0o777, name).toBe(0o600);
    await rm(join(dir, "keys", "agent-url.key"));
    await expect(openAgentKeys(dir)).rejects.toMatchObject({ code: "key_invalid" });
  });
});

describe("the list of readers", () => {
  it("begins with the agent and grows only by a yes", async () => {
    expect((await updateRecipients(context, no)).list).toMatchObject({ version: 1, recipients: [{ role: "agent" }] });
    const { row } = await analyst("A. Analyst");
    const waiting = await updateRecipients(context, no);
    expect(waiting).toMatchObject({ changed: false, list: { version: 1 } });
    expect(waiting.waiting.map(({ kid }) => kid)).toEqual([row.kid]);
    expect(await updateRecipients(context, yes)).toMatchObject({ changed: true, list: { version: 2 }, waiting: [] });
    expect(await updateRecipients(context, no)).toMatchObject({ changed: false, list: { version: 2 } });
  });

  it("loses a key that is no longer there", async () => {
    await analyst("A. Analyst");
    await updateRecipients(context, yes);
    rows = [];
    const { list } = await updateRecipients(context, no);
    expect(list).toMatchObject({ version: 2, recipients: [{ role: "agent" }] });
  });

  it("does not fall back to an older one that the exchange serves", async () => {
    await updateRecipients(context, no);
    const old = served;
    await analyst("A. Analyst");
    await updateRecipients(context, yes);
    served = old;
    const { list } = await updateRecipients(context, no);
    expect(list.recipients.length).toBe(2);
    expect(served).not.toEqual(old);
  });

  it("that was signed and never arrived is sent again as it was", async () => {
    failPut = true;
    await expect(updateRecipients(context, no)).rejects.toMatchObject({ code: "busy" });
    const signed = await readOwnList(context);
    failPut = false;
    expect((await updateRecipients(context, no)).list).toEqual(signed);
  });
});

describe("older reports", () => {
  const content = {
    explanation: "words for the hotline",
    locations: [{ url: "https://forum.example/t/1", url_canonical: "https://forum.example/t/1" }],
  };

  async function report(kid: string, jwk: MissingSeal["jwk"]): Promise<MissingSeal> {
    const { sealed, sealed_digest } = await sealFor(
      [{ kid: context.keys.sealing.kid, jwk: context.keys.sealing.publicJwk }],
      content,
    );
    const seal: MissingSeal = {
      report_id: newUuidV7(Date.now()),
      case: 1,
      kid: kid as MissingSeal["kid"],
      jwk,
      sealed,
      sealed_digest,
    };
    missing.push(seal);
    return seal;
  }

  it("are wrapped for an approved newcomer, who can then read them", async () => {
    const { row, key } = await analyst("A. Analyst");
    const { list } = await updateRecipients(context, yes);
    const seal = await report(row.kid, row.jwk);
    expect(await rewrapMissing(context, list)).toEqual({ sealed: 1, refused: 0 });
    const opened = await openSealed(seals[0]?.jwe, key.privateKey, key.kid, seal.sealed_digest);
    expect(opened.content).toEqual(content);
  });

  it("are not wrapped for a key that nobody approved", async () => {
    const { row } = await analyst("Somebody");
    const { list } = await updateRecipients(context, no);
    await report(row.kid, row.jwk);
    expect(await rewrapMissing(context, list)).toEqual({ sealed: 0, refused: 1 });
    expect(seals).toEqual([]);
  });

  it("are not wrapped to another key that the exchange puts under an approved name", async () => {
    const { row, key } = await analyst("A. Analyst");
    const { list } = await updateRecipients(context, yes);
    const thief = await generateSealingKey({ extractable: true });
    const seal = await report(row.kid, thief.publicJwk);
    await rewrapMissing(context, list);
    await expect(openSealed(seals[0]?.jwe, thief.privateKey, row.kid, seal.sealed_digest)).rejects.toMatchObject({
      code: "sealed_invalid",
    });
    await expect(openSealed(seals[0]?.jwe, key.privateKey, key.kid, seal.sealed_digest)).resolves.toBeDefined();
  });

  it("that cannot be opened do not keep the others closed", async () => {
    const { row } = await analyst("A. Analyst");
    const { list } = await updateRecipients(context, yes);
    const broken = await report(row.kid, row.jwk);
    broken.sealed_digest = `sha256:${"0".repeat(64)}`;
    await report(row.kid, row.jwk);
    expect(await rewrapMissing(context, list)).toEqual({ sealed: 1, refused: 1 });
  });
});

describe("an invite", () => {
  it("gives the exchange the secret's digest only, and the device the url key and the pin", async () => {
    let sent: NewInvite | undefined;
    const operator = {
      createInvite: async (request: NewInvite) => {
        sent = request;
        return { expires_at: new Date().toISOString(), state: "waiting" } as never;
      },
    };
    const { code } = await createInviteCode(operator, context.keys, "flaggers");
    const [, id, secret, local] = /^bwi_([0-9a-f]{32})_([\w-]{43})_([\w-]{64})$/.exec(code) ?? [];
    expect(sent).toEqual({
      invite_id: id,
      member: "flaggers",
      secret_sha256: hexOf(await sha256(utf8Of(secret as string))),
    });
    expect(JSON.stringify(sent)).not.toContain(secret);
    expect(JSON.stringify(sent)).not.toContain(local);
    const bytes = findBase64url(local as string);
    expect(bytes?.slice(0, 32)).toEqual(Uint8Array.from(context.keys.urlKey));
    expect(bytes?.slice(32)).toEqual(await agentPin(context.keys.signing.kid));
  });
});
