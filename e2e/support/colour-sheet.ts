import type { CDPSession, Page } from "@playwright/test";

/** The deficiencies that Chromium simulates, and no colour at all. */
export const DEFICIENCIES = ["none", "protanopia", "deuteranopia", "tritanopia", "achromatopsia"] as const;
export type Deficiency = (typeof DEFICIENCIES)[number];

/** Has the browser draw as somebody with that deficiency would see it. */
export async function simulateVision(cdp: CDPSession, type: Deficiency): Promise<void> {
  await cdp.send("Emulation.setEmulatedVisionDeficiency", { type });
}

/** What was drawn of some element, as bytes of red, green, blue and alpha. */
export interface Picture {
  name: string;
  widthPx: number;
  heightPx: number;
  pixels: number[];
}

/** Takes a picture of each element that the selector finds, in order, as it is drawn now. */
export async function picturesOf(page: Page, selector: string, names: readonly string[]): Promise<Picture[]> {
  const pictures: Picture[] = [];
  const elements = await page.locator(selector).all();
  for (const [index, name] of names.entries()) {
    const element = elements[index];
    if (!element) throw new Error(`There is no picture of ${name}`);
    const png = (await element.screenshot()).toString("base64");
    pictures.push({ name, ...(await page.evaluate(decodePng, png)) });
  }
  return pictures;
}

/** In the browser, which knows how to read a PNG. */
async function decodePng(base64: string) {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  if (!context) throw new Error("This browser draws no canvas");
  context.drawImage(bitmap, 0, 0);
  return { widthPx: bitmap.width, heightPx: bitmap.height, pixels: [...context.getImageData(0, 0, bitmap.width, bitmap.height).data] };
}

/** Of how many pixels the lightness differs clearly: by a fifth of what there is between black and white. */
export function differingShare(one: Picture, other: Picture): number {
  let differing = 0;
  const count = one.widthPx * one.heightPx;
  for (let index = 0; index < count; index++) {
    if (Math.abs(lightness(one.pixels, index) - lightness(other.pixels, index)) > 51) differing += 1;
  }
  return differing / count;
}

function lightness(pixels: number[], index: number): number {
  const [red = 0, green = 0, blue = 0] = pixels.slice(index * 4, index * 4 + 3);
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}
