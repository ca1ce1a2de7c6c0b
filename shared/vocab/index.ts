/** All vocabularies: closed codes on the wire, neutral words for people. */

export * from "./axes.ts";
export * from "./categories.ts";
export * from "./countries.ts";
export * from "./country.ts";
export * from "./crosswalk.ts";
export * from "./entries.ts";
export * from "./indicators.ts";
export * from "./opinions.ts";
export * from "./provider-duties.ts";
export * from "./reasons.ts";
export * from "./reports.ts";
export * from "./sets.ts";
export * from "./terms.ts";
export * from "./urls.ts";
export * from "./vocabulary.ts";
