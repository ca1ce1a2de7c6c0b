// `node test/tables/confusables.ts`: writes the table of look-alike characters anew from Unicode's confusables (UTS #39), as a package carries them.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { CHARACTER, foldText, KIND_MASK, kindOf } from "@breakwater/shared/match/terms/fold.ts";

export const TABLE_PATH = fileURLToPath(new URL("../../shared/match/terms/confusables-table.ts", import.meta.url));
/** The version of Unicode's data that the package below has. */
const DATA_VERSION = "13.0.0";
const SOURCE = "unhomoglyph";
const LINE_CHARS = 100;

const isAscii = (text: string) => /^[\0-\x7f]$/.test(text);
const isCharacter = (text: string) =>
  [...text].length === 1 && (kindOf(text.codePointAt(0) as number) & KIND_MASK) === CHARACTER;

/** Folded character → the one folded character it looks like. */
function imagesOf(data: Record<string, string>): Map<string, string> {
  const candidates = new Map<string, { image: string; isLower: boolean }[]>();
  for (const [from, to] of Object.entries(data)) {
    if ([...from].length !== 1) continue;
    const [folded, image] = [foldText(from), foldText(to)];
    if (!isCharacter(folded) || !isCharacter(image) || folded === image) continue;
    // Two Latin letters of ASCII are never taken for each other, or half the language would be.
    if (isAscii(folded) && isAscii(image)) continue;
    // A letter and a mark: the strokes of Latin letters are a way of writing, the dots of Arabic ones are the letter.
    if ([...to.normalize("NFKD")].length > 1 && !(/\p{Script=Latin}/u.test(folded) && isAscii(image))) continue;
    const isLower = from.toLowerCase() === from;
    candidates.set(folded, [...(candidates.get(folded) ?? []), { image, isLower }]);
  }
  const images = new Map<string, string>();
  // A letter whose capital looks like another letter than itself (Greek nu: v, N) keeps one image, or all three were one.
  for (const [folded, all] of candidates) {
    const best = (["lower", "upper"] as const)
      .flatMap((letterCase) => all.filter(({ isLower }) => isLower === (letterCase === "lower")))
      .sort((a, b) => Number(isAscii(b.image)) - Number(isAscii(a.image)))[0];
    if (best !== undefined && !isAscii(folded)) images.set(folded, best.image);
  }
  return images;
}

/** What all look-alikes of one another end at. */
function endOf(images: Map<string, string>, from: string): string {
  const seen = new Set<string>();
  let at = from;
  while (images.has(at) && !seen.has(at)) {
    seen.add(at);
    at = images.get(at) as string;
  }
  // Two that point at each other: the first of the round by code point.
  return seen.has(at) ? ([...seen].sort()[0] as string) : at;
}

const hexOf = (character: string) => (character.codePointAt(0) as number).toString(16);

export function confusablesTable(): string {
  const path = createRequire(import.meta.url).resolve(`${SOURCE}/data.json`);
  const images = imagesOf(JSON.parse(readFileSync(path, "utf8")));
  const groups = new Map<string, string[]>();
  for (const from of images.keys()) {
    const end = endOf(images, from);
    if (end !== from) groups.set(end, [...(groups.get(end) ?? []), from]);
  }
  const byCodePoint = (a: string, b: string) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number);
  const words = [...groups]
    .sort(([a], [b]) => byCodePoint(a, b))
    .flatMap(([end, from]) => [`${hexOf(end)}:`, ...from.sort(byCodePoint).map(hexOf)]);
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line.length + word.length + 1 > LINE_CHARS) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  lines.push(line);
  return `/**
 * Characters that look alike, folded: after each one with a colon, those that are taken for it. Made by
 * test/tables/confusables.ts from Unicode's confusables (UTS #39; Unicode License v3), single characters only.
 */

export const CONFUSABLES_VERSION = "${DATA_VERSION}";
export const CONFUSABLES = \`
${lines.join("\n")}
\`;
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TABLE_PATH, confusablesTable());
