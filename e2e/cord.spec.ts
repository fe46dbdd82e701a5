import type { LabScenario } from "#lab/scenario";
import type { ActRecord } from "#lib/yank/act";
import { confirmButton, nameField, openDialog } from "./support/desk.ts";
import { expect, firstVm, health, test } from "./support/fixtures.ts";

test("a VM whose NBD server died is hung, is yanked, and reads recovered (recipe 1)", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-hang", { name: "db-prod-07" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Healthy");
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  // The run state is old by now, and must not be shown as if it were fresh.
  await expect(page.getByText(/was (running|paused)/i).first()).toBeVisible();

  const dialog = await openDialog(page, { instance: "nbd0", vm: "db-prod-07" });
  const confirm = confirmButton(dialog, "nbd0");
  await expect(confirm).toBeDisabled();
  await expect(dialog).toContainText('"exec-oob": "yank"');
  await expect(dialog).toContainText("Comes back:");
  await nameField(dialog, "db-prod-07").fill("db-prod-0");
  await expect(confirm).toBeDisabled();
  await nameField(dialog, "db-prod-07").fill("db-prod-07");
  await confirm.click();
  await expect(dialog).toContainText(/QEMU accepted it in \d+(\.\d+)? (ms|s)/);
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText(/Recovered \d+(\.\d+)? (ms|s) after the yank/);
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(health(page)).not.toContainText("Main loop hung");
  await expect(page.getByRole("list", { name: "Past yanks, newest first" })).toContainText("Yank nbd0");

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
  const dialog = await openDialog(page, { instance: "console0", vm: "build-19" });
  await expect(nameField(dialog, "build-19")).toHaveCount(0);
  await confirmButton(dialog, "console0").click();
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText("Recovered");
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(health(page)).toContainText("Healthy");
});

test("a stalled migration offers to cancel first, and the cancel is verified (recipe 3a)", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("migration-stall", { name: "mail-02" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Migration stalled", { timeout: 30_000 });
  const dialog = await openDialog(page, { instance: "migration", vm: "mail-02" });
  await expect(dialog).toContainText("Softer first");
  await dialog.getByRole("button", { name: "Cancel migration instead…" }).click();
  const softer = page.getByRole("alertdialog", { name: /cancel (the )?migration/i });
  await expect(softer).toContainText("migrate_cancel");
  await softer.getByRole("button", { name: /^cancel (the )?migration$/i }).click();
  await expect(softer.getByRole("status", { name: "Result" })).toContainText("Recovered");
  expect(await migrationStatus(scenario)).toBe("cancelled");
  await expect(health(page)).toContainText("Healthy");
});

test("a stalled migration can be yanked as well, and the guest runs on (recipe 3a)", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("migration-stall", { name: "mail-03" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Migration stalled", { timeout: 30_000 });
  const dialog = await openDialog(page, { instance: "migration", vm: "mail-03" });
  await nameField(dialog, "mail-03").fill("mail-03");
  await confirmButton(dialog, "migration").click();
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText("Recovered");
  expect(await migrationStatus(scenario)).toBe("failed");
  expect(await firstVm(scenario).runState()).toBe("running");
});

test("a migration that holds the main loop in its switchover is yanked, and the guest runs on (recipe 3b)", async ({
  page,
  startVm,
  ripcord,
}) => {
  const { scenario, vmId } = await startVm("migration-switchover-hang", { name: "erp-01" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  const dialog = await openDialog(page, { instance: "migration", vm: "erp-01" });
  // Cancelling takes a living main loop, so it is not on offer here.
  await expect(dialog.getByRole("button", { name: "Cancel migration instead…" })).toHaveCount(0);
  await nameField(dialog, "erp-01").fill("erp-01");
  await confirmButton(dialog, "migration").click();
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText("Recovered");
  expect(await migrationStatus(scenario)).toBe("failed");
  expect(await firstVm(scenario).runState()).toBe("running");
});

/** As the lab's own monitor says it, beside Ripcord. */
async function migrationStatus(scenario: LabScenario): Promise<string | undefined> {
  return ((await firstVm(scenario).raw.execute("query-migrate")) as { status?: string }).status;
}
