import { expect, test as base } from "@playwright/test";
import type { Page } from "@playwright/test";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { DEFICIENCIES, differingShare, picturesOf, simulateVision } from "./support/colour-sheet.ts";
import type { Picture } from "./support/colour-sheet.ts";
import { PretendFleet } from "./support/pretend-fleet.ts";

const test = base.extend<object, { fleet: PretendFleet }>({
  fleet: [
    async ({}, use) => {
      const fleet = await PretendFleet.start({ hosts: 1, perHost: 10 });
      await fleet.tell("verdicts 1");
      await use(fleet);
      await fleet.close();
    },
    { scope: "worker" },
  ],
});

const SURFACES = ["--surface-base", "--surface-raised", "--surface-sunken"];
/** Of all pixels of a mark, so many have to differ clearly in lightness from every other mark. */
const LEAST_DIFFERING = 0.06;

/** Every pair that could be taken for each other, with how much of it differs. */
function lookAlikes(pictures: readonly Picture[]): string[] {
  return pictures.flatMap((one, index) =>
    pictures.slice(index + 1).flatMap((other) => {
      const share = differingShare(one, other);
      return share < LEAST_DIFFERING ? [`${one.name} and ${other.name}: ${(share * 100).toFixed(1)} % differ`] : [];
    }),
  );
}

/** Puts the marks of the page's own rows, by verdict, onto a sheet of one surface. */
async function laySheet(page: Page, surface: string): Promise<void> {
  await page.evaluate((name) => {
    document.querySelector("#sheet")?.remove();
    const sheet = document.createElement("div");
    sheet.id = "sheet";
    sheet.style.cssText = `position:fixed;inset:0;z-index:99;display:flex;gap:8px;padding:8px;background:var(${name})`;
    for (const svg of document.querySelectorAll("[role=cell]:first-child svg")) sheet.append(svg.cloneNode(true));
    document.body.append(sheet);
  }, surface);
}

for (const colorScheme of ["dark", "light"] as const) {
  test(`the ten verdicts differ at 16 px by shape and word, whatever colours are seen, ${colorScheme}`, async ({ page, fleet }) => {
    await page.emulateMedia({ colorScheme });
    await page.goto(fleet.url);
    const rows = page.getByRole("row").filter({ has: page.getByRole("link") });
    await expect(rows).toHaveCount(HEALTH_KINDS.length);
    const words = await rows.locator("[role=cell]:first-child").allInnerTexts();
    expect(new Set(words).size).toBe(HEALTH_KINDS.length);
    const cdp = await page.context().newCDPSession(page);
    for (const surface of SURFACES) {
      await laySheet(page, surface);
      for (const deficiency of DEFICIENCIES) {
        await simulateVision(cdp, deficiency);
        const pictures = await picturesOf(page, "#sheet svg", words);
        expect(pictures[0]).toMatchObject({ widthPx: 16, heightPx: 16 });
        expect(lookAlikes(pictures), `${deficiency} on ${surface}`).toEqual([]);
      }
    }
  });

  test(`the cells of the wall differ by shape where no colour is seen, ${colorScheme}`, async ({ page, fleet }) => {
    await page.setViewportSize({ width: 1_920, height: 1_080 });
    await page.goto(`${fleet.url}wall?theme=${colorScheme}`);
    const tile = page.getByRole("list", { name: "Hosts" }).getByRole("listitem");
    await expect(tile.locator("svg path")).toHaveCount(HEALTH_KINDS.length);
    // Each verdict's first cell by itself, at the smallest size that the wall draws.
    await page.evaluate(() => {
      const sheet = document.createElement("div");
      sheet.id = "sheet";
      sheet.style.cssText = "position:fixed;inset:0;z-index:99;display:flex;gap:8px;padding:8px;background:var(--surface-raised)";
      for (const path of document.querySelectorAll<SVGPathElement>("ul[aria-label=Hosts] svg path")) {
        const { x, y, width, height } = path.getBBox();
        const side = Math.ceil(Math.max(width, height));
        const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        svg.setAttribute("viewBox", `${Math.floor(x)} ${Math.floor(y)} ${side} ${side}`);
        svg.setAttribute("width", "10");
        svg.setAttribute("height", "10");
        svg.append(path.cloneNode(true));
        sheet.append(svg);
      }
      document.body.append(sheet);
    });
    const cdp = await page.context().newCDPSession(page);
    for (const deficiency of DEFICIENCIES) {
      await simulateVision(cdp, deficiency);
      expect(lookAlikes(await picturesOf(page, "#sheet svg", HEALTH_KINDS)), deficiency).toEqual([]);
    }
  });
}
