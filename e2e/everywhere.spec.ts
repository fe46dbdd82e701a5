import AxeBuilder from "@axe-core/playwright";
import { expect, test as base } from "@playwright/test";
import { PretendFleet } from "./support/pretend-fleet.ts";

const test = base.extend<object, { fleet: PretendFleet }>({
  fleet: [
    async ({}, use) => {
      const fleet = await PretendFleet.start({ hosts: 3, perHost: 10 });
      await fleet.tell("hang 2 2");
      await use(fleet);
      await fleet.close();
    },
    { scope: "worker" },
  ],
});

test("the palette leads by keyboard alone to the dialog of a cord, and Enter there says no", async ({ page, fleet }) => {
  await page.goto(fleet.url);
  await expect(page.getByRole("link", { name: "db-2-2", exact: true })).toBeVisible();
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Command palette" });
  await expect(palette.getByRole("option").first()).toBeVisible();
  await page.keyboard.type("yank db-2-2");
  await expect(palette.getByRole("option")).toHaveCount(1);
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("alertdialog", { name: "Yank nbd0 on db-2-2?" });
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  expect(new URL(page.url()).search).toBe("");
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  const acts = (await (await page.request.get(`${fleet.url}api/v1/acts`)).json()) as { acts: unknown[] };
  expect(acts.acts).toEqual([]);
});

test("keys lead from page to page, and the help names them", async ({ page, fleet }) => {
  await page.goto(fleet.url);
  await expect(page.getByRole("heading", { name: "Fleet" })).toBeVisible();
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await expect(help).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await expect(page).toHaveURL(/\/incidents$/);
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await expect(page).toHaveURL(/\/audit$/);
});

test("title and icon of the tab carry the number of VMs in trouble, on every page", async ({ page, fleet }) => {
  await page.goto(fleet.url);
  await expect(page).toHaveTitle("(2) Fleet · Ripcord");
  await expect(page.locator('link[rel="icon"]').first()).toHaveAttribute("href", /^data:image\/svg/);
  await fleet.tell("hang 3 1");
  await expect(page).toHaveTitle("(3) Fleet · Ripcord");
  await page.getByRole("link", { name: "db-2-2", exact: true }).click();
  await expect(page).toHaveTitle(/^\(3\) .*Ripcord$/);
  await fleet.tell("heal 3");
  await expect(page).toHaveTitle(/^\(2\) /);
});

test("a newer build is offered and never forced", async ({ page, fleet }) => {
  await page.routeWebSocket(/\/realtime\//, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) =>
      socket.send(typeof message === "string" ? message.replace(/"build":"[^"]*"/, '"build":"another"') : message),
    );
  });
  await page.goto(fleet.url);
  await expect(page.getByRole("status").filter({ hasText: "The hub was updated" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Load the new one" })).toBeVisible();
  await expect(page.getByRole("link", { name: "db-2-2", exact: true })).toBeVisible();
});
