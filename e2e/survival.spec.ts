import type { ActRecord } from "#lib/yank/act";
import type { VmDetail } from "#lib/api/vm";
import { expect, health, test } from "./support/fixtures.ts";

test("a yank works after the hub was killed during the hang", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-hang", { name: "db-prod-08" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  const bridgeBefore = await ripcord.bridgePid();
  await ripcord.killHub();
  await expect(
    page
      .getByRole("alert")
      .filter({ hasText: /No word from the hub/ })
      .first(),
  ).toBeVisible();
  await ripcord.startHub();
  expect(await ripcord.bridgePid()).toBe(bridgeBefore);
  await expect(health(page)).toContainText("Main loop hung", { timeout: 20_000 });
  await page.getByRole("button", { name: "Yank nbd0…" }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByRole("textbox", { name: /db-prod-08/ }).fill("db-prod-08");
  await dialog.getByRole("button", { name: "Yank nbd0", exact: true }).click();
  await expect(dialog).toContainText(/recovered/i);
});

test("a bridge that is killed is said to be lost, is started again, and the screen is true within ten seconds", async ({
  page,
  startVm,
  ripcord,
}) => {
  const { vmId } = await startVm("bare", { name: "web-09" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Healthy");
  const before = await ripcord.bridgePid();
  await ripcord.killBridge();
  await expect(health(page)).not.toContainText(/^Healthy$/);
  await expect.poll(() => ripcord.bridgePid(), { timeout: 20_000 }).not.toBe(before);
  await expect(health(page)).toContainText(/^Healthy$/, { timeout: 20_000 });
});

test("a QEMU that is killed is unreachable until dismissed, and a new one at its socket is another incarnation", async ({
  page,
  startVm,
  ripcord,
}) => {
  const { scenario, vmId } = await startVm("bare", { name: "web-10" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const before = await ripcord.api<VmDetail>(`/vms/${vmId}`);
  const vm = scenario.vms[0];
  if (vm === undefined) throw new Error("The scenario has no VM");
  process.kill(vm.process.pid, "SIGKILL");
  await expect(health(page)).toContainText(/Unreachable/);
  await vm.restart();
  await expect(health(page)).toContainText("Healthy");
  const after = await ripcord.api<VmDetail>(`/vms/${vmId}`);
  expect(after.incarnation.id).not.toBe(before.incarnation.id);
});

test("an act that was cut by the hub's death ends, and is never sent twice", async ({ page, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-11" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await page.getByRole("button", { name: /^Yank ser.*…$/ }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByRole("button", { name: /^Yank ser\w*$/ }).click();
  await ripcord.killHub();
  await ripcord.startHub();
  await expect
    .poll(
      async () => {
        const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
        return acts.length === 0 || acts.every((act) => act.targets.every((target) => target.isFinal));
      },
      { timeout: 25_000 },
    )
    .toBe(true);
  const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
  expect(acts.length).toBeLessThanOrEqual(1);
});
