/** What a member says back about a set's entries: opinions, sightings, daily counts, floods, in batches that may be sent twice. */

import type { SetId } from "@breakwater/shared/ids.ts";
import { OpinionsAnswer, type OpinionsRequest } from "@breakwater/shared/wire/opinions.ts";
import type { Call } from "./call.ts";
import { pathOf } from "./reading.ts";

export function makeOpinions(call: Call) {
  return {
    /** The batch's id makes sending it twice sending it once. */
    sendOpinions: (setId: SetId, batch: OpinionsRequest): Promise<OpinionsAnswer> =>
      call.json({ method: "POST", path: `${pathOf(setId)}/opinions`, json: batch, repeatable: true }, OpinionsAnswer),
  };
}
