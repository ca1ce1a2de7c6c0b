/** What a hotline's agent asks of an exchange: its keys, the list of recipients, and seals for newcomers. */

import { ENVELOPE_MAX_BYTES } from "@breakwater/shared/envelope.ts";
import type { PublicJwk, SealingJwk } from "@breakwater/shared/keys.ts";
import { ExchangeError } from "@breakwater/shared/problem.ts";
import type { SealedJwe } from "@breakwater/shared/sealed.ts";
import { ForwardAnswer, type ForwardRequest } from "@breakwater/shared/wire/forward.ts";
import {
  AgentAnswer,
  MissingSealsAnswer,
  RecipientsAnswer,
  SealingKeysAnswer,
} from "@breakwater/shared/wire/hotline.ts";
import { ENVELOPE_CONTENT_TYPE } from "@breakwater/shared/wire/sets.ts";
import type { Call } from "./call.ts";

export function makeHotline(call: Call) {
  return {
    /** Once for a hotline; `agent_exists` afterwards. */
    registerAgent: (keys: { signing_key: PublicJwk; sealing_key: SealingJwk }) =>
      call.json({ method: "PUT", path: "/v1/hotline/agent", json: keys }, AgentAnswer),

    /** Who is told of urgent reports; what is left out is taken back. */
    nameForward: (named: ForwardRequest) =>
      call.json({ method: "PUT", path: "/v1/hotline/forward", json: named }, ForwardAnswer),

    listSealingKeys: () => call.json({ path: "/v1/hotline/sealing-keys" }, SealingKeysAnswer),

    putRecipients: (envelope: Uint8Array) =>
      call.json(
        { method: "PUT", path: "/v1/hotline/recipients", body: envelope, contentType: ENVELOPE_CONTENT_TYPE },
        RecipientsAnswer,
      ),

    /** The signed list as it is served; undefined before the first. */
    async findRecipients(): Promise<Uint8Array | undefined> {
      try {
        return (await call.bytes({ path: "/v1/hotline/recipients", maxBytes: ENVELOPE_MAX_BYTES })).body;
      } catch (error) {
        if (error instanceof ExchangeError && (error.code === "not_found" || error.code === "recipients_missing"))
          return undefined;
        throw error;
      }
    },

    /** Reports that some listed key cannot open yet. */
    listMissingSeals: async () => (await call.json({ path: "/v1/hotline/seals/missing" }, MissingSealsAnswer)).missing,

    async putSeal(reportId: string, seal: { kid: string; jwe: SealedJwe }): Promise<void> {
      await call.bytes({
        method: "POST",
        path: `/v1/hotline/reports/${reportId}/seals`,
        body: JSON.stringify(seal),
        contentType: "application/json",
        // A key has one seal a report: a second one of the same changes nothing.
        repeatable: true,
      });
    },
  };
}
