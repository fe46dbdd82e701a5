import { AxeBuilder } from "@axe-core/playwright";
import { expect, test as base } from "@playwright/test";
import type { Page } from "@playwright/test";
import { PretendFleet } from "./support/pretend-fleet.ts";
import { breakFleet, EMPTY_FLEET, EMPTY_SCREEN, SCREENS, SHOWN_FLEET, SILENT_SCREENS, WALLS } from "./support/screens.ts";

const test = base.extend<object, { fleet: PretendFleet }>({
  fleet: [
    async ({}, use) => {
      const fleet = await PretendFleet.start(SHOWN_FLEET);
      await breakFleet(fleet);
      await use(fleet);
      await fleet.close();
    },
    { scope: "worker" },
  ],
});

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const DESK = { width: 1_440, height: 900 };
/** A desk's screen at 200 %. */
const ZOOMED = { width: 720, height: 450 };
const PHONE = { width: 390, height: 844 };
const LEAST_TARGET_PX = 24;

test.use({ reducedMotion: "reduce", viewport: DESK });

for (const screen of [...SCREENS, ...SILENT_SCREENS]) {
  test(`${screen.name} can be read and used by everybody`, async ({ page, fleet }) => {
    await screen.open(page, fleet);
    await expectAccessible(page);
  });
}

for (const screen of WALLS) {
  test(`${screen.name} can be read by everybody`, async ({ page, fleet }) => {
    await screen.open(page, fleet);
    expect(await violationsOf(new AxeBuilder({ page }).withTags(RULES))).toEqual([]);
  });
}

test("the empty fleet can be read and used by everybody", async ({ page }) => {
  const fleet = await PretendFleet.start(EMPTY_FLEET);
  await EMPTY_SCREEN.open(page, fleet);
  await expectAccessible(page);
  await fleet.close();
});

/** Both themes, both again with more contrast; nothing too small to hit; nothing to be scrolled sideways at 200 % or on a phone. */
async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme, contrast: "no-preference" });
    expect(await violationsOf(new AxeBuilder({ page }).withTags(RULES)), colorScheme).toEqual([]);
    await page.emulateMedia({ colorScheme, contrast: "more" });
    expect(await violationsOf(new AxeBuilder({ page }).withRules(["color-contrast"])), `${colorScheme}, more contrast`).toEqual([]);
  }
  expect(await smallTargets(page)).toEqual([]);
  for (const viewport of [ZOOMED, PHONE]) {
    await page.setViewportSize(viewport);
    const overhangPx = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overhangPx, `${viewport.width} px`).toBeLessThanOrEqual(0);
  }
}

async function violationsOf(axe: AxeBuilder): Promise<string[]> {
  const { violations } = await axe.analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ""}`));
}

/** What can be pressed and is less than 24 px high or wide. Links within a sentence are as high as its line, which WCAG allows. */
async function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate((leastPx) => {
    const targets = [...document.querySelectorAll<HTMLElement>("button, input, select, textarea, [role=option]")];
    return targets
      .map((target) => ({ target, box: (target.closest("label") ?? target).getBoundingClientRect() }))
      .filter(({ box }) => box.width > 1 && (box.width < leastPx || box.height < leastPx))
      .map(({ target, box }) => `${Math.round(box.width)} × ${Math.round(box.height)}: ${target.outerHTML.slice(0, 160)}`);
  }, LEAST_TARGET_PX);
}
