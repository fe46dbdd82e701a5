import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, test as base } from "@playwright/test";
import { PretendFleet } from "./support/pretend-fleet.ts";

const HOSTS = 20;
const PER_HOST = 50;

const test = base.extend<object, { fleet: PretendFleet }>({
  fleet: [
    async ({}, use) => {
      const fleet = await PretendFleet.start({ hosts: HOSTS, perHost: PER_HOST });
      await use(fleet);
      await fleet.close();
    },
    { scope: "worker" },
  ],
});

const table = (page: Page) => page.getByRole("table", { name: "Fleet" });
const names = (page: Page) => table(page).getByRole("link");
const row = (page: Page, name: string) =>
  table(page)
    .getByRole("row")
    .filter({ has: page.getByRole("link", { name, exact: true }) });

async function openWhole(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await expect(page.getByRole("button", { name: "All 1,000" })).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "Reading" })).toHaveCount(0);
}

test("the server's page carries the counts and the first hundred rows, and the browser the rest", async ({ page, fleet }) => {
  await openWhole(page, fleet.url);
  await fleet.tell("hang 1 2");
  const html = await (await page.request.get(fleet.url)).text();
  expect(html).toContain("1,000");
  expect(html.indexOf("web-1-1")).toBeGreaterThan(0);
  expect(new Set(html.match(/"vmId\\":\\"vm\d+/g)).size).toBe(100);
  await openRead(page, `${fleet.url}?q=cache-20-48`);
  await expect(names(page)).toHaveText(["cache-20-48"]);
  await fleet.tell("heal 1");
});

test("what is chosen is in the URL, and the URL shows the same again", async ({ page, fleet }) => {
  await openWhole(page, fleet.url);
  await page.getByRole("button", { name: "Host", exact: true }).first().click();
  await page.getByRole("searchbox", { name: "Find among Host" }).fill("kvm-07");
  await page.getByRole("checkbox", { name: "kvm-07" }).check();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("checkbox", { name: "storage" }).check();
  await page.keyboard.press("Escape");
  await page.getByRole("columnheader", { name: "VM" }).getByRole("button").click();
  await page.getByRole("columnheader", { name: "VM" }).getByRole("button").click();
  await page.getByRole("button", { name: "View" }).click();
  await page.getByRole("checkbox", { name: "Far side" }).check();
  await page.getByRole("radio", { name: "Dense" }).check();
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/\?host=kvm-07&tag=storage&sort=-name&cols=[a-z.]*far[a-z.]*&density=dense$/);
  await page.reload();
  await expect(page.getByRole("columnheader", { name: "VM" })).toHaveAttribute("aria-sort", "descending");
  await expect(page.getByRole("columnheader", { name: "Far side" })).toBeVisible();
  await expect(names(page).first()).toHaveText("db-7-50");
  expect((await row(page, "db-7-50").boundingBox())?.height).toBe(32);
  await expect(table(page)).toHaveAttribute("aria-rowcount", "14");
});

test("every column that there is fits into the window beside the others", async ({ page, fleet }) => {
  await page.setViewportSize({ width: 1_440, height: 900 });
  await openWhole(page, `${fleet.url}?cols=host.since.clocks.state.launcher.version.tags.far.note.yankable`);
  const last = await page.getByRole("columnheader", { name: "Yankable" }).boundingBox();
  expect((last?.x ?? 0) + (last?.width ?? 1_440)).toBeLessThanOrEqual(1_440);
});

test("a view is saved in this browser and comes back by its name", async ({ page, fleet }) => {
  await openRead(page, `${fleet.url}?host=kvm-03&density=dense`);
  await page.getByRole("button", { name: "View" }).click();
  await page.getByRole("textbox", { name: "Name for this view" }).fill("my host");
  await page.keyboard.press("Enter");
  await page.goto(fleet.url);
  await page.getByRole("button", { name: "View" }).click();
  await page.getByRole("button", { name: "my host", exact: true }).click();
  await expect(page).toHaveURL(/\?host=kvm-03&density=dense$/);
});

test("rows keep their places under the pointer, new trouble enters on top, and all settle when it leaves", async ({ page, fleet }) => {
  await fleet.tell("hang 1 1");
  await openWhole(page, fleet.url);
  await expect(names(page).first()).toHaveText("web-1-1");
  const pointed = row(page, "cache-1-8");
  await pointed.hover();
  const before = await pointed.boundingBox();
  await fleet.tell("stall 2 2");
  await expect(page.getByRole("button", { name: "2 I/O stalled" })).toBeVisible();
  await expect(row(page, "web-2-1")).toHaveAttribute("aria-rowindex", "4");
  await fleet.tell("heal 1");
  await expect(row(page, "web-1-1")).toContainText("Healthy");
  await expect(row(page, "web-1-1")).toHaveAttribute("aria-rowindex", "2");
  expect(Math.abs(((await pointed.boundingBox())?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(2);
  await page.mouse.move(4, 300);
  await expect(names(page).first()).toHaveText("db-2-2");
  await fleet.tell("heal 2");
});

test("the focus stays on its row while the fleet changes, and the arrow keys walk on from there", async ({ page, fleet }) => {
  await openWhole(page, fleet.url);
  await names(page).first().focus();
  for (let step = 0; step < 3; step++) await page.keyboard.press("ArrowDown");
  const focused = page.locator("[data-vm] a:focus");
  const name = (await focused.textContent()) ?? "";
  await fleet.tell("churn 50");
  await fleet.tell("stall 5 3");
  await expect(page.getByRole("button", { name: "3 I/O stalled" })).toBeVisible();
  await expect(focused).toHaveText(name);
  await expect(focused).toBeInViewport();
  await page.keyboard.press("End");
  await expect(focused).toBeInViewport();
  await expect(focused).not.toHaveText(name);
  await page.keyboard.press("Home");
  await expect(focused).toBeInViewport();
  await fleet.tell("churn 0");
  await fleet.tell("heal 5");
});

test("several troubled VMs that one suspect holds lead to one plan", async ({ page, fleet }) => {
  await page.setViewportSize({ width: 1_440, height: 900 });
  await fleet.tell("hang 4 3");
  await openWhole(page, fleet.url);
  await page.getByRole("checkbox", { name: "Select web-4-1" }).check();
  await page.getByRole("checkbox", { name: "Select db-4-2" }).check();
  await expect(page.getByRole("region", { name: "Selected VMs" })).toContainText("2 VMs selected");
  await page.getByRole("button", { name: "Plan a yank on 2 VMs…" }).click();
  const dialog = page.getByRole("alertdialog");
  await expect(dialog).toContainText("web-4-1");
  await expect(dialog).toContainText("db-4-2");
  await expect(dialog).not.toContainText("mail-4-3");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Select none" }).click();
  await expect(page.getByRole("region", { name: "Selected VMs" })).toHaveCount(0);
  await fleet.tell("heal 4");
});

test("the map shows every host, trouble in its own shape, and is walked with the arrow keys", async ({ page, fleet }) => {
  await fleet.tell("hang 3 2");
  await openWhole(page, `${fleet.url}?view=map`);
  const map = page.getByRole("group", { name: "Fleet as a map" });
  await expect(map.getByRole("group")).toHaveCount(HOSTS);
  await expect(map.getByRole("group", { name: "kvm-03: 2 Main loop hung, 48 Healthy" })).toBeVisible();
  await expect(map.getByRole("link", { name: "web-3-1 on kvm-03: Main loop hung" })).toBeVisible();
  expect(await map.locator("path").count()).toBeLessThan(4 * HOSTS);
  await map.locator("[tabindex='0']").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await expect(page.locator("[data-vm]:focus")).toHaveAccessibleName(/-1-\d+ on kvm-01: Healthy/);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/vms\/vm001/);
  await fleet.tell("heal 3");
});

test("table, map and menus pass the accessibility rules in both themes", async ({ page, fleet }) => {
  await fleet.tell("hang 6 3");
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const query of ["", "?density=dense&cols=host.launcher.version.tags.far", "?view=map", "?q=nothing+is+called+that"]) {
      await openRead(page, `${fleet.url}${query}`);
      const results = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
      expect(
        results.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
        `${query} ${colorScheme}`,
      ).toEqual([]);
    }
    await openRead(page, fleet.url);
    await page.getByRole("button", { name: "More" }).click();
    const results = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
    expect(
      results.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
      `menu ${colorScheme}`,
    ).toEqual([]);
  }
  await fleet.tell("heal 6");
});

/** Whatever is found: the rest has been read. */
async function openRead(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await expect(page.getByRole("status").filter({ hasText: "Reading" })).toHaveCount(0);
}
