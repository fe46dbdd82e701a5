import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

/** Reads the colours from the one file that has them and holds their contrasts: AA for text, 3:1 for shapes and borders of fields. */

const css = readFileSync(join(import.meta.dirname, "../../app/globals.css"), "utf8");

type Theme = "light" | "dark";

function token(name: string, theme: Theme): number {
  const match = new RegExp(`--${name}: light-dark\\(oklch\\(([^)]+)\\), oklch\\(([^)]+)\\)\\)`).exec(css);
  if (!match) throw new Error(`globals.css has no --${name}`);
  const [lightness = 0, chroma = 0, hue = 0] = (match[theme === "light" ? 1 : 2] ?? "").split(" ").map(Number);
  return luminance(lightness, chroma, hue);
}

/** OKLCH to relative luminance: through OKLab and linear sRGB, cut to what a screen can show. @see https://www.w3.org/TR/css-color-4/ */
function luminance(lightness: number, chroma: number, hueDegrees: number): number {
  const a = chroma * Math.cos((hueDegrees * Math.PI) / 180);
  const b = chroma * Math.sin((hueDegrees * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const [red, green, blue] = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((channel) => Math.min(1, Math.max(0, channel)));
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

const SURFACES = ["surface-base", "surface-raised", "surface-sunken"];
const TEXTS = ["text-strong", "text-body", "text-quiet"];
const HUES = ["hue-hung", "hue-io", "hue-migration", "hue-silent", "hue-stopped", "hue-quiet", "hue-good", "hue-info"];

describe.each<Theme>(["light", "dark"])("in the %s theme", (theme) => {
  const pairs = [...TEXTS, ...HUES].flatMap((ink) => SURFACES.map((surface) => [ink, surface] as const));
  test.each(pairs)("%s is readable on %s", (ink, surface) => {
    expect(contrast(token(ink, theme), token(surface, theme))).toBeGreaterThanOrEqual(4.5);
  });
  test.each(SURFACES)("the border of a field is seen on %s", (surface) => {
    expect(contrast(token("line-strong", theme), token(surface, theme))).toBeGreaterThanOrEqual(3);
  });
  test("the words of a strong button are readable", () => {
    expect(contrast(token("ink-on-strong", theme), token("text-strong", theme))).toBeGreaterThanOrEqual(4.5);
  });
});
