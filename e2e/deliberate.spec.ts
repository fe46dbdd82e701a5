import type { VmDetail } from "#lib/api/vm";
import type { ActRecord } from "#lib/yank/act";
import { confirmButton, nameField, openDialog } from "./support/desk.ts";
import { auditedIntents, expect, firstVm, health, test } from "./support/fixtures.ts";

const CORD = "serial0";
/** How soon a screen must be true after the hub is back. */
const TRUE_WITHIN_MS = 10_000;

test("a click made offline is never sent later", async ({ page, context, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-03" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const dialog = await openDialog(page, { instance: CORD, vm: "web-03" });
  const confirm = confirmButton(dialog, CORD);
  await expect(confirm).toBeEnabled();
  await context.setOffline(true);
  await expect(confirm).toBeDisabled();
  await expect(dialog).toContainText("This browser is offline");
  // Past the disabled button too: what counts is that nothing leaves, now or later.
  await confirm.dispatchEvent("click");
  await context.setOffline(false);
  await expect(confirm).toBeEnabled();
  expect(await auditedIntents(ripcord, vmId)).toEqual([]);
});

test("a confirmation that never reached the hub is said to be uncertain, and is not sent again", async ({
  page,
  context,
  startVm,
  ripcord,
}) => {
  const { vmId } = await startVm("serial-console", { name: "web-05" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const dialog = await openDialog(page, { instance: CORD, vm: "web-05" });
  await page.route("**/api/v1/acts", (route) => route.abort("connectionreset"));
  await confirmButton(dialog, CORD).click();
  await expect(dialog.getByRole("alert")).toContainText("may or may not have been done");
  await page.unroute("**/api/v1/acts");
  // What makes clients send things again: going offline and coming back, and a new connection.
  await context.setOffline(true);
  await expect(confirmButton(dialog, CORD)).toBeDisabled();
  await context.setOffline(false);
  await expect(confirmButton(dialog, CORD)).toBeEnabled({ timeout: TRUE_WITHIN_MS });
  await ripcord.killHub();
  await expect(confirmButton(dialog, CORD)).toBeDisabled();
  await ripcord.startHub();
  await expect(confirmButton(dialog, CORD)).toBeEnabled({ timeout: TRUE_WITHIN_MS });
  expect(await auditedIntents(ripcord, vmId)).toEqual([]);
});

test("two clicks at once are one act", async ({ page, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-04" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const dialog = await openDialog(page, { instance: CORD, vm: "web-04" });
  await expect(confirmButton(dialog, CORD)).toBeEnabled();
  await confirmButton(dialog, CORD).dblclick();
  await expect(dialog).toContainText("QEMU accepted it");
  const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
  expect(acts).toHaveLength(1);
  expect(await auditedIntents(ripcord, vmId)).toHaveLength(1);
});

test("a double click that opens the dialog does not confirm it", async ({ page, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-06" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await page.getByRole("button", { name: `Yank ${CORD}…`, exact: true }).dblclick();
  const dialog = page.getByRole("alertdialog", { name: `Yank ${CORD} on web-06?` });
  await expect(confirmButton(dialog, CORD)).toBeEnabled();
  expect(await auditedIntents(ripcord, vmId)).toEqual([]);
});

test("cutting a console that is well took effect, and nobody calls it a recovery", async ({ page, startVm, ripcord }) => {
  const { vmId } = await startVm("serial-console", { name: "web-07" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const dialog = await openDialog(page, { instance: CORD, vm: "web-07" });
  await confirmButton(dialog, CORD).click();
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText("It took effect; nothing was wrong before");
  await expect(dialog).not.toContainText(/recovered/i);
});

test("a plan is void once another QEMU answers at the address, says so, and sends nothing", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("serial-console", { name: "web-12" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const before = await ripcord.api<VmDetail>(`/vms/${vmId}`);
  const dialog = await openDialog(page, { instance: CORD, vm: "web-12" });
  process.kill(firstVm(scenario).process.pid, "SIGKILL");
  await firstVm(scenario).restart();
  await expect
    .poll(async () => {
      const vm = await ripcord.api<VmDetail>(`/vms/${vmId}`);
      return vm.incarnation.id !== before.incarnation.id && vm.health.kind === "healthy" && vm.yankableCount > 0;
    })
    .toBe(true);
  await confirmButton(dialog, CORD).click();
  await expect(dialog.getByRole("alert")).toContainText("another QEMU process answers at this address now");
  await expect(dialog.getByRole("alert")).toContainText("Nothing was sent");
  await expect(confirmButton(dialog, CORD)).toHaveCount(0);
  expect(await auditedIntents(ripcord, vmId)).toEqual([]);
  await dialog.getByRole("button", { name: "Make a new plan" }).click();
  await expect(confirmButton(dialog, CORD)).toBeEnabled();
});

test("a dialog stays open when its VM ends, says that there is nothing to send to, and sends nothing", async ({
  page,
  startVm,
  ripcord,
}) => {
  const { scenario, vmId } = await startVm("serial-console", { name: "web-14" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const dialog = await openDialog(page, { instance: CORD, vm: "web-14" });
  await expect(confirmButton(dialog, CORD)).toBeEnabled();
  await firstVm(scenario).raw.execute("quit");
  await expect(confirmButton(dialog, CORD)).toBeDisabled();
  await expect(dialog).toContainText("This VM has ended");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(health(page)).toContainText("Ended");
  expect(await auditedIntents(ripcord, vmId)).toEqual([]);
});

test("a plan for a hang is void once the hang is over, and says what was and what is", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-hang", { name: "db-prod-09" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  const dialog = await openDialog(page, { instance: "nbd0", vm: "db-prod-09" });
  await nameField(dialog, "db-prod-09").fill("db-prod-09");
  await scenario.heal();
  await expect.poll(async () => (await ripcord.api<VmDetail>(`/vms/${vmId}`)).health.kind).toBe("healthy");
  await confirmButton(dialog, "nbd0").click();
  await expect(dialog.getByRole("alert")).toContainText("the verdict was main-loop-hung and is healthy now");
  expect(await auditedIntents(ripcord, vmId)).toEqual([]);
});

test("what a VM is called is shown as text, whatever it says", async ({ page, startVm, ripcord }) => {
  const name = "<img src=x onerror=alert(1)>";
  const { vmId } = await startVm("bare", { name });
  const dialogs: string[] = [];
  page.on("dialog", (opened) => {
    dialogs.push(opened.message());
    void opened.dismiss();
  });
  await page.goto(ripcord.url);
  await page.getByRole("link", { name, exact: true }).click();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await expect(page).toHaveURL(`${ripcord.url}vms/${vmId}`);
  // Once more as the server writes it into the page.
  await page.reload();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await expect(page.locator("img")).toHaveCount(0);
  expect(dialogs).toEqual([]);
});
