/** What a character is to the term matcher, and what it folds to: compatibility forms, case and diacritics evened out (NFKD, UAX #15). */

/** What the first three bits of a character's kind say. */
export const CHARACTER = 1;
/** Marks, format characters, variation selectors: as if they were not there. */
export const IGNORED = 2;
export const SPACE = 3;
/** Punctuation and symbols that stand between letters. */
export const SEPARATOR = 4;
export const KIND_MASK = 7;
/** Part of a word: letters, digits, and marks that are not ignored. */
export const WORD = 8;
/** Of a script that writes no spaces between words: every place is a boundary. */
export const UNSPACED = 16;
/** Belongs to the character before it: vowel signs, voicing marks, the later parts of a Hangul syllable. */
export const EXTENDS = 32;
export const LETTER = 64;
/** An ignored character that is drawn on the one before it. */
export const MARK = 128;

const UNITS = 0x1_0000;
/** Symbols that stand for letters; they are characters, never separators. */
export const LETTER_SYMBOLS = "!@$+|";
const KEYCAP = 0x20e3;
const IS_IGNORED = /^[\p{Cf}\p{Default_Ignorable_Code_Point}]$/u;
const IS_MARK = /^\p{M}$/u;
// Accents, points and harakat are left out in writing as often as not; vowel signs of Indic and South-East Asian scripts
// and the voicing marks of kana are letters by another name: without them one word becomes another.
const IS_DIACRITIC = /^[\p{Script=Inherited}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Cyrillic}]$/u;
const IS_VOICING = /^[\u3099\u309a]$/;
const IS_SPACE = /^[\s\p{Z}\u0085]$/u;
const IS_SEPARATOR = /^[\p{P}\p{Sk}\p{Sm}\p{Sc}\p{Cc}]$/u;
const IS_LETTER = /^\p{L}$/u;
const IS_WORD = /^[\p{L}\p{N}]$/u;
const IS_UNSPACED =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}\u3099\u309a\u30fc]$/u;
const IS_LATER_JAMO = /^[\u1160-\u11ff\ud7b0-\ud7fb]$/;
/** Where lower-casing alone keeps two spellings of one letter apart. */
const SAME_LETTER: Record<string, string> = { ß: "ss", ı: "i", ς: "σ" };

/** The kind of a character taken by itself, before folding. */
function plainKind(character: string): number {
  if (character.codePointAt(0) === KEYCAP) return CHARACTER;
  if (IS_MARK.test(character)) {
    const isIgnored = (IS_DIACRITIC.test(character) && !IS_VOICING.test(character)) || IS_IGNORED.test(character);
    if (isIgnored) return IGNORED | MARK;
    return CHARACTER | WORD | EXTENDS | (IS_UNSPACED.test(character) ? UNSPACED : 0);
  }
  if (IS_SPACE.test(character)) return SPACE;
  if (IS_IGNORED.test(character)) return IGNORED;
  if (LETTER_SYMBOLS.includes(character)) return CHARACTER;
  if (IS_SEPARATOR.test(character)) return SEPARATOR;
  return (
    CHARACTER |
    (IS_WORD.test(character) ? WORD : 0) |
    (IS_LETTER.test(character) ? LETTER : 0) |
    (IS_UNSPACED.test(character) ? UNSPACED : 0) |
    (IS_LATER_JAMO.test(character) ? EXTENDS : 0)
  );
}

export type Folded = { kind: number; fold: string };

function foldCharacter(character: string): Folded {
  const own = plainKind(character);
  if ((own & KIND_MASK) === IGNORED) return { kind: own, fold: "" };
  if ((own & KIND_MASK) === SPACE) return { kind: SPACE, fold: " " };
  const decomposed = character.normalize("NFKD");
  // Spacing accents and whole phrases in one character come apart into spaces: they stay what they are.
  const base = decomposed.includes(" ") ? character : decomposed;
  const lower = [...base].map((part) => {
    const lowered = part.toLowerCase();
    return SAME_LETTER[lowered] ?? (lowered === part ? part : lowered.normalize("NFKD"));
  });
  const parts = [...lower.join("")].map((part) => ({ part, kind: plainKind(part) }));
  const characters = parts.filter(({ kind }) => (kind & KIND_MASK) === CHARACTER);
  if (characters.length > 0) {
    const flags = characters.reduce((all, { kind }) => all | kind, 0) & ~EXTENDS;
    return {
      kind: flags | ((characters[0] as { kind: number }).kind & EXTENDS),
      fold: characters.map(({ part }) => part).join(""),
    };
  }
  const separators = parts.filter(({ kind }) => (kind & KIND_MASK) === SEPARATOR);
  return separators.length > 0
    ? { kind: SEPARATOR, fold: separators.map(({ part }) => part).join("") }
    : { kind: IGNORED, fold: "" };
}

// One character of a 16-bit unit each: what most text is made of is told by two reads.
const kinds = new Uint8Array(UNITS);
const simple = new Uint16Array(UNITS);
const others = new Map<number, Folded>();
/** Characters outside the tables that are remembered; a text of all there are must not grow them without end. */
const OTHERS_MAX = 65_536;

function look(codePoint: number): Folded {
  const known = others.get(codePoint);
  if (known !== undefined) return known;
  const folded = foldCharacter(String.fromCodePoint(codePoint));
  if (codePoint < UNITS) {
    kinds[codePoint] = folded.kind;
    if (folded.fold.length === 1) simple[codePoint] = folded.fold.charCodeAt(0);
    else others.set(codePoint, folded);
  } else if (others.size < OTHERS_MAX) {
    others.set(codePoint, folded);
  }
  return folded;
}

export function kindOf(codePoint: number): number {
  if (codePoint >= UNITS) return look(codePoint).kind;
  const kind = kinds[codePoint] as number;
  return kind === 0 ? look(codePoint).kind : kind;
}

/** The unit that a character folds to, or 0 where it folds to none or to several. */
export function simpleFold(unit: number): number {
  if (kinds[unit] === 0) look(unit);
  return simple[unit] as number;
}

/** What a character folds to: nothing, one character or several. */
export function foldOf(codePoint: number): string {
  if (codePoint < UNITS) {
    const unit = simpleFold(codePoint);
    if (unit !== 0) return String.fromCharCode(unit);
  }
  return look(codePoint).fold;
}

/** A text as terms are compared: folded, white space as one space each, none at the ends. */
export function foldText(text: string): string {
  let folded = "";
  for (const character of text) {
    const part = foldOf(character.codePointAt(0) as number);
    if (part !== " " || !folded.endsWith(" ")) folded += part;
  }
  return folded.trim();
}

// Long ranges of characters that are alike; looking each up by its properties took a third of a second.
const ALIKE: readonly [first: number, last: number, kind: number][] = [
  [0x3400, 0x4dbf, CHARACTER | WORD | LETTER | UNSPACED],
  [0x4e00, 0x9fff, CHARACTER | WORD | LETTER | UNSPACED],
  [0xd800, 0xf8ff, CHARACTER],
];
const FIRST_SYLLABLE = 0xac00;
const LAST_SYLLABLE = 0xd7a3;

/** Every unit of 16 bits by its kind, worked out once a process. */
export function kindsOfAllUnits(): Uint8Array {
  for (const [first, last, kind] of ALIKE) {
    for (let unit = first; unit <= last; unit++) {
      kinds[unit] = kind;
      simple[unit] = unit;
    }
  }
  for (let unit = FIRST_SYLLABLE; unit <= LAST_SYLLABLE; unit++) {
    kinds[unit] = CHARACTER | WORD | LETTER;
    others.set(unit, { kind: CHARACTER | WORD | LETTER, fold: String.fromCharCode(unit).normalize("NFD") });
  }
  for (let unit = 0; unit < UNITS; unit++) if (kinds[unit] === 0) look(unit);
  return kinds;
}

export function codePointBefore(text: string, end: number): number {
  const unit = text.charCodeAt(end - 1);
  if (unit >= 0xdc00 && unit <= 0xdfff && end > 1) {
    const high = text.charCodeAt(end - 2);
    if (high >= 0xd800 && high <= 0xdbff) return ((high - 0xd800) << 10) + (unit - 0xdc00) + UNITS;
  }
  return unit;
}

export const sizeOf = (codePoint: number) => (codePoint < UNITS ? 1 : 2);
