import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { confirmButton, nameField, openDialog } from "./support/desk.ts";
import { expect, health, test } from "./support/fixtures.ts";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1_440, height: 900 };

test.use({ reducedMotion: "reduce" });

test("the fleet and a healthy VM can be read and used by everybody, in both themes and on a phone", async ({ page, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-30" });
  await page.goto(ripcord.url);
  await expect(page.getByRole("link", { name: "web-30" })).toBeVisible();
  await expectAccessible(page);
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Healthy");
  await expectAccessible(page);
});

test("a hang, its incident, its dialog, its result and its record can be read and used by everybody", async ({
  page,
  startVm,
  ripcord,
}) => {
  const { scenario, vmId } = await startVm("nbd-hang", { name: "db-prod-30" });
  await scenario.break();
  await page.goto(ripcord.url);
  await expect(page.getByRole("row", { name: /db-prod-30/ })).toContainText("Main loop hung");
  await expectAccessible(page);
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Main loop hung");
  await expectAccessible(page);
  await page.goto(`${ripcord.url}incidents`);
  const incident = page.getByRole("list", { name: "Incidents, open ones first" }).getByRole("link", { name: /db-prod-30/ });
  await expect(incident).toBeVisible();
  await expectAccessible(page);
  await incident.click();
  await expect(page.getByRole("status", { name: "State" })).toContainText("Open");
  await expectAccessible(page);
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const dialog = await openDialog(page, { instance: "nbd0", vm: "db-prod-30" });
  await expectAccessible(page);
  await nameField(dialog, "db-prod-30").fill("db-prod-30");
  await confirmButton(dialog, "nbd0").click();
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText("Recovered");
  await expectAccessible(page);
  await dialog.getByRole("link", { name: "act and evidence" }).click();
  await expect(page.getByText("right before it was sent")).toBeVisible();
  await expectAccessible(page);
  await page.goto(`${ripcord.url}audit`);
  await expect(page.getByRole("cell", { name: /Accepted by QEMU/ }).first()).toBeVisible();
  await expectAccessible(page);
});

test("signing in and the empty fleet can be read and used by everybody", async ({ page, startRipcord }) => {
  const ripcord = await startRipcord({ mode: "serve" });
  await page.goto(`${ripcord.origin}/login`);
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await expectAccessible(page);
  await page.goto(ripcord.url);
  await expect(page.getByRole("heading", { name: "No VM found yet" })).toBeVisible();
  await expectAccessible(page);
});

/** Judges what the page shows now, in dark and light, on a desk and on a phone, where nothing may have to be scrolled sideways. */
async function expectAccessible(page: Page): Promise<void> {
  for (const viewport of [DESK, PHONE]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
      const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ""}`));
      expect(found, `${viewport.width} px, ${colorScheme}`).toEqual([]);
    }
    const overhangPx = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overhangPx, `${viewport.width} px`).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize(DESK);
}
