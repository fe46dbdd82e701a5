import { expect, firstVm, health, test } from "./support/fixtures.ts";

/** How soon a VM that came or went must be on the list or off it. */
const LISTED_WITHIN_MS = 2_000;

test("a VM is listed within two seconds of its start, leaves within two of its end, and its page stays", async ({
  page,
  startVm,
  startLab,
  findVm,
  ripcord,
}) => {
  await startVm("bare", { name: "here-before" });
  await page.goto(ripcord.url);
  await expect(page.getByRole("link", { name: "here-before" })).toBeVisible();
  // Resolves when QEMU answers on another monitor, by when its socket is already there.
  const scenario = await startLab("bare", { name: "newcomer" });
  const row = page.getByRole("row", { name: /newcomer/ });
  await expect(row).toBeVisible({ timeout: LISTED_WITHIN_MS });
  await expect(row).toContainText("Healthy");
  const { vmId } = (await findVm("newcomer")) ?? {};

  await firstVm(scenario).raw.execute("quit");
  await expect(row).toHaveCount(0, { timeout: LISTED_WITHIN_MS });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(page.getByRole("heading", { name: "newcomer" })).toBeVisible();
  await expect(health(page)).toContainText("Ended");
  await expect(page.getByRole("list", { name: "Events, newest first" })).toContainText("SHUTDOWN");
});

test("trouble stands on top, and search and verdict filter live in the URL", async ({ page, startVm, ripcord }) => {
  await startVm("bare", { name: "alpha-1" });
  await startVm("bare", { name: "alpha-2" });
  const { scenario } = await startVm("process-stopped", { name: "omega-1" });
  await page.goto(ripcord.url);
  const names = page.getByRole("table", { name: "Fleet" }).getByRole("link");
  await expect(names).toHaveText(["alpha-1", "alpha-2", "omega-1"]);
  await scenario.break();
  await expect(names).toHaveText(["omega-1", "alpha-1", "alpha-2"]);
  await expect(page.getByRole("region", { name: "Worst trouble" })).toContainText("omega-1 is silent");

  await page.keyboard.press("/");
  await page.keyboard.type("alpha");
  await expect(names).toHaveText(["alpha-1", "alpha-2"]);
  await expect(page).toHaveURL(/\?q=alpha$/);
  await page.reload();
  await expect(page.getByRole("searchbox")).toHaveValue("alpha");
  await expect(names).toHaveText(["alpha-1", "alpha-2"]);

  // Chosen at once, before the URL has followed the typing.
  await page.getByRole("searchbox").fill("1");
  await page.getByRole("button", { name: "1 silent" }).click();
  await expect(names).toHaveText(["omega-1"]);
  await expect(page).toHaveURL(/\?verdict=silent&q=1$/);
  await page.getByRole("searchbox").press("Escape");
  await expect(page).toHaveURL(/\?verdict=silent$/);
  await page.goto(`${ripcord.url}?verdict=silent&q=alpha`);
  await expect(page.getByText("No VM matches “alpha” with this verdict")).toBeVisible();
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(names).toHaveCount(3);
  await expect(page).toHaveURL(ripcord.url);
});

test("the row of a hung VM shows both clocks, the last known run state and its cords", async ({ page, startVm, ripcord }) => {
  const { scenario } = await startVm("nbd-hang", { name: "db-prod-11" });
  await page.goto(ripcord.url);
  const row = page.getByRole("row", { name: /db-prod-11/ });
  await expect(row).toContainText("running");
  await scenario.break();
  await expect(row).toContainText("Main loop hung");
  await expect(row).toContainText("kvm-03");
  await expect(row).toContainText(/In-band\s*\d+(\.\d+)? s/);
  await expect(row).toContainText(/Out-of-band\s*< \d+ ms/);
  await expect(row).toContainText(/was (running|paused)/);
  await expect(row).toContainText("1 to yank");
});
