// The words and the look against themselves: no code without its word, no colour outside of the tokens, nothing live.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { NEXT_STEPS } from "@breakwater/shared/receipt.ts";
import { COUNTRIES, REPORT_KINDS, REPORT_STATES } from "@breakwater/shared/vocab/index.ts";
import { describe, expect, it } from "vitest";
import { UNREAD_REASONS } from "../acquire/reading.ts";
import { OUTBOX_STATES } from "../outbox/machine.ts";
import { defangedParts, shortHash } from "./address.ts";
import { alertWords } from "./alert-words.ts";
import { countryName, emergencyIn, listCountries } from "./countries.ts";
import { labelOf, reasonOf, t, type WordKey } from "./i18n.ts";
import { STATE_MARKS } from "./parts/shape.tsx";
import { en } from "./words/en.ts";

const HERE = import.meta.dirname;
const EXTENSION = join(HERE, "..");

function filesUnder(folder: string, endings: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name.startsWith(".")) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(path, endings) : endings.test(entry.name) ? [path] : [];
  });
}
const sources = filesUnder(EXTENSION, /(?<!\.test)\.tsx?$/).map((path) => ({ path, text: readFileSync(path, "utf8") }));

describe("words", () => {
  it("each is used, and each that is used is there", () => {
    const all = sources
      .filter(({ path }) => !path.includes("/words/"))
      .map(({ text }) => text)
      .join("\n");
    const built =
      /^(why|next|unread|picked|outbox\.(queued|sending|retry_wait|blocked_auth|rejected)|basis|theme|density|shortcut|menu)/;
    const unused = Object.keys(en).filter(
      (key) => !all.includes(`"${key}"`) && !built.test(key) && !/^options\.(theme|density)$/.test(key),
    );
    expect(unused).toEqual([]);
  });

  it("every state and reason has its own", () => {
    for (const why of UNREAD_REASONS) expect(t(`unread.${why}`)).not.toBe("");
    for (const step of NEXT_STEPS) expect(Object.keys(en)).toContain(`next.${step}`);
    for (const state of OUTBOX_STATES) expect(Object.keys(en)).toContain(`outbox.${state}`);
    for (const state of Object.keys(REPORT_STATES)) expect(STATE_MARKS).toHaveProperty(state);
    for (const kind of Object.keys(REPORT_KINDS)) expect(labelOf("kind", kind)).not.toBe(kind);
    expect(reasonOf("something_new")).toBe("the exchange did not take it (something_new)");
  });

  it("keep the tone: no exclamation mark, no please, no oops, no all-caps, no address", () => {
    for (const [key, words] of Object.entries(en)) {
      expect(words, key).not.toMatch(/!|\b(please|oops|sorry|offender)\b|https?:\/\//i);
      expect(words.replace(/CSAM|UTC|AI\b|NCII/g, ""), key).not.toMatch(/\b[A-Z]{3,}\b/);
    }
  });

  it("fill in what is given and leave no hole unsaid", () => {
    expect(t("danger.call", { number: "112" })).toBe("Call 112");
    const holes = (key: WordKey) => [...en[key].matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(holes("danger.number_of_also")).toEqual(["country", "also"]);
  });
});

describe("what becomes of an urgent report", () => {
  const places = ["danger", "urgent", "next"] as const;
  it("is passed on after fifteen minutes only where that happens", () => {
    for (const place of places) {
      const words = alertWords(place, { passedOn: true, hotline: "Example Hotline" });
      expect(words).toMatch(/15 minutes.*passed on/);
      expect(words).not.toContain("Nobody else is told");
    }
  });
  it("is otherwise an alert at the hotline and nothing else", () => {
    for (const place of places) {
      expect(alertWords(place, { passedOn: false, hotline: "Example Hotline" })).toMatch(
        /alert (is raised )?at Example Hotline\. Nobody else is told, and it does not replace a call\.$/,
      );
      expect(alertWords(place, { passedOn: false, hotline: "Example Hotline" })).not.toMatch(/passed on|15 minutes/);
    }
  });
  it("is never said to be watched, or to replace a call", () => {
    for (const passedOn of [true, false]) {
      const words = alertWords("danger", { passedOn, hotline: "Example Hotline" });
      expect(words).toContain("This form is not watched every minute");
      expect(words).toContain("it does not replace a call");
    }
  });
});

describe("the look", () => {
  const css = [join(HERE, "panel.css"), join(HERE, "../../shared/ui/breakwater.css")].map((path) =>
    readFileSync(path, "utf8"),
  );

  it("holds no colour outside of :root, loads nothing, and knows no left and right", () => {
    for (const text of css) {
      const rules = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/:root\s*\{[^}]*\}/g, "");
      expect(rules).not.toMatch(/#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(|\burl\(|@import/i);
      expect(rules).not.toMatch(
        /\b(margin|padding|border)-(left|right|top|bottom)\b|text-align:\s*(left|right)|^\s*(left|right):/m,
      );
    }
  });

  it("puts no style into markup and no markup into text", () => {
    for (const { path, text } of sources) {
      expect(text, path).not.toMatch(
        /dangerouslySetInnerHTML|innerHTML|\sstyle=\{|createObjectURL|console\.(log|info|debug)/,
      );
    }
  });

  it("pairs of colours read well, light and dark", () => {
    const tokens = new Map(
      [...(css[1] as string).matchAll(/--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(
        ([, name, ...pair]) => [name, pair],
      ),
    );
    const grounds = { bg: 4.5, surface: 4.5, sunken: 4.5 };
    for (const [theme, name] of ["light", "dark"].entries()) {
      const of = (token: string) => luminance((tokens.get(token) as string[])[theme] as string);
      for (const ink of ["ink", "ink-2", "accent", "danger", "caution", "good"]) {
        for (const [ground, least] of Object.entries(grounds)) {
          expect(contrast(of(ink), of(ground)), `${ink} on ${ground}, ${name}`).toBeGreaterThanOrEqual(least);
        }
      }
      for (const tone of ["danger", "caution", "good", "accent"]) {
        expect(contrast(of("ink"), of(`${tone}-soft`)), `ink on ${tone}-soft, ${name}`).toBeGreaterThanOrEqual(4.5);
      }
      for (const edge of ["edge", "focus"])
        expect(contrast(of(edge), of("surface")), `${edge}, ${name}`).toBeGreaterThanOrEqual(3);
    }
  });
});

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: number, b: number): number {
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

describe("countries", () => {
  it("every country is there, each with a number; where none is known the words say so", () => {
    const all = listCountries();
    expect(all.length).toBeGreaterThan(240);
    for (const code of Object.keys(COUNTRIES)) expect(all.map((each) => each.code)).toContain(code);
    for (const { code, name } of all) {
      expect(name).not.toBe(code);
      expect(emergencyIn(code).call).toMatch(/^\d{2,5}$/);
    }
    expect(emergencyIn("IE")).toEqual({ call: "112", also: ["999"], known: true });
    expect(emergencyIn("KE").known).toBe(false);
    expect(emergencyIn(undefined)).toMatchObject({ call: "112", known: false });
    expect(countryName("IE")).toBe("Ireland");
  });
});

describe("addresses and hashes before a person", () => {
  it.each([
    ["https://forum.example/t/1042", "hxxps://", "forum[.]example", "/t/1042"],
    [
      "http://xn--bcher-kva.example:8080/?q=https://b.example",
      "hxxp://",
      "xn--bcher-kva[.]example:8080",
      "/?q=https[:]//b.example",
    ],
  ])("%s is not live", (url, scheme, host, rest) => {
    expect(defangedParts(url)).toEqual({ scheme, host, rest });
  });
  it("a hash is short for the eye and named for the ear", () => {
    expect(shortHash("sha256", `88ec8ac1${"0".repeat(52)}9a24`)).toEqual({
      shown: "88ec 8ac1 … 9a24",
      spoken: "SHA-256, starts 88ec, ends 9a24",
    });
    expect(shortHash("pdq", "62c3".repeat(16)).spoken).toBe("PDQ, starts 62c3, ends 62c3");
  });
});
