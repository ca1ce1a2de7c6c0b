/** Everything the exchange writes to its log: one helper an event, ids and codes only. */

/** A line's values. Text is held to the form of ids and codes, so a term, address or name cannot slip in. */
export type EventValue = string | number | boolean | null | undefined;
export type EventLine = Record<string, EventValue>;
export type EventSink = (line: EventLine & { event: string; at: string }) => void;

const CODE_LIKE = /^[A-Za-z0-9_.:/*{}-]{1,128}$/;
const ADDRESS_LIKE = /:\/\/|www\.|^data:/i;

export function isLoggable(value: string): boolean {
  return CODE_LIKE.test(value) && !ADDRESS_LIKE.test(value);
}

export function makeEvents(
  sink: EventSink = (line) => console.log(JSON.stringify(line)),
  now: () => Date = () => new Date(),
) {
  function write(event: string, line: EventLine): void {
    const safe: EventLine = {};
    for (const [name, value] of Object.entries(line)) {
      if (value === undefined) continue;
      // Withheld, not thrown: a refusal to log must not become a failed request.
      safe[name] = typeof value === "string" && !isLoggable(value) ? "[withheld]" : value;
    }
    sink({ at: now().toISOString(), event, ...safe });
  }
  return {
    /** For a slice's own events: export one function an event from the slice and let it call this. */
    write,
    /** `route` is the pattern, never the path: a path holds what the caller typed. */
    requestRefused: (line: {
      request_id: string;
      method: string;
      route: string;
      status: number;
      code: string;
      reason?: string;
    }) => write("request_refused", line),
    requestFailed: (line: { request_id: string; method: string; route: string; code: string; reason: string }) =>
      write("request_failed", line),
    jobDone: (line: { job_id: string; kind: string; attempts: number }) => write("job_done", line),
    jobFailed: (line: {
      job_id: string;
      kind: string;
      attempts: number;
      code: string;
      reason: string;
      final: boolean;
    }) => write("job_failed", line),
    retentionRun: (line: { table: string; removed: number }) => write("retention_run", line),
    retentionFailed: (line: { table: string; reason: string }) => write("retention_failed", line),
    configInvalid: (line: { bindings: string }) => write("config_invalid", line),
    enrolmentRefused: (line: { code: string }) => write("enrolment_refused", line),
    scheduledRun: (line: { jobs: number }) => write("scheduled_run", line),
    scheduledFailed: (line: { step: string; reason: string }) => write("scheduled_failed", line),
  };
}

export type Events = ReturnType<typeof makeEvents>;
