import AxeBuilder from "@axe-core/playwright";
import { expect, test as base } from "@playwright/test";
import { PretendFleet } from "./support/pretend-fleet.ts";

const test = base.extend<object, { fleet: PretendFleet }>({
  fleet: [
    async ({}, use) => {
      const fleet = await PretendFleet.start({ hosts: 3, perHost: 2 });
      await use(fleet);
      await fleet.close();
    },
    { scope: "worker" },
  ],
});

test("the record says through which row it verifies, and is searched by the URL", async ({ page, fleet }) => {
  await page.goto(`${fleet.url}audit`);
  await expect(page.getByRole("status", { name: "State of the record" })).toContainText(/Verified through row \d+ at /);
  await expect(page.getByRole("cell", { name: /Hub started/ })).toBeVisible();
  await expect(page.getByRole("cell", { name: /Bridge .* connected/ })).toHaveCount(3);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.getByLabel("Kind").selectOption("bridge connected");
  await page.getByRole("button", { name: "Search the record" }).click();
  await expect(page).toHaveURL(/\/audit\?type=bridge-connected$/);
  await expect(page.getByRole("cell", { name: /Hub started/ })).toHaveCount(0);
  await expect(page.getByRole("cell", { name: /Bridge .* connected/ })).toHaveCount(3);
  await page.getByLabel("Words").fill("nobody-wrote-this");
  await page.getByRole("button", { name: "Search the record" }).click();
  await expect(page.getByText("No row of the record fits")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Words")).toHaveValue("nobody-wrote-this");
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page).toHaveURL(/\/audit$/);
  await expect(page.getByRole("cell", { name: /Hub started/ })).toBeVisible();
});
