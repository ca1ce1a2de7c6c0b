/** Every refusal there is: its code, its HTTP status, its title; one error class, and its form on the wire (RFC 9457). */

export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 406 | 409 | 410 | 411 | 413 | 415 | 422 | 429 | 500 | 503;

// One table, in alphabetical order, so that a code without a status does not compile.
// docs/problems.md has a row for each code; a test holds the two together.
export const PROBLEMS = {
  about_invalid: { status: 422, title: "The set's description is not valid" },
  admission_pending: { status: 409, title: "A release of this set is still being admitted" },
  agent_exists: { status: 409, title: "The hotline already has an agent" },
  answer_invalid: { status: 503, title: "The exchange's answer cannot be read" },
  answer_too_large: { status: 503, title: "The exchange's answer is larger than allowed" },
  api_key_expired: { status: 401, title: "The API key has expired" },
  api_key_invalid: { status: 401, title: "The API key is not known" },
  api_key_revoked: { status: 401, title: "The API key was revoked" },
  assessment_done: { status: 409, title: "You have assessed this case already" },
  assessment_invalid: { status: 422, title: "The assessment is not valid" },
  assessor_same: { status: 409, title: "The second assessment needs a second person" },
  audience_too_wide: { status: 422, title: "The set's audience is wider than its content allows" },
  backup_expired: { status: 410, title: "The backup is older than backups may be" },
  backup_invalid: { status: 422, title: "The backup is not whole" },
  blob_digest_mismatch: { status: 422, title: "The bytes do not have the digest that names them" },
  blob_format: { status: 415, title: "Only segments, indexes and manifests are stored" },
  blob_gone: { status: 410, title: "The blob was purged" },
  blob_missing: { status: 422, title: "The release names a blob that is not here" },
  blob_size_mismatch: { status: 422, title: "The blob is not as long as the manifest says" },
  blob_too_large: { status: 413, title: "The blob is larger than the exchange takes" },
  bundle_invalid: { status: 422, title: "Log entries or hashes are not as long as the log says" },
  busy: { status: 503, title: "The exchange is busy" },
  case_conflict: { status: 409, title: "Somebody else saved this case" },
  case_state: { status: 409, title: "The case is not in a state that allows this" },
  category_not_hashable: { status: 422, title: "Hashes of this category are never published" },
  clock: { status: 503, title: "This machine's clock is behind what it has already seen" },
  config_invalid: { status: 503, title: "The configuration cannot be read" },
  confirmation_missing: { status: 409, title: "The act was not confirmed" },
  conflict: { status: 409, title: "The state changed in between" },
  content_type_unsupported: { status: 415, title: "The content type is not taken here" },
  controls_invalid: { status: 409, title: "The controls file cannot be read" },
  copy_damaged: { status: 409, title: "The verified copy on this machine was changed" },
  copy_locked: { status: 503, title: "Another command is using this copy" },
  copy_missing: { status: 409, title: "There is no verified copy of the set yet" },
  copy_stale: { status: 503, title: "The copy has not been verified for too long" },
  cp_cosig: { status: 422, title: "A witness's signature under the checkpoint does not verify" },
  cp_fork: { status: 409, title: "The log shows two histories of one size" },
  cp_format: { status: 422, title: "The checkpoint cannot be read" },
  cp_future: { status: 503, title: "The checkpoint was witnessed in the future" },
  cp_inconsistent: { status: 409, title: "The log does not contain what it contained before" },
  cp_origin: { status: 422, title: "The checkpoint is of another log" },
  cp_rollback: { status: 409, title: "The log is smaller than it was" },
  cp_sig: { status: 422, title: "The checkpoint is not signed by the log's key" },
  cp_stale: { status: 503, title: "The checkpoint was witnessed too long ago" },
  cursor_expired: { status: 410, title: "The cursor is from before a restore" },
  cursor_invalid: { status: 400, title: "The cursor is not one of ours" },
  custody_mismatch: { status: 409, title: "The publisher's release key is held elsewhere" },
  delta_invalid: { status: 422, title: "The delta does not fit the set" },
  device_format: { status: 401, title: "The device authorisation cannot be read" },
  device_revoked: { status: 403, title: "The device was switched off" },
  device_unknown: { status: 401, title: "The device is not enrolled" },
  device_waiting: { status: 403, title: "The device waits for approval" },
  digest_invalid: { status: 400, title: "A digest is `sha256:` and 64 lower-case hex digits" },
  entry_invalid: { status: 422, title: "The entry is not valid" },
  entry_too_long: { status: 422, title: "The entry is longer than one line may be" },
  envelope_format: { status: 422, title: "The envelope does not have the one allowed form" },
  envelope_header: { status: 422, title: "The protected header does not have the one allowed form" },
  envelope_kid_unknown: { status: 422, title: "A signature is by a key that the role does not list" },
  envelope_too_large: { status: 413, title: "The envelope is larger than its kind may be" },
  envelope_typ: { status: 422, title: "The envelope is of another type" },
  fetch_failed: { status: 503, title: "The exchange could not be reached" },
  file_too_large: { status: 413, title: "A file is larger than is hashed" },
  file_unreadable: { status: 400, title: "A file cannot be read" },
  forbidden: { status: 403, title: "Not allowed" },
  hash_not_confirmed: { status: 409, title: "The assessors' hashes differ" },
  id_invalid: { status: 400, title: "The identifier is not valid" },
  imagery_suspected: { status: 422, title: "The text looks as if it carried a picture" },
  index_invalid: { status: 422, title: "The snapshot index is not valid" },
  internal: { status: 500, title: "The exchange failed" },
  interrupted: { status: 409, title: "The command was stopped" },
  invite_exists: { status: 409, title: "The invite is already there" },
  invite_expired: { status: 410, title: "The invite has ended" },
  invite_invalid: { status: 403, title: "The invite is not valid" },
  invite_own: { status: 403, title: "Nobody approves an invite that they made" },
  invite_refused: { status: 403, title: "The invite was refused" },
  invite_used: { status: 409, title: "The invite was used already" },
  jcs_invalid: { status: 422, title: "The JSON is not canonical" },
  json_invalid: { status: 400, title: "The body is not JSON" },
  key_invalid: { status: 422, title: "The key is not a usable Ed25519 or X25519 key" },
  ledger_unwritable: { status: 503, title: "The decision ledger cannot be written" },
  length_required: { status: 411, title: "The length must be known beforehand" },
  log_behind: { status: 503, title: "The exchange's log is being restored" },
  log_conflict: { status: 503, title: "The exchange's log and its rows differ" },
  log_only: { status: 422, title: "The statement is not in the log" },
  lookup_alg: { status: 422, title: "Only exact hashes are looked up; perceptual ones are matched in your own copy" },
  lookup_budget: { status: 429, title: "The day's look-ups are used up: sync the set, and match in your own copy" },
  lookup_epoch: { status: 410, title: "There is a newer state of the list" },
  lookup_probing: {
    status: 429,
    title: "These look-ups go through the list; they are slowed down and shown to the operator",
  },
  lookup_tier: { status: 403, title: "The index is for members of another tier" },
  manifest_invalid: { status: 422, title: "The manifest is not valid" },
  manifest_mismatch: { status: 422, title: "The manifest and what refers to it do not agree" },
  manifest_too_large: { status: 413, title: "The manifest is larger than allowed" },
  match_not_ready: { status: 503, title: "There is no verified copy to match with yet" },
  media_not_accepted: { status: 403, title: "This daemon takes no media" },
  member_exists: { status: 409, title: "A member or publisher of that name exists" },
  method_not_allowed: { status: 405, title: "The route does not know this method" },
  migrations_pending: { status: 503, title: "The database is not at the expected state" },
  not_acceptable: { status: 406, title: "None of the asked formats is offered" },
  not_found: { status: 404, title: "Not found" },
  not_logged: { status: 422, title: "The statement is not in the log at the place given" },
  not_logged_yet: { status: 404, title: "No published checkpoint covers the statement yet" },
  opinion_own: { status: 403, title: "A publisher gives no opinion on its own set" },
  opinions_batch: { status: 409, title: "The batch's number was used for another batch" },
  origin_mismatch: { status: 403, title: "The request did not come from the console" },
  person_exists: { status: 409, title: "The person exists already" },
  policy_benign: { status: 409, title: "A change was held: an entry collides with known harmless material" },
  policy_degenerate: { status: 409, title: "A change was held: a perceptual hash matches too much" },
  policy_growth: { status: 409, title: "A change was held: the set grew beyond your limit" },
  policy_new: { status: 409, title: "A change was held: the publisher is new" },
  policy_removal: { status: 409, title: "A change was held: it removes more than your limit" },
  policy_type: { status: 409, title: "A change was held: it carries a type that you did not agree to" },
  profile_invalid: { status: 400, title: "The client's profile cannot be used" },
  proof_invalid: { status: 422, title: "The proof document cannot be read" },
  publication_pending: { status: 409, title: "An earlier publication is not finished" },
  publisher_mismatch: { status: 403, title: "The key does not speak for this publisher" },
  publisher_suspended: { status: 403, title: "The publisher is suspended" },
  query_invalid: { status: 400, title: "A query parameter is not valid" },
  rate_limited: { status: 429, title: "Too many requests" },
  recall_entries: { status: 422, title: "The recall names entries that the set never held" },
  recall_expired: { status: 422, title: "The recall has expired" },
  recall_fork: { status: 409, title: "There is another recall of that number" },
  recall_gap: { status: 409, title: "The recall does not follow the one held" },
  recall_invalid: { status: 422, title: "The recall is not valid" },
  recall_key_revoked: { status: 422, title: "The recall is signed by a key that was revoked" },
  recall_lifetime: { status: 422, title: "A recall lasts at most 72 hours" },
  recall_list: { status: 422, title: "The list of recalled entries cannot be read" },
  recall_rollback: { status: 409, title: "The recall is older than the one held" },
  recall_root: { status: 409, title: "The recall names a root version that is not known here" },
  recall_time: { status: 422, title: "The recall is from the future" },
  receipt_invalid: { status: 422, title: "The receipt is not valid" },
  recipients_invalid: { status: 422, title: "The list of recipients is not valid" },
  recipients_missing: { status: 409, title: "The hotline has no list of recipients yet" },
  recipients_version: { status: 409, title: "The list of recipients does not follow the one held" },
  release_chain: { status: 409, title: "The release does not continue the one before" },
  release_closed: { status: 409, title: "The set is closed" },
  release_expired: { status: 422, title: "The release has expired" },
  release_fork: { status: 409, title: "There is another release of that number" },
  release_gap: { status: 409, title: "The release does not follow the one held" },
  release_invalid: { status: 422, title: "The release statement is not valid" },
  release_rollback: { status: 409, title: "The release is older than the one held" },
  release_root: { status: 409, title: "The release names a root version that is not the newest" },
  release_time: { status: 422, title: "The release's times are not possible" },
  report_conflict: { status: 409, title: "The report's number was used for another report" },
  report_invalid: { status: 422, title: "The report is not valid" },
  report_too_large: { status: 413, title: "The report is larger than allowed" },
  request_invalid: { status: 400, title: "The request is not valid" },
  request_too_large: { status: 413, title: "The body is larger than allowed" },
  restore_target: { status: 409, title: "The database cannot take this backup" },
  restoring: { status: 503, title: "The exchange is being restored from a backup" },
  role_required: { status: 403, title: "Another role is needed for this" },
  root_chain: { status: 409, title: "The root does not continue the one before" },
  root_expired: { status: 422, title: "The root has expired" },
  root_fork: { status: 409, title: "There is another root of that version" },
  root_gap: { status: 409, title: "The root does not follow the one held" },
  root_invalid: { status: 422, title: "The root is not valid" },
  root_log: { status: 422, title: "The root names another home log" },
  root_missing: { status: 409, title: "The publisher has no root here yet" },
  root_pin: { status: 422, title: "The root is not the one that was pinned" },
  root_rollback: { status: 409, title: "The root is older than the one held" },
  root_time: { status: 422, title: "The root's times are not possible" },
  row_duplicate: { status: 422, title: "Two rows stand for the same entry" },
  rows_invalid: { status: 422, title: "Some rows are not valid" },
  scope_required: { status: 403, title: "The API key does not have the scope" },
  sealed_invalid: { status: 422, title: "The sealed part cannot be opened" },
  segment_digest: { status: 422, title: "The segment does not have the digest that names it" },
  segment_gzip: { status: 422, title: "The segment is not exactly one gzip member" },
  segment_header: { status: 422, title: "The segment's first line does not fit" },
  segment_line: { status: 422, title: "A line of the segment cannot be read" },
  segment_order: { status: 422, title: "The segment's lines are not sorted by id, each once" },
  segment_size: { status: 422, title: "The segment is not as long as it says" },
  session_expired: { status: 401, title: "The session has ended" },
  set_exists: { status: 409, title: "The set exists with another kind or stream" },
  set_held: { status: 409, title: "The set is held" },
  set_kind: { status: 422, title: "The entry or description is of another kind than the set" },
  sign_in_link_invalid: { status: 401, title: "The sign-in link has ended" },
  signal_invalid: { status: 422, title: "The hash does not have the form of its type" },
  signature_invalid: { status: 422, title: "A signature does not verify" },
  signature_threshold: { status: 422, title: "Too few of the role's keys have signed" },
  signer_refused: { status: 409, title: "The signer refused to sign" },
  signer_unavailable: { status: 503, title: "The signer cannot be reached" },
  snapshot_missing: { status: 422, title: "The release needs a snapshot" },
  state_count: { status: 422, title: "The number of entries is not the one stated" },
  state_digest: { status: 422, title: "The entries are not those that were signed" },
  state_newer: { status: 409, title: "The copies were written by a newer program" },
  statement_foreign: { status: 422, title: "A statement in the publisher's name was not made by its own signer" },
  stream_role: { status: 403, title: "Sets of this stream need an authorised body" },
  term_empty: { status: 422, title: "The term holds nothing to look for" },
  term_too_ambiguous: { status: 422, title: "A highly ambiguous term may not ask to block" },
  term_too_broad: { status: 422, title: "Nearly every text holds this term" },
  unauthenticated: { status: 401, title: "Nobody is signed in" },
  url_invalid: { status: 422, title: "The address cannot be used" },
  usage_invalid: { status: 400, title: "The command was not understood" },
  withheld: { status: 409, title: "The exchange offered an older release than the log shows" },
} as const satisfies Record<string, { status: ProblemStatus; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What a refusal may tell: numbers, codes, ids and member paths. Never a signal, term, address, name or token. */
export type ProblemDetail = Record<string, string | number | boolean | null | string[]>;

export const PROBLEM_TYPE_BASE = "https://breakwater.example/problems/";

// Members that RFC 9457 (and we) define; a detail of that name would say something else than it seems to.
const RESERVED = new Set(["type", "title", "status", "detail", "instance", "code"]);

/** The one error that rules throw; only the outermost layer turns it into HTTP or an exit code. */
export class ExchangeError extends Error {
  readonly code: ProblemCode;
  readonly detail: ProblemDetail;

  constructor(code: ProblemCode, detail: ProblemDetail = {}, options: { cause?: unknown } = {}) {
    super(`${code}: ${PROBLEMS[code].title}`, options);
    this.name = "ExchangeError";
    this.code = code;
    this.detail = detail;
  }

  get status(): ProblemStatus {
    return PROBLEMS[this.code].status;
  }
}

export type Problem = { type: string; title: string; status: number; code: string; instance?: string } & Record<
  string,
  unknown
>;

export function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === "string" && Object.hasOwn(PROBLEMS, value);
}

/** The body of an `application/problem+json` answer; the error's detail becomes extension members (RFC 9457 §3.2). */
export function formatProblem(error: ExchangeError, instance?: string): Problem {
  const { status, title } = PROBLEMS[error.code];
  const problem: Problem = { type: PROBLEM_TYPE_BASE + error.code, title, status, code: error.code };
  if (instance !== undefined) problem.instance = instance;
  for (const [name, value] of Object.entries(error.detail)) if (!RESERVED.has(name)) problem[name] = value;
  return problem;
}

/**
 * An answer's problem body as an error again.
 *
 * @returns undefined when the body is not a problem of ours, or a newer exchange's code that this build does not know
 */
export function parseProblem(body: unknown): ExchangeError | undefined {
  if (typeof body !== "object" || body === null || !("code" in body) || !isProblemCode(body.code)) return undefined;
  const detail: ProblemDetail = {};
  for (const [name, value] of Object.entries(body)) {
    if (!RESERVED.has(name) && isDetailValue(value)) detail[name] = value;
  }
  return new ExchangeError(body.code, detail);
}

function isDetailValue(value: unknown): value is ProblemDetail[string] {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
