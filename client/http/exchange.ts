/** The typed client of an exchange: every route that a member, an operator or a hotline's agent uses. */

import { type CallOptions, makeCall } from "./call.ts";
import { makeHotline } from "./hotline.ts";
import { makeLogReading } from "./log.ts";
import { makeLookupRecords, makeLookups } from "./lookup.ts";
import { makeOperator } from "./operator.ts";
import { makeOpinions } from "./opinions.ts";
import { makePublishing } from "./publishing.ts";
import { makeReading } from "./reading.ts";

export type Exchange = ReturnType<typeof openExchange>;

/** A client for one exchange and one API key; it holds no connection, and remembers only that it could not reach it. */
export function openExchange(options: CallOptions) {
  const call = makeCall(options);
  return {
    origin: options.origin,
    ...makeReading(call),
    ...makeLogReading(options),
    ...makeLookups(call),
    ...makeOpinions(call),
    ...makePublishing(call),
    operator: { ...makeOperator(call), ...makeLookupRecords(call) },
    hotline: makeHotline(call),
  };
}
