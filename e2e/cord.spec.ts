import type { Page } from "@playwright/test";
import type { ActRecord } from "#lib/yank/act";
import { expect, health, test } from "./support/fixtures.ts";

/** Opens the dialog of one instance. */
async function openDialog(page: Page, instanceName: string, vmName: string) {
  await page.getByRole("button", { name: `Yank ${instanceName}…` }).click();
  const dialog = page.getByRole("alertdialog", { name: `Yank ${instanceName} on ${vmName}?` });
  await expect(dialog).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Cancel", exact: true })).toBeFocused();
  // Once confirmed, the same dialog goes on under another title.
  return page.getByRole("alertdialog");
}

test("a VM whose NBD server died is hung, is yanked, and reads recovered (recipe 1)", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-hang", { name: "db-prod-07" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Healthy");
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  // The run state is old by now, and must not be shown as if it were fresh.
  await expect(page.getByText(/was (running|paused)/i).first()).toBeVisible();

  const dialog = await openDialog(page, "nbd0", "db-prod-07");
  const confirm = dialog.getByRole("button", { name: "Yank nbd0", exact: true });
  await expect(confirm).toBeDisabled();
  await expect(dialog).toContainText("exec-oob");
  await dialog.getByRole("textbox", { name: /db-prod-07/ }).fill("db-prod-07");
  await confirm.click();
  await expect(dialog).toContainText(/accepted/i);
  await expect(dialog).toContainText(/recovered/i);
  await expect(dialog).toContainText(/\d+(\.\d+)? (ms|s)/);
  await expect(health(page)).not.toContainText("Main loop hung");

  const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
  expect(acts).toHaveLength(1);
  const target = acts[0]?.targets[0];
  expect(target).toMatchObject({ state: "accepted", verdict: "recovered", lane: "oob" });
  expect(target?.recoveredAfterMs).toBeLessThan(5_000);
});

test("a guest that writes to a full console is hung and comes back with one click (recipe 2)", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("console-hang", { name: "build-19" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  const dialog = await openDialog(page, "console0", "build-19");
  await expect(dialog.getByRole("textbox", { name: /build-19/ })).toHaveCount(0);
  await dialog.getByRole("button", { name: "Yank console0", exact: true }).click();
  await expect(dialog).toContainText(/recovered/i);
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(health(page)).toContainText("Healthy");
});

test("a stalled migration offers to cancel first, and the cancel is verified (recipe 3a)", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("migration-stall", { name: "mail-02" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Migration stalled", { timeout: 30_000 });
  const dialog = await openDialog(page, "migration", "mail-02");
  await expect(dialog).toContainText(/softer/i);
  await dialog.getByRole("button", { name: /cancel (the )?migration/i }).click();
  const softer = page.getByRole("alertdialog", { name: /cancel (the )?migration/i });
  await expect(softer).toBeVisible();
  await softer.getByRole("button", { name: /^cancel (the )?migration/i }).click();
  await expect(softer).toContainText(/recovered|took effect/i);
  await expect.poll(async () => ((await scenario.vms[0]?.raw.execute("query-migrate")) as { status?: string }).status).toBe("cancelled");
  await expect(health(page)).toContainText("Healthy");
});

test("a migration that holds the main loop in its switchover is yanked, and the guest runs on (recipe 3b)", async ({
  page,
  startVm,
  ripcord,
}) => {
  const { scenario, vmId } = await startVm("migration-switchover-hang", { name: "erp-01" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung", { timeout: 30_000 });
  const dialog = await openDialog(page, "migration", "erp-01");
  const typed = dialog.getByRole("textbox", { name: /erp-01/ });
  if ((await typed.count()) > 0) await typed.fill("erp-01");
  await dialog.getByRole("button", { name: "Yank migration", exact: true }).click();
  await expect(dialog).toContainText(/recovered/i);
  await expect.poll(async () => ((await scenario.vms[0]?.raw.execute("query-migrate")) as { status?: string }).status).toBe("failed");
  expect(await scenario.vms[0]?.runState()).toBe("running");
});

test("a click made offline is never sent later", async ({ page, context, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-03" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Healthy");
  const open = page.getByRole("button", { name: /^Yank ser.*…$/ });
  await open.click();
  const dialog = page.getByRole("alertdialog");
  const confirm = dialog.getByRole("button", { name: /^Yank ser\w*$/ });
  await expect(confirm).toBeEnabled();
  await context.setOffline(true);
  // Forced, because the button may have disarmed itself already: what counts is that nothing leaves later.
  await confirm.click({ force: true }).catch(() => {});
  await confirm.dispatchEvent("click");
  await context.setOffline(false);
  // The page is in step again once a fact made after the reconnect has arrived.
  await ripcord.api("/vms");
  await expect(page.getByText(/live/i).first()).toBeVisible();
  const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
  expect(acts).toEqual([]);
});

test("two clicks at once are one act", async ({ page, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-04" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await page.getByRole("button", { name: /^Yank ser.*…$/ }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByRole("button", { name: /^Yank ser\w*$/ }).dblclick();
  await expect(dialog).toContainText(/accepted/i);
  const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
  expect(acts).toHaveLength(1);
});
