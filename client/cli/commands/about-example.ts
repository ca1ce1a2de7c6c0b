/** A set's description to start from: every member that a hash set needs, with words to be replaced. */

export const ABOUT_EXAMPLE = {
  kind: "hash",
  stream: "test",
  title: "Test hashes",
  description: "Made-up hashes for trying out the exchange.",
  purpose: "Trying out publishing and matching.",
  basis: "No personal data: every hash is of a drawing made for tests.",
  tlp: "GREEN",
  contact: "Example Hotline, duty desk",
  severity: "Made-up data; nothing grave in it.",
  surfaces: ["public_content", "uploads"],
  retention_days: 365,
  act_stale_days: 7,
  keep_stale_days: 90,
  consent_based: false,
  person_linked: false,
  algs: ["md5", "sha1", "sha256", "pdq"],
  act_distance: 16,
  review_distance: 31,
  quality_floor: 50,
};
