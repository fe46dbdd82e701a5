import type { ActRecord } from "#lib/yank/act";
import { armedCords, confirmButton, nameField, openDialog } from "./support/desk.ts";
import { expect, firstVm, health, test } from "./support/fixtures.ts";

test("a stopped process is silent, says how to continue it, and no cord is offered for it", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("process-stopped", { name: "lab-win-3" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Silent: process stopped");
  await expect(page.getByText("nothing to yank, continue the process")).toBeVisible();
  await expect(page.getByText(`kill -CONT ${firstVm(scenario).process.pid}`)).toBeVisible();
  await expect(armedCords(page)).toHaveCount(0);
  await scenario.heal();
  await expect(health(page)).toContainText("Healthy");
});

test("a monitor that another client holds reads busy, and recovers when that client leaves", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("monitor-busy", { name: "pve-101" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Monitor busy");
  await expect(armedCords(page)).toHaveCount(0);
  await scenario.heal();
  await expect(health(page)).toContainText("Healthy", { timeout: 20_000 });
});

test("without out-of-band a hang is silent, and the page says why no yank can be sent", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("no-oob", { name: "pve-204" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Silent: no OOB to tell why");
  await expect(page.getByText("This QEMU offers no out-of-band lane", { exact: false })).toBeVisible();
  await expect(armedCords(page)).toHaveCount(0);
});

test("Ripcord's own line is listed as a monitor, refused, and its loss is survived", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("own-line", { name: "dns-1" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(page.getByRole("listitem").filter({ hasText: /^ripcord chardev monitor/ })).toBeVisible();
  await expect(armedCords(page)).toHaveCount(0);
  const refused = await fetch(new URL("/api/v1/plans", ripcord.origin), {
    method: "POST",
    headers: { "content-type": "application/json", origin: ripcord.origin },
    body: JSON.stringify({ action: "yank", targets: [{ vmId, instances: [scenario.culprit?.instance] }] }),
  });
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ code: "cannot-plan" });
  const incarnation = await ripcord.api<{ incarnation: { id: string } }>(`/vms/${vmId}`);
  await scenario.break();
  await expect(page.getByText(/ [1-9]\d* reconnects?$/)).toBeVisible();
  await expect(health(page)).toContainText("Healthy");
  expect(await ripcord.api<{ incarnation: { id: string } }>(`/vms/${vmId}`)).toMatchObject({ incarnation: incarnation.incarnation });
});

test("a node whose server is gone and is being reconnected says that a yank does nothing", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-reconnecting", { name: "cache-07" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  const dialog = await openDialog(page, { instance: "nbd0", vm: "cache-07" });
  const typed = nameField(dialog, "cache-07");
  if ((await typed.count()) > 0) await typed.fill("cache-07");
  await confirmButton(dialog, "nbd0").click();
  const result = dialog.getByRole("status", { name: "Result" });
  await expect(result).toContainText("QEMU accepted it; no effect seen yet");
  await expect(result).toContainText("Accepted, no visible effect");
  await expect(dialog).not.toContainText(/recovered/i);
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(health(page)).toContainText("Main loop hung");
  const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
  expect(acts[0]?.targets[0]).toMatchObject({ state: "accepted", verdict: "no-visible-effect" });
});

test("a VM that hung before Ripcord came says that the cord is out of reach", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("late-negotiation", { name: "old-01", until: (vm) => vm.health.kind !== "unknown" });
  expect(await scenario.isBroken()).toBe(true);
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Main loop hung");
  await expect(page.getByText("It hung before Ripcord could negotiate out-of-band: no yank can be sent")).toBeVisible();
  await expect(armedCords(page)).toHaveCount(0);
});
