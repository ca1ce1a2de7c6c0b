/** Codes of a report that the client fills by itself; the words that people choose from are in `vocab/`. */

export const REPORT_SHARING = ["hotline_only", "exchange_members", "law_enforcement"] as const;
export const REPORTER_ROLES = ["flagger", "hotline"] as const;
export const REPORT_MEDIA_TYPES = ["image", "video", "audio", "document", "text"] as const;
export const OBSERVED_PRECISIONS = ["exact", "minute", "day", "unknown"] as const;

/** How the extension came by what it hashed; `url_only` reports have no items and so no method. */
export const ACQUISITION_METHODS = [
  "page_cache_read",
  "page_canvas_read",
  "rendered_crop",
  "background_refetch",
  "user_file",
] as const;
export const SOURCE_FIDELITIES = ["original_bytes", "transcoded", "rendered", "unknown"] as const;

export const EMERGENCY_CALL = ["yes", "no", "not_possible"] as const;
export const NO_CALL_REASONS = ["not_safe", "no_phone", "place_unknown", "already_known_to_police", "other"] as const;
export const IMMEDIATE_INDICATORS = [
  "livestream_now",
  "threat_to_child",
  "meeting_arranged",
  "self_harm_risk",
  "child_asks_for_help",
  "other",
] as const;

export const ACTIONS_TAKEN = [
  "platform_notice",
  "police",
  "other_hotline",
  "take_it_down",
  "report_remove",
  "stopncii",
] as const;
