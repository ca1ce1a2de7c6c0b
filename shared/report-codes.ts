/** The code words of a report that no set entry uses; words shared with entries are in `vocab/`. */

export const REPORT_BASES = [
  "seen_by_flagger",
  "victim_or_parent_report",
  "hash_match",
  "third_party_tip",
  "text_only",
] as const;

export const REPORT_FLAGS = [
  "self_generated",
  "coerced",
  "livestream",
  "infant",
  "violence",
  "viral_meme_possible",
  "victim_identifying_info_visible",
  "offender_visible",
  "new_looking",
  "series_known",
  "text_threat",
  "location_clue",
] as const;

export const REPORT_CONFIDENCES = ["low", "medium", "high"] as const;
export const REPORT_SHARING = ["hotline_only", "exchange_members", "law_enforcement"] as const;
export const REPORTER_ROLES = ["flagger", "hotline"] as const;
export const REPORT_MEDIA_TYPES = ["image", "video", "audio", "document", "text"] as const;
export const OBSERVED_PRECISIONS = ["exact", "minute", "day", "unknown"] as const;

export const LOCATION_ROLES = ["media", "page", "frame", "link_target", "profile", "post", "archive"] as const;
export const LOCATION_ACCESS = ["public", "login_required", "paywalled", "invite_only", "tor", "unknown"] as const;

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

export const REPORT_KINDS = [
  "csam",
  "ai_csam",
  "csam_ad_or_link",
  "grooming",
  "sextortion",
  "self_generated_spread",
  "non_photographic",
  "trafficking_or_tourism",
  "manual_or_advocacy_text",
  "other_exploitation",
  "url_only",
] as const;
export const URGENCIES = [
  "immediate_danger",
  "ongoing_abuse_suspected",
  "rapid_spread",
  "standard",
  "archive",
] as const;

export const ACTS = [
  "penetrative",
  "sadism_or_animal",
  "non_penetrative_activity",
  "sexualised_pose_or_focus",
  "other_indecent",
  "none_visible",
  "not_assessed",
] as const;
export const AGES = [
  "0_2",
  "3_6",
  "7_10",
  "11_13",
  "14_15",
  "16_17",
  "minor_unsure",
  "adult_possible",
  "not_assessed",
] as const;
export const PRODUCTIONS = ["photographic", "ai_generated", "ai_manipulated", "drawn_or_cgi", "unsure"] as const;
