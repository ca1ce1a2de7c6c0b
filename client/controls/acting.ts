/** The one door for whoever matches: hits go in, what they lead to comes out, and the ledger knows before anybody acts. */

import { randomBytes } from "node:crypto";
import type { FloodScope } from "@breakwater/shared/vocab/opinions.ts";
import type { Decision } from "../ledger/decision.ts";
import { type Ledger, openLedger } from "../ledger/ledger.ts";
import { queueFlood } from "../opinions/queue.ts";
import type { Flood } from "./controls.ts";
import { type Candidate, type Decided, decide } from "./decide.ts";
import { openFloodGuard } from "./flood-guard.ts";
import { type LiveControls, openControls } from "./live.ts";
import type { Target } from "./target.ts";

const HIT_REF_BYTES = 8;

/** What an operator is told: ids and counts only. */
export type ActingEvent =
  | { event: "flood"; scope: FloodScope; target: Target; count: number; expected: number }
  | { event: "controls_unreadable" | "controls_readable" };

/** A candidate together with what only the ledger wants to know of it. */
export type Found = Candidate & Pick<Decision, "kind"> & { distance?: number };
export type Acted = Decided & { hit_ref: string };

export type Acting = {
  /** In the order of the candidates. Counted for floods and noted for the ledger. */
  decide(candidates: readonly Found[], now: Date): Acted[];
  /**
   * Awaited before an answer is given.
   *
   * @throws ExchangeError `ledger_unwritable` when something that was acted on could not be recorded: answer such hits
   *   with review
   */
  record(): Promise<void>;
  readonly controls: LiveControls;
  readonly ledger: Ledger;
  stats(): { floods: number; controlsReadable: boolean; rows: number; waiting: number; dropped: number };
  close(): Promise<void>;
};

type ActingOptions = {
  stateDir: string;
  /** Where modes lay before. */
  profileDir?: string;
  now?: () => Date;
  onEvent?: (event: ActingEvent) => void;
};

export async function openActing(options: ActingOptions): Promise<Acting> {
  const { stateDir, profileDir, now = () => new Date(), onEvent = () => undefined } = options;
  let wasReadable = true;
  const live = await openControls(stateDir, {
    ...(profileDir === undefined ? {} : { profileDir }),
    now,
    onChange: ({ readable }) => {
      if (readable !== wasReadable) onEvent({ event: readable ? "controls_readable" : "controls_unreadable" });
      wasReadable = readable;
    },
  });
  if (!live.current.readable) {
    wasReadable = false;
    onEvent({ event: "controls_unreadable" });
  }
  const ledger = await openLedger(stateDir, now);
  const telling = new Set<Promise<void>>();
  let floods = 0;
  function tell(flood: Flood): void {
    floods++;
    const { target, count, expected } = flood;
    onEvent({ event: "flood", scope: target.scope, target, count, expected });
    const task = queueFlood(stateDir, flood)
      .catch(() => undefined) // the operator was told; the exchange is told when the disk can be written
      .finally(() => telling.delete(task));
    telling.add(task);
  }
  const guard = await openFloodGuard({ stateDir, live, now, ownFile: ledger.ownFile, onFlood: tell });
  let rows: Decision[] = [];
  let recording: Promise<void> = Promise.resolve();
  return {
    controls: live,
    ledger,
    decide(candidates, at) {
      // All of them are counted first: the hits that make a flood are part of it.
      for (const hit of candidates) {
        if (!hit.test && !live.current.isAllowed(hit, hit.digests)) guard.note(hit, at);
      }
      const controls = live.current;
      return candidates.map((hit) => {
        const decided = { ...decide(hit, controls, at), hit_ref: newHitRef() };
        rows.push(rowOf(hit, decided, at));
        return decided;
      });
    },
    record() {
      // Whoever comes while another's rows are being written may have had some of its own among them.
      if (rows.length === 0) return recording;
      const taken = rows;
      rows = [];
      recording = ledger.append(taken);
      return recording;
    },
    stats: () => ({ floods, controlsReadable: live.current.readable, ...ledger.stats() }),
    async close() {
      live.close();
      await guard.close();
      await Promise.all(telling);
      await ledger.close();
    },
  };
}

function newHitRef(): string {
  return `h_${randomBytes(HIT_REF_BYTES).toString("hex")}`;
}

function rowOf(hit: Found, { action, why, would, hit_ref }: Acted, at: Date): Decision {
  const { entry, set, release, origin, kind, distance, content } = hit;
  return {
    entry,
    at: at.toISOString(),
    hit_ref,
    set,
    release,
    origin,
    kind,
    distance: distance ?? null,
    action,
    ...(why === undefined ? {} : { why }),
    would,
    content,
  };
}
