import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * Reads the colours from the one file that has them and holds their contrasts: AA for text, also where a verdict's own hue
 * lies under it, 3:1 for shapes and borders of fields; AAA where more contrast is asked for.
 */

const css = readFileSync(join(import.meta.dirname, "../../app/globals.css"), "utf8");
const moreContrast = /@media \(prefers-contrast: more\) \{\n {2}:root \{([^}]*)\}/.exec(css)?.[1] ?? "";

type Theme = "light" | "dark";
/** Red, green and blue as a screen shows them, from 0 to 1. */
type Rgb = readonly [red: number, green: number, blue: number];

function token(name: string, theme: Theme, isHighContrast: boolean): Rgb {
  const pattern = new RegExp(`--${name}: light-dark\\(oklch\\(([^)]+)\\), oklch\\(([^)]+)\\)\\)`);
  const match = (isHighContrast ? pattern.exec(moreContrast) : undefined) ?? pattern.exec(css);
  if (!match) throw new Error(`globals.css has no --${name}`);
  const [lightness = 0, chroma = 0, hue = 0] = (match[theme === "light" ? 1 : 2] ?? "").split(" ").map(Number);
  return rgb(lightness, chroma, hue);
}

/** OKLCH to sRGB, cut to what a screen can show. @see https://www.w3.org/TR/css-color-4/ */
function rgb(lightness: number, chroma: number, hueDegrees: number): Rgb {
  const a = chroma * Math.cos((hueDegrees * Math.PI) / 180);
  const b = chroma * Math.sin((hueDegrees * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encode(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function encode(linear: number): number {
  const cut = Math.min(1, Math.max(0, linear));
  return cut <= 0.0031308 ? 12.92 * cut : 1.055 * cut ** (1 / 2.4) - 0.055;
}

function decode(encoded: number): number {
  return encoded <= 0.04045 ? encoded / 12.92 : ((encoded + 0.055) / 1.055) ** 2.4;
}

/** What is seen where a hue lies thinly over a surface, as `bg-hung/12` does: browsers mix the encoded values. */
function tint(hue: Rgb, surface: Rgb, percent: number): Rgb {
  const mix = (channel: 0 | 1 | 2) => (hue[channel] * percent) / 100 + surface[channel] * (1 - percent / 100);
  return [mix(0), mix(1), mix(2)];
}

function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * decode(red) + 0.7152 * decode(green) + 0.0722 * decode(blue);
}

function contrast(one: Rgb, other: Rgb): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const SURFACES = ["surface-base", "surface-raised", "surface-sunken"];
const TEXTS = ["text-strong", "text-body", "text-quiet"];
const HUES = ["hue-hung", "hue-io", "hue-migration", "hue-silent", "hue-stopped", "hue-quiet", "hue-good", "hue-info"];
/** Every tint that components lay under text: rows, cords and buttons of a hang, the stage of the wall, badges. */
const TINTS = [
  ...["surface-base", "surface-raised", "surface-sunken"].map((surface) => ({ hue: "hue-hung", percent: 12, surface })),
  ...["hue-hung", "hue-io", "hue-migration", "hue-silent", "hue-stopped"].map((hue) => ({ hue, percent: 15, surface: "surface-base" })),
  ...["surface-base", "surface-raised"].map((surface) => ({ hue: "hue-info", percent: 10, surface })),
];
const THEMES = (["light", "dark"] as const).flatMap((theme) => [
  { name: `the ${theme} theme`, theme, isHighContrast: false, least: 4.5 },
  { name: `the ${theme} theme in high contrast`, theme, isHighContrast: true, least: 7 },
]);

describe.each(THEMES)("in $name", ({ theme, isHighContrast, least }) => {
  const colour = (name: string) => token(name, theme, isHighContrast);
  const pairs = [...TEXTS, ...HUES].flatMap((ink) => SURFACES.map((surface) => [ink, surface] as const));
  test.each(pairs)("%s is readable on %s", (ink, surface) => {
    expect(contrast(colour(ink), colour(surface))).toBeGreaterThanOrEqual(least);
  });
  const tinted = TINTS.flatMap((under) => ["text-strong", "text-body", under.hue].map((ink) => ({ ink, ...under })));
  test.each(tinted)("$ink is readable on $surface under $percent % of $hue", ({ ink, hue, percent, surface }) => {
    expect(contrast(colour(ink), tint(colour(hue), colour(surface), percent))).toBeGreaterThanOrEqual(4.5);
  });
  test.each(SURFACES)("the border of a field is seen on %s", (surface) => {
    expect(contrast(colour("line-strong"), colour(surface))).toBeGreaterThanOrEqual(3);
  });
  test("the words of a strong button are readable", () => {
    expect(contrast(colour("ink-on-strong"), colour("text-strong"))).toBeGreaterThanOrEqual(least);
  });
  if (isHighContrast) {
    test("lines between things are seen as well", () => {
      expect(contrast(colour("line"), colour("surface-base"))).toBeGreaterThanOrEqual(3);
    });
  }
});
