import type { Locator, Page } from "@playwright/test";
import { confirmButton } from "./support/desk.ts";
import { auditedIntents, expect, health, test } from "./support/fixtures.ts";

const MOST_TABS = 40;

test("a cord is found, looked at, left and pulled by keyboard alone", async ({ page, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-40" });
  await page.goto(ripcord.url);
  await expect(page.getByRole("link", { name: "web-40" })).toBeVisible();
  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox")).toBeFocused();
  await page.keyboard.type("web-40");
  await tabTo(page, page.getByRole("link", { name: "web-40" }));
  await page.keyboard.press("Enter");
  await expect(health(page)).toContainText("Healthy");

  const open = page.getByRole("button", { name: "Yank serial0…" });
  const dialog = page.getByRole("alertdialog");
  await tabTo(page, open);
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  await expect(open).toBeFocused();

  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(open).toBeFocused();
  expect(await auditedIntents(ripcord, vmId)).toEqual([]);

  await page.keyboard.press("Enter");
  const confirm = confirmButton(dialog, "serial0");
  await expect(confirm).toBeEnabled();
  await tabTo(page, confirm);
  await page.keyboard.press("Enter");
  await expect(dialog).toContainText("QEMU accepted it");
  await expect(dialog.getByRole("button", { name: /^Close/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  expect(await auditedIntents(ripcord, vmId)).toHaveLength(1);
});

/** Presses Tab until the target has the focus, as somebody without a mouse does. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let pressed = 0; pressed < MOST_TABS; pressed++) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`The focus did not get there within ${MOST_TABS} presses of Tab`);
}
