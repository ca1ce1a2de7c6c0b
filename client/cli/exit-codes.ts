/** How a command ends, and which refusal ends it how. */

import type { ProblemCode } from "@breakwater/shared/problem.ts";

export const EXIT = {
  ok: 0,
  notDone: 1,
  usage: 2,
  stale: 3,
  held: 4,
  refused: 5,
  badInput: 6,
  busy: 7,
  stopped: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Partial<Record<ProblemCode, ExitCode>> = {
  usage_invalid: EXIT.usage,
  id_invalid: EXIT.usage,
  profile_invalid: EXIT.usage,
  confirmation_missing: EXIT.usage,
  controls_invalid: EXIT.usage,
  copy_stale: EXIT.stale,
  release_expired: EXIT.stale,
  root_expired: EXIT.stale,
  clock: EXIT.stale,
  set_held: EXIT.held,
  release_fork: EXIT.held,
  root_fork: EXIT.held,
  policy_benign: EXIT.held,
  policy_degenerate: EXIT.held,
  policy_growth: EXIT.held,
  policy_new: EXIT.held,
  policy_removal: EXIT.held,
  policy_type: EXIT.held,
  about_invalid: EXIT.badInput,
  category_not_hashable: EXIT.badInput,
  entry_invalid: EXIT.badInput,
  entry_too_long: EXIT.badInput,
  file_too_large: EXIT.badInput,
  file_unreadable: EXIT.badInput,
  lookup_alg: EXIT.badInput,
  row_duplicate: EXIT.badInput,
  rows_invalid: EXIT.badInput,
  set_kind: EXIT.badInput,
  signal_invalid: EXIT.badInput,
  term_too_ambiguous: EXIT.badInput,
  url_invalid: EXIT.badInput,
  busy: EXIT.busy,
  lookup_budget: EXIT.busy,
  lookup_probing: EXIT.busy,
  rate_limited: EXIT.busy,
  copy_locked: EXIT.busy,
  admission_pending: EXIT.busy,
  interrupted: EXIT.stopped,
  answer_invalid: EXIT.notDone,
  fetch_failed: EXIT.notDone,
  internal: EXIT.notDone,
  ledger_unwritable: EXIT.notDone,
  migrations_pending: EXIT.busy,
  config_invalid: EXIT.notDone,
  signer_unavailable: EXIT.busy,
  copy_missing: EXIT.notDone,
  state_newer: EXIT.notDone,
  publication_pending: EXIT.notDone,
};

/** Whatever else was refused was refused: by the exchange, or by us because its bytes did not verify. */
export function exitCodeOf(code: ProblemCode): ExitCode {
  return BY_CODE[code] ?? EXIT.refused;
}

// When several sets end differently, the command ends as the one that most needs a person.
const WORST_FIRST: ExitCode[] = [EXIT.refused, EXIT.held, EXIT.stale, EXIT.busy, EXIT.notDone, EXIT.ok];

export function worstExit(codes: ExitCode[]): ExitCode {
  return WORST_FIRST.find((code) => codes.includes(code)) ?? EXIT.ok;
}
