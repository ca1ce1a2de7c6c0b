/** What a publisher asks of an exchange: sets, blobs, roots, releases and how an admission goes. */

import { type Digest, digestHex } from "@breakwater/shared/bytes.ts";
import type { SetId } from "@breakwater/shared/ids.ts";
import { AppliedAnswer, RecallAnswer } from "@breakwater/shared/wire/recalls.ts";
import {
  AdmissionAnswer,
  AdmissionPointer,
  CHANGES_MAX_LIMIT,
  ChangesPage,
  ENVELOPE_CONTENT_TYPE,
  ReleaseAnswer,
  RootAnswer,
  SetAnswer,
  type SetRequest,
  STATEMENT_CONTENT_TYPE,
} from "@breakwater/shared/wire/sets.ts";
import { type Call, parseAnswer } from "./call.ts";
import { ADMIT_TIMEOUT_MS, BLOB_TIMEOUT_MS } from "./limits.ts";
import { pathOf } from "./reading.ts";

/** Who signs the release: the publisher did, or the exchange is asked to. */
export type SignedBy = "member" | "exchange";

export function makePublishing(call: Call) {
  return {
    /** Creates the set, or finds it as it is asked for. */
    putSet: (setId: SetId, request: SetRequest): Promise<SetAnswer> =>
      call.json({ method: "PUT", path: pathOf(setId), json: request }, SetAnswer),

    async hasBlob(digest: Digest): Promise<boolean> {
      const answer = await call.bytes({
        method: "HEAD",
        path: `/v1/blobs/sha256/${digestHex(digest)}`,
        accept: [404, 410],
      });
      return answer.status < 300;
    },

    async putBlob(digest: Digest, bytes: Uint8Array): Promise<void> {
      await call.bytes({
        method: "PUT",
        path: `/v1/blobs/sha256/${digestHex(digest)}`,
        body: bytes,
        contentType: "application/octet-stream",
        timeoutMs: BLOB_TIMEOUT_MS,
      });
    },

    postRoot: (publisher: string, envelope: Uint8Array): Promise<RootAnswer> =>
      call.json(
        {
          method: "POST",
          path: `/v1/publishers/${publisher}/roots`,
          body: envelope,
          contentType: ENVELOPE_CONTENT_TYPE,
          repeatable: true,
        },
        RootAnswer,
      ),

    /**
     * Posts a release: an envelope, or a statement for the exchange to sign.
     *
     * @returns the stored answer, or undefined while the admission goes on elsewhere: then ask {@link getAdmission}
     */
    async postRelease(setId: SetId, bytes: Uint8Array, signedBy: SignedBy): Promise<ReleaseAnswer | undefined> {
      const answer = await call.bytes({
        method: "POST",
        path: `${pathOf(setId)}/releases`,
        body: bytes,
        contentType: signedBy === "member" ? ENVELOPE_CONTENT_TYPE : STATEMENT_CONTENT_TYPE,
        headers: { accept: "application/json" },
        timeoutMs: ADMIT_TIMEOUT_MS,
        // The same number and digest again gets the stored answer.
        repeatable: true,
      });
      if (answer.status !== 202) return parseAnswer(ReleaseAnswer, answer.body);
      parseAnswer(AdmissionPointer, answer.body);
      return undefined;
    },

    /** Posts a recall: an envelope, or its bytes for the exchange to sign. The same bytes again get the stored answer. */
    async postRecall(setId: SetId, bytes: Uint8Array, signedBy: SignedBy): Promise<RecallAnswer> {
      const contentType = signedBy === "member" ? ENVELOPE_CONTENT_TYPE : STATEMENT_CONTENT_TYPE;
      const path = `${pathOf(setId)}/recalls`;
      return call.json({ method: "POST", path, body: bytes, contentType, repeatable: true }, RecallAnswer);
    },

    /** Who has applied what: for the set's own publisher. @param releases - how many of the newest ones */
    getApplied: (setId: SetId, releases?: number): Promise<AppliedAnswer> =>
      call.json(
        { path: `${pathOf(setId)}/applied${releases === undefined ? "" : `?releases=${releases}`}` },
        AppliedAnswer,
      ),

    /** One page of the plain feed: the newest state of each entry, and the release that made it. */
    listChanges: (setId: SetId, cursor?: string): Promise<ChangesPage> => {
      const from = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      return call.json({ path: `${pathOf(setId)}/changes?limit=${CHANGES_MAX_LIMIT}${from}` }, ChangesPage);
    },

    getAdmission: (setId: SetId, release: number): Promise<AdmissionAnswer> =>
      call.json({ path: `${pathOf(setId)}/releases/${release}/admission` }, AdmissionAnswer),
  };
}
