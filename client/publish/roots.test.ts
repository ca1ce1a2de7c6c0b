import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnvelope } from "@breakwater/shared/envelope.ts";
import { parsePublisher } from "@breakwater/shared/ids.ts";
import { jcs } from "@breakwater/shared/jcs.ts";
import { generateSigningKey, type NewSigningKey } from "@breakwater/shared/keys.ts";
import { type OpenedRoot, openRoot, type Root, signRoot } from "@breakwater/shared/root.ts";
import { type ExamplePublisher, exampleKeys, exampleOpenedRoot, NOW } from "@breakwater/shared/testing/examples.ts";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Exchange, openExchange } from "../http/index.ts";
import { listSigningKeys } from "../profile/key-files.ts";
import { readPins } from "../profile/pins.ts";
import { TEST_API_KEY } from "../testing/double-exchange.ts";
import { openScene, type Scene } from "../testing/scene.ts";
import { isOwn, journalPath, noteStatement, readJournal } from "./journal.ts";
import { describeRoot, nextRoot } from "./next-root.ts";
import {
  envelopeOf,
  formatProposal,
  makeProposal,
  mergeProposals,
  type Proposal,
  parseProposal,
  signProposal,
  tallyOf,
} from "./proposal.ts";
import { createRoot } from "./root.ts";
import { finishRotation, postSigned, proposeRoot, type RotationContext, signWhole } from "./rotate.ts";

let keys: ExamplePublisher;
let first: OpenedRoot;
let other: NewSigningKey;
beforeAll(async () => {
  keys = await exampleKeys();
  first = await exampleOpenedRoot(keys);
  other = await generateSigningKey({ extractable: true });
});

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("the next root", () => {
  it("is one version on, names the one before, and changes only what was asked for", async () => {
    const next = await nextRoot(first, { release: { add: [other.publicJwk], remove: [keys.release.kid] } }, NOW + 10);
    expect(next).toMatchObject({ version: 2, prev: first.digest, iat: NOW + 10, logs: first.root.logs });
    expect(next.roles.release).toEqual({ kids: [other.kid], threshold: 1 });
    expect(next.roles.root).toEqual(first.root.roles.root);
    expect(Object.keys(next.keys).sort()).toEqual([other.kid, keys.root1.kid].sort());
    expect(describeRoot(first, next)).toMatchObject({
      release: { added: [other.kid], removed: [keys.release.kid], kept: [], threshold: [1, 1] },
      root: { added: [], removed: [], kept: [keys.root1.kid] },
      log: null,
    });
  });

  it("is never older than the one before, whatever this machine's clock says", async () => {
    expect((await nextRoot(first, {}, NOW - 86_400)).iat).toBe(NOW);
  });

  it("keeps a threshold that the keys can still meet", async () => {
    const two = {
      ...first,
      root: {
        ...first.root,
        roles: { ...first.root.roles, root: { kids: [keys.root1.kid, keys.root2.kid].sort(), threshold: 2 } },
      },
    };
    const known = { ...two, root: { ...two.root, keys: { ...two.root.keys, [keys.root2.kid]: keys.root2.publicJwk } } };
    const next = await nextRoot(known as OpenedRoot, { root: { remove: [keys.root2.kid] } }, NOW);
    expect(next.roles.root).toEqual({ kids: [keys.root1.kid], threshold: 1 });
  });

  it.each([
    ["a key that is not there", { release: { remove: ["A".repeat(43)] } }, "not_found"],
    ["the last root key", () => ({ root: { remove: [keys.root1.kid] } }), "root_invalid"],
    ["a threshold above the keys", { root: { threshold: 2 } }, "root_invalid"],
    ["a root key as a release key", () => ({ release: { add: [keys.root1.publicJwk] } }), "root_invalid"],
  ] as const)("does not take %s", async (_what, change, code) => {
    const asked = typeof change === "function" ? change() : change;
    await expect(nextRoot(first, asked as never, NOW)).rejects.toMatchObject({ code });
  });
});

describe("a proposal", () => {
  let proposal: Proposal;
  beforeEach(async () => {
    const change = { root: { add: [keys.root2.publicJwk, other.publicJwk], threshold: 2 } };
    proposal = makeProposal(first, await nextRoot(first, change, NOW));
  });

  it("goes through a file, collects signatures on copies, and opens once both thresholds hold", async () => {
    const sent = await parseProposal(bytesOf(formatProposal(proposal)));
    expect(tallyOf(sent)).toMatchObject({
      complete: false,
      previous: { have: 0, threshold: 1 },
      own: { have: 0, threshold: 2 },
    });
    const mine = await signProposal(sent, [keys.root1]);
    expect(tallyOf(mine)).toMatchObject({ complete: false, previous: { have: 1 }, own: { have: 1 } });
    await expect(envelopeOf(mine)).rejects.toMatchObject({ code: "signature_threshold" });
    const hers = await signProposal(await parseProposal(bytesOf(formatProposal(proposal))), [other]);
    const merged = mergeProposals([mine, hers]);
    expect(tallyOf(merged).complete).toBe(true);
    const opened = await envelopeOf(merged);
    expect(await openRoot(opened.bytes, first)).toMatchObject({ digest: opened.digest, root: { version: 2 } });
    expect(parseEnvelope(opened.bytes).protectedHeaders).toHaveLength(2);
  });

  it("is not signed by a key that does not count, nor twice by one that does", async () => {
    const stranger = await generateSigningKey({ extractable: true });
    await expect(signProposal(proposal, [stranger])).rejects.toMatchObject({ code: "key_invalid" });
    await expect(signProposal(proposal, [keys.release])).rejects.toMatchObject({ code: "key_invalid" });
    const once = await signProposal(proposal, [keys.root1]);
    await expect(signProposal(once, [keys.root1])).rejects.toMatchObject({ code: "key_invalid" });
  });

  it("with a signature that is not good opens never", async () => {
    const signed = await signProposal(proposal, [keys.root1, other]);
    const [a, b] = signed.signatures as [Proposal["signatures"][number], Proposal["signatures"][number]];
    const swapped = {
      ...signed,
      signatures: [
        { ...a, signature: b.signature },
        { ...b, signature: a.signature },
      ],
    };
    await expect(envelopeOf(swapped)).rejects.toMatchObject({ code: "signature_invalid" });
  });

  it("of another root is not merged", async () => {
    const renewed = makeProposal(first, await nextRoot(first, {}, NOW));
    expect(() => mergeProposals([proposal, renewed])).toThrow(expect.objectContaining({ code: "root_fork" }));
  });

  it.each([
    ["is no JSON", () => "root", "root_invalid"],
    ["has members that nobody knows", () => change({ note: "hello" }), "root_invalid"],
    [
      "continues another root than it carries",
      () => bend((root) => ({ ...root, prev: `sha256:${"0".repeat(64)}` })),
      "root_pin",
    ],
    ["skips a version", () => bend((root) => ({ ...root, version: 3 })), "root_pin"],
    ["is of another publisher", () => bend((root) => ({ ...root, publisher: "ngo.example" })), "root_chain"],
    ["is too large", () => "x".repeat(200_000), "root_invalid"],
  ])("that %s is refused before anybody signs it", async (_what, text, code) => {
    await expect(parseProposal(bytesOf(text()))).rejects.toMatchObject({ code });
  });

  function change(members: object): string {
    return JSON.stringify({ ...JSON.parse(formatProposal(proposal)), ...members });
  }

  function bend(how: (root: Root) => object): string {
    return change({ payload: Buffer.from(jcs(how(proposal.root))).toString("base64url") });
  }
});

describe("a rotation", () => {
  const publisher = parsePublisher("ngo.example");
  let scene: Scene;
  let exchange: Exchange;
  let context: RotationContext;
  beforeEach(async () => {
    scene = await openScene();
    const options = {
      origin: scene.double.origin,
      apiKey: TEST_API_KEY,
      sleep: async () => undefined,
      idleTimeoutMs: 300,
    };
    exchange = openExchange(options);
    const profileDir = join(scene.dir, "publisher");
    await createRoot({ exchange, profileDir, publisher, custody: "member", now: new Date() });
    context = { exchange, profileDir, stateDir: join(scene.dir, "publisher-state"), publisher, now: new Date() };
  });
  afterEach(() => scene.close());

  const signed = async () =>
    signWhole(await proposeRoot(context, {}), await listSigningKeys(context.profileDir, "root"));
  const versions = () => scene.double.store.roots.get(publisher)?.map(({ root }) => root.version);

  it("is noted, posted and pinned", async () => {
    const rotated = await postSigned(context, await signed());
    expect(versions()).toEqual([1, 2]);
    expect((await readPins(context.profileDir))[publisher]).toEqual({ version: 2, digest: rotated.digest });
    expect(isOwn(await readJournal(journalPath(context.profileDir)), rotated.digest)).toBe(true);
    expect(await finishRotation(context)).toBeUndefined();
  });

  it.each([
    ["never arrived", "busy" as const, [1]],
    ["was accepted and its answer lost", "break" as const, [1, 2]],
  ])("whose root %s is finished by the next run with the very same bytes", async (_when, act, after) => {
    const root = await signed();
    scene.double.hostile = [{ path: /\/roots$/, act, ...(act === "busy" ? { retryAfter: "3600" } : {}), times: 9 }];
    await expect(postSigned(context, root)).rejects.toThrow();
    expect(versions()).toEqual(after);
    scene.double.hostile = [];
    expect(await finishRotation(context)).toMatchObject({ version: 2, digest: root.digest, resumed: true });
    expect(versions()).toEqual([1, 2]);
    expect((await readPins(context.profileDir))[publisher]).toEqual({ version: 2, digest: root.digest });
    expect(await finishRotation(context)).toBeUndefined();
  });

  it("that somebody else was ahead of is dropped, and the next one stands on theirs", async () => {
    const mine = await signed();
    const [one] = scene.double.store.roots.get(publisher) as [OpenedRoot];
    const theirs = await nextRoot(one, {}, Math.floor(Date.now() / 1000) + 60);
    const rootKeys = await listSigningKeys(context.profileDir, "root");
    await scene.double.store.postRoot(publisher, await signRoot(theirs, rootKeys));
    await expect(postSigned(context, mine)).rejects.toMatchObject({ code: "root_fork" });
    expect(await finishRotation(context)).toBeUndefined();
    const next = await signed();
    expect(next.root.version).toBe(3);
  });

  it("does not begin without all keys that must sign", async () => {
    const stranger = await generateSigningKey({ extractable: true });
    await expect(signWhole(await proposeRoot(context, {}), [stranger])).rejects.toMatchObject({ code: "key_invalid" });
    const [own] = await listSigningKeys(context.profileDir, "root");
    const two = await proposeRoot(context, { root: { add: [stranger.publicJwk], threshold: 2 } });
    await expect(signWhole(two, [own as NonNullable<typeof own>])).rejects.toMatchObject({
      code: "signature_threshold",
    });
  });
});

describe("the journal", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "breakwater-journal-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const digestOf = (n: number) => `sha256:${n.toString(16).padStart(64, "0")}` as const;
  const note = (n: number, how: "signed" | "disowned" = "signed") =>
    noteStatement(dir, {
      at: "2026-11-22T09:00:00.000Z",
      how,
      typ: "bw-release+jws",
      publisher: parsePublisher("ngo.example"),
      number: n,
      digest: digestOf(n),
    });

  it("knows what was noted, once, and what was disowned as not ours", async () => {
    await note(1);
    await note(1);
    await note(2, "disowned");
    const journal = await readJournal(journalPath(dir));
    expect([...journal.keys()]).toEqual([digestOf(1), digestOf(2)]);
    expect([isOwn(journal, digestOf(1)), isOwn(journal, digestOf(2)), isOwn(journal, digestOf(3))]).toEqual([
      true,
      false,
      false,
    ]);
    expect((await readFile(journalPath(dir), "utf8")).trim().split("\n")).toHaveLength(2);
  });

  it("loses to a line that a crash cut off only that line", async () => {
    await note(1);
    await note(2);
    const text = await readFile(journalPath(dir), "utf8");
    await writeFile(journalPath(dir), text.slice(0, -20), { mode: 0o600 });
    await note(3);
    expect([...(await readJournal(journalPath(dir))).keys()]).toEqual([digestOf(1), digestOf(3)]);
  });

  it("that others may read is refused", async () => {
    await note(1);
    const { chmod } = await import("node:fs/promises");
    await chmod(journalPath(dir), 0o644);
    await expect(readJournal(journalPath(dir))).rejects.toMatchObject({ code: "profile_invalid" });
  });
});
