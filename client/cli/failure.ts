/** A failure as a person reads it, always four lines: what happened; kept; next; code. */

import { ExchangeError, formatProblem, type ProblemCode } from "@breakwater/shared/problem.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { describeUsage } from "./usage-words.ts";

export type FailureText = {
  /** "Nothing published: 2 of 10,412 rows are not valid." */
  what: string;
  kept: string;
  next: string;
  /** Lines between the first and `kept`: a table of bad rows. */
  between?: string[];
};

/** A refusal that the command has put into its own words. */
export class CommandFailure extends Error {
  readonly error: ExchangeError;
  readonly text: FailureText;
  readonly exit: ExitCode;
  /** Members for `--json` besides the problem's own. */
  readonly extra: Record<string, unknown>;

  constructor(
    error: ExchangeError,
    text: FailureText,
    options: { exit?: ExitCode; extra?: Record<string, unknown> } = {},
  ) {
    super(error.message, { cause: error });
    this.error = error;
    this.text = text;
    this.exit = options.exit ?? exitCodeOf(error.code);
    this.extra = options.extra ?? {};
  }
}

const NEXT: Partial<Record<ProblemCode, string>> = {
  api_key_expired: "ask the exchange's operator for a new key, then: breakwater login",
  api_key_invalid: "check the key, then: breakwater login",
  api_key_revoked: "ask your administrator for a new key, then: breakwater login",
  busy: "try again in a minute",
  rate_limited: "try again in a minute",
  confirmation_missing: "type the name when asked, or give it with --yes NAME",
  copy_damaged: "breakwater sync --fresh SET",
  copy_locked: "wait until the other command has ended",
  copy_missing: "breakwater sync SET",
  fetch_failed: "look at the network, then run the same command again",
  file_unreadable: "check the path and its permissions",
  interrupted: "run the same command again: it goes on where it stopped",
  not_found: "check the name; a set that you may not see is answered alike: breakwater sets",
  publication_pending: "run the same publish again, or drop it: breakwater publish --set SET --abandon",
  recipients_missing: "start the hotline's agent: breakwater hotline agent init",
  root_pin: "compare the pin with your agreement; tell the publisher before anything else",
  scope_required: "use a key with the scope that the route needs",
  state_newer: "update this program, or name another state folder in the profile",
  usage_invalid: "breakwater help",
};

/** Wrong words of a command: its own help says which are right. */
export function usageFailure(error: ExchangeError, command: string): CommandFailure {
  return new CommandFailure(error, { ...describeError(error), next: `${command} --help` });
}

const PROFILE = "Not done: the client's profile cannot be used.";

/** By code and reason, where the reason says more than the code. */
const BY_REASON: Record<string, readonly [what: string, next: string]> = {
  "config_invalid listen": ["Not started: this machine has no such address to listen at.", "breakwater serve --help"],
  "config_invalid listen_form": [
    "Not understood: --listen takes an address and a port, such as 127.0.0.1:8790.",
    "breakwater serve --help",
  ],
  "config_invalid listen_taken": [
    "Not started: another program listens there already.",
    "stop it, or name a free port: breakwater serve --listen 127.0.0.1:PORT",
  ],
  "config_invalid listen_forbidden": [
    "Not started: this user may not listen at that port.",
    "name one above 1023: breakwater serve --listen 127.0.0.1:PORT",
  ],
  "config_invalid token_missing": [
    "Not started: the token's file is not there.",
    "write 32 characters or more into it, mode 600, or correct --token-file",
  ],
  "config_invalid token_needed": [
    "Not started: an address that others reach needs a token.",
    "write 32 characters or more into a file of mode 600, and name it with --token-file",
  ],
  "profile_invalid missing": ["Not done: nobody has logged in here.", "breakwater login"],
  "profile_invalid json": [PROFILE, "the file profile.json is damaged; move it away, then: breakwater login"],
  "profile_invalid members": [PROFILE, "the file profile.json is damaged; move it away, then: breakwater login"],
  "profile_invalid newer": [
    PROFILE,
    "a newer breakwater wrote this profile: update this one, or name another folder with --config",
  ],
  "profile_invalid readable_by_others": [
    PROFILE,
    "chmod 600 the file in the profile folder; if others could read it, rotate the key",
  ],
  "profile_invalid exchange_insecure": [PROFILE, "give an https address; plain http is for this machine alone"],
  "profile_invalid exchange_address": [
    PROFILE,
    "give the exchange's address without a path, such as https://exchange.example",
  ],
  "rows_invalid not_utf8": [
    "Nothing published: the list is not a text in UTF-8.",
    "save it as UTF-8 and run the same command again",
  ],
  "root_pin not_pinned": [
    "Not done: nothing is pinned for this publisher.",
    "check the publisher's name; then, with the digest from your agreement: breakwater pin PUBLISHER --digest DIGEST",
  ],
};

/** Any refusal in four lines' worth of words, when the command has none of its own. */
export function describeError(error: ExchangeError): FailureText {
  const usage = describeUsage(error);
  if (usage !== undefined)
    return { what: `Not understood: ${usage}.`, kept: "nothing was changed", next: "breakwater help" };
  const reason = typeof error.detail.reason === "string" ? error.detail.reason : undefined;
  const words = BY_REASON[`${error.code} ${reason}`];
  if (words !== undefined) return { what: words[0], kept: "nothing was changed", next: words[1] };
  const why = reason === undefined ? "" : ` (${reason.replaceAll("_", " ")})`;
  return {
    what: `Not done: ${lowerFirst(formatProblem(error).title)}${why}.`,
    kept: "nothing was changed",
    next: nextOf(error) ?? NEXT[error.code] ?? "breakwater help problems",
  };
}

/** What the refusal itself says that helps: the name to type, when to come back, the scope. */
function nextOf(error: ExchangeError): string | undefined {
  const { expected, retry_after_s: seconds } = error.detail;
  if (error.code === "confirmation_missing" && typeof expected === "string") {
    return `type it when asked, or give it: --yes ${expected}`;
  }
  return typeof seconds === "number" ? `try again in ${seconds} s` : needed(error);
}

/** What would be needed, where the exchange says so. */
function needed({ code, detail }: ExchangeError): string | undefined {
  if (code !== "scope_required" || !Array.isArray(detail.scopes)) return undefined;
  return `use a key with the scope ${detail.scopes.join(" or ")}; an administrator gives it`;
}

/** Prints the failure and says how the process ends. */
export function reportFailure(terminal: Terminal, thrown: unknown): ExitCode {
  const failure = asFailure(thrown);
  const { error, text, extra } = failure;
  const problem = { ...formatProblem(error), ...extra, what: text.what, kept: text.kept, next: text.next };
  terminal.fail(
    problem,
    terminal.mark("fault", text.what),
    ...(text.between ?? []),
    `  ${terminal.label("kept")}  ${text.kept}`,
    `  ${terminal.label("next")}  ${text.next}`,
    `  ${terminal.label("code")}  ${error.code}`,
  );
  return failure.exit;
}

/** What the system said of the disk: what happened, what to do. */
const DISK: Record<string, readonly [what: string, next: string]> = {
  ENOSPC: ["the disk is full", "make room, then run the same command again"],
  EDQUOT: ["your share of the disk is used up", "make room, then run the same command again"],
  EFBIG: ["a file may not grow so large here", "raise the limit (ulimit -f), then run the same command again"],
  EROFS: ["the disk can only be read", "name a folder that can be written with --config"],
  EACCES: ["a folder may not be written", "look at the permissions of the profile folder"],
};

function asFailure(thrown: unknown): CommandFailure {
  if (thrown instanceof CommandFailure) return thrown;
  if (thrown instanceof ExchangeError) return new CommandFailure(thrown, describeError(thrown));
  // A fault of ours. Its message may hold a path or a value, so only its kind is shown.
  const kind = thrown instanceof Error ? ("code" in thrown ? String(thrown.code) : thrown.name) : typeof thrown;
  const error = new ExchangeError("internal", { reason: kind }, { cause: thrown });
  const disk = DISK[kind];
  if (disk !== undefined) {
    const text = {
      what: `Not done: ${disk[0]} (${kind}).`,
      kept: "the last verified copies are untouched",
      next: disk[1],
    };
    return new CommandFailure(error, text, { exit: EXIT.notDone });
  }
  const text = {
    what: `Not done: the command failed (${kind}).`,
    kept: "the last verified copies are untouched",
    next: "run it again with BREAKWATER_DEBUG=1 and tell us what it prints",
  };
  return new CommandFailure(error, text, { exit: EXIT.notDone });
}

export function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
