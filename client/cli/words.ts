/** Text as a terminal may show it: no foreign control characters, no live address, and its ASCII spelling. */

const ESC = "\u001b";
/** The only escape sequences that we write: reset, dim, red, green, yellow. */
export const STYLE = {
  reset: `${ESC}[0m`,
  dim: `${ESC}[2m`,
  red: `${ESC}[31m`,
  green: `${ESC}[32m`,
  yellow: `${ESC}[33m`,
};
const OURS = new Set(Object.values(STYLE));

// Control characters, and the marks that turn the direction of text: either could make a line say something else.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /\u001b\[[0-9]{1,2}m|[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const SCHEME = /http(s?):\/\//giu;
const BROKEN_ADDRESS = /(hxxps?:\/\/)([^\s/?#"'<>]*)/gu;

/** One line without anything that a terminal would act on, except our own colours where they are wanted. */
export function safeLine(text: string, color: boolean): string {
  return text.replaceAll(CONTROL, (found) => (OURS.has(found) ? (color ? found : "") : "?"));
}

/** `https://forum.example/t/1` → `hxxps://forum[.]example/t/1`. */
export function defang(text: string): string {
  // Every scheme first, wherever it stands: `http://https://…` would otherwise keep the second one alive.
  const broken = text.replaceAll(SCHEME, (_, s: string) => `hxxp${s.toLowerCase()}://`);
  return broken.replaceAll(BROKEN_ADDRESS, (_, scheme: string, host: string) => scheme + host.replaceAll(".", "[.]"));
}

const ASCII: Record<string, string> = {
  "✓": "ok",
  "✗": "x",
  "·": "-",
  "→": "->",
  "█": "#",
  "░": ".",
  "−": "-",
  "–": "-",
  "—": "-",
  "…": "...",
  "×": "x",
  "≤": "<=",
  "’": "'",
  "“": '"',
  "”": '"',
};
const NOT_ASCII = /[^\u0020-\u007e]/gu;

/** For a terminal that has no more: our symbols in their ASCII spelling, anything else as `?`. */
export function asciiOf(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colour sequences
  const styles = text.split(/(\u001b\[[0-9]{1,2}m)/u);
  return styles.map((part) => (OURS.has(part) ? part : part.replaceAll(NOT_ASCII, (c) => ASCII[c] ?? "?"))).join("");
}

/** Columns that a text takes on the terminal, colours not counted. */
export function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colour sequences
  return [...text.replaceAll(/\u001b\[[0-9]{1,2}m/gu, "")].length;
}

/** `48211` → `48,211`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `e7c1ab…04` → `e7c1…04`, unless asked for in full. */
export function shortId(id: string, full: boolean): string {
  return full || id.length <= 10 ? id : `${id.slice(0, 4)}…${id.slice(-2)}`;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `2 min`, `3 h`, `8 d`. */
export function formatAge(ageMs: number): string {
  if (ageMs < MINUTE_MS) return "now";
  if (ageMs < HOUR_MS) return `${Math.floor(ageMs / MINUTE_MS)} min`;
  if (ageMs < 2 * DAY_MS) return `${Math.floor(ageMs / HOUR_MS)} h`;
  return `${Math.floor(ageMs / DAY_MS)} d`;
}

/** `22 Nov 2026, 14:02 UTC`. */
export function formatTime(at: Date): string {
  const [, day, month, year] = at.toUTCString().split(" ");
  return `${Number(day)} ${month} ${year}, ${at.toISOString().slice(11, 16)} UTC`;
}
