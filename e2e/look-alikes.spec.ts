import { expect, health, test } from "./support/fixtures.ts";

test("a stopped process is silent, and no cord is offered for it", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("process-stopped", { name: "lab-win-3" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Silent");
  await expect(health(page)).toContainText(/stopped/i);
  await expect(page.getByRole("button", { name: /^Yank / })).toHaveCount(0);
  await expect(page.getByText(`${scenario.vms[0]?.process.pid}`).first()).toBeVisible();
  await scenario.heal();
  await expect(health(page)).toContainText("Healthy");
});

test("a monitor that another client holds reads busy, and recovers when that client leaves", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("monitor-busy", { name: "pve-101" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Monitor busy", { timeout: 30_000 });
  await scenario.heal();
  await expect(health(page)).toContainText("Healthy", { timeout: 30_000 });
});

test("without out-of-band a hang is silent, and the page says why no yank can be sent", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("no-oob", { name: "pve-204" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Silent");
  await expect(page.getByText(/out-of-band/i).first()).toBeVisible();
  await expect(page.getByRole("button", { name: /^Yank .*…$/, disabled: false })).toHaveCount(0);
});

test("Ripcord's own line is listed as a monitor, refused, and its loss is survived", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("own-line", { name: "dns-1" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(page.getByText(/monitor/i).first()).toBeVisible();
  await expect(page.getByRole("button", { name: /^Yank .*…$/, disabled: false })).toHaveCount(0);
  const refused = await fetch(new URL("/api/v1/plans", ripcord.origin), {
    method: "POST",
    headers: { "content-type": "application/json", origin: ripcord.origin },
    body: JSON.stringify({ action: "yank", targets: [{ vmId, instances: [scenario.culprit?.instance] }] }),
  });
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ code: "cannot-plan" });
  await scenario.break();
  await expect.poll(async () => (await ripcord.api<{ health: { kind: string } }>(`/vms/${vmId}`)).health.kind).toBe("healthy");
});

test("a node whose server is gone and is being reconnected says that a yank does nothing", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-reconnecting", { name: "cache-07" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  const name = scenario.culprit?.instance.type === "block-node" ? scenario.culprit.instance["node-name"] : "nbd0";
  await page.getByRole("button", { name: `Yank ${name}…` }).click();
  const dialog = page.getByRole("alertdialog");
  const typed = dialog.getByRole("textbox", { name: /cache-07/ });
  if ((await typed.count()) > 0) await typed.fill("cache-07");
  await dialog.getByRole("button", { name: `Yank ${name}`, exact: true }).click();
  await expect(dialog).toContainText(/no visible effect/i, { timeout: 30_000 });
  await expect(dialog).not.toContainText(/recovered/i);
});

test("a VM that hung before Ripcord came says that the cord is out of reach", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("late-negotiation", { name: "old-01", until: (vm) => vm.health.kind !== "unknown" });
  if (!(await scenario.isBroken())) await scenario.break();
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Main loop hung");
  await expect(page.getByText(/out.of.reach|hung before/i).first()).toBeVisible();
  await expect(page.getByRole("button", { name: /^Yank .*…$/, disabled: false })).toHaveCount(0);
});
