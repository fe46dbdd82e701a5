import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, test as base } from "@playwright/test";
import { PretendFleet } from "./support/pretend-fleet.ts";

const test = base.extend<object, { fleet: PretendFleet }>({
  fleet: [
    async ({}, use) => {
      const fleet = await PretendFleet.start({ hosts: 12, perHost: 50 });
      await use(fleet);
      await fleet.close();
    },
    { scope: "worker" },
  ],
});

const SIZES = [
  { name: "1080p", width: 1_920, height: 1_080 },
  { name: "4K", width: 3_840, height: 2_160 },
  { name: "portrait", width: 1_080, height: 1_920 },
] as const;

const worst = (page: Page) => page.getByRole("article", { name: "Worst trouble" });

/** Everything that is drawn lies within the screen: nothing scrolls, and nothing is cut off at its edge. */
async function expectNoOverflow(page: Page): Promise<void> {
  const outside = await page.evaluate(() => {
    const { innerWidth, innerHeight } = window;
    const all = [...document.querySelectorAll("main > div *")].map((element) => ({ element, box: element.getBoundingClientRect() }));
    return {
      scrolls: document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth,
      beyond: all
        .filter(({ box }) => box.width > 0 && (box.right > innerWidth + 1 || box.bottom > innerHeight + 1))
        .map(({ element }) => element.outerHTML.slice(0, 120)),
    };
  });
  expect(outside).toEqual({ scrolls: false, beyond: [] });
}

test("600 VMs on 12 hosts fit every screen without scrolling, with trouble and without", async ({ page, fleet }) => {
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await page.goto(`${fleet.url}wall`);
    await expect(page.getByRole("list", { name: "Hosts" }).getByRole("listitem")).toHaveCount(12);
    await expect(page.getByText("600 VMs · 12 of 12 hosts heard")).toBeVisible();
    await expect(page.getByText("No trouble")).toBeVisible();
    await expectNoOverflow(page);
    await fleet.tell("hang 3 9");
    await fleet.tell("stall 7 2");
    await expect(worst(page)).toContainText("9 hung");
    await expectNoOverflow(page);
    const fontSize = await worst(page)
      .getByText(/hung/)
      .evaluate((element) => Number.parseFloat(getComputedStyle(element).fontSize));
    expect(fontSize, size.name).toBeGreaterThanOrEqual(48);
    await fleet.tell("heal 3");
    await fleet.tell("heal 7");
    await expect(page.getByText("No trouble")).toBeVisible();
  }
});

test("a host that is not heard is said across the whole width, and its tile loses its colour; then it comes back", async ({
  page,
  fleet,
}) => {
  await page.goto(`${fleet.url}wall`);
  const tile = page.getByRole("listitem").filter({ hasText: "kvm-05" });
  await expect(tile).toHaveAccessibleName(/^kvm-05: 50 healthy$/);
  await fleet.tell("silence 5");
  await expect(page.getByRole("alert").filter({ hasText: "kvm-05 is not heard" })).toBeVisible({ timeout: 10_000 });
  await expect(tile).toHaveAccessibleName(/not heard/);
  await expect(page.getByText("600 VMs · 11 of 12 hosts heard")).toBeVisible();
  await expect(page.getByText("No trouble")).toBeVisible();
  await fleet.tell("return 5");
  await expect(page.getByText("600 VMs · 12 of 12 hosts heard")).toBeVisible();
  await expect(page.getByRole("alert").filter({ hasText: "not heard" })).toHaveCount(0);
});

test("when the network goes, the whole wall says within ten seconds that it is old, and is right again by itself", async ({
  page,
  context,
  fleet,
}) => {
  await page.goto(`${fleet.url}wall`);
  await expect(page.getByRole("status", { name: "Age of the data" })).toContainText("s old");
  await context.setOffline(true);
  await expect(page.getByRole("alert").filter({ hasText: "The hub is not heard" })).toBeVisible({ timeout: 10_000 });
  await fleet.tell("hang 1 2");
  await context.setOffline(false);
  await expect(worst(page)).toContainText("2 hung", { timeout: 10_000 });
  await expect(page.getByRole("alert").filter({ hasText: "The hub is not heard" })).toHaveCount(0);
  await fleet.tell("heal 1");
});

test("the URL chooses hosts, title, zone and light, and what it got wrong is said", async ({ page, fleet }) => {
  await page.goto(`${fleet.url}wall?hosts=kvm-0*&title=Fleet+A&cap=60&colour=red`);
  await expect(page.getByRole("list", { name: "Hosts" }).getByRole("listitem")).toHaveCount(9);
  await expect(page.getByRole("heading", { name: "Fleet A" })).toBeVisible();
  await expect(page.getByText("there is no option “colour”")).toBeVisible();
  expect(await page.getByRole("main").evaluate((element) => getComputedStyle(element).filter)).toBe("brightness(0.6)");
});

for (const theme of ["dark", "light"] as const) {
  test(`the wall is clean for axe with trouble on it, ${theme}`, async ({ page, fleet }) => {
    await fleet.tell("hang 2 3");
    await page.goto(`${fleet.url}wall?theme=${theme}`);
    await expect(worst(page)).toContainText("3 hung");
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await fleet.tell("heal 2");
  });
}
