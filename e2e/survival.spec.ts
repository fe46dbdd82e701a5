import type { Page } from "@playwright/test";
import type { VmDetail } from "#lib/api/vm";
import type { ActRecord } from "#lib/yank/act";
import { confirmButton, nameField, openDialog } from "./support/desk.ts";
import { auditedIntents, expect, firstVm, health, test } from "./support/fixtures.ts";
import type { RipcordProcess } from "./support/ripcord-process.ts";

/** How soon a screen must be true after what was killed is back. */
const TRUE_WITHIN_MS = 10_000;

test("a yank works after the hub was killed during the hang", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-hang", { name: "db-prod-08" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  const bridgeBefore = await ripcord.bridgePid();
  await ripcord.killHub();
  await expect(page.getByRole("alert").filter({ hasText: "No word from the hub since" })).toBeVisible({ timeout: TRUE_WITHIN_MS });
  await expect(health(page)).toContainText("Was: Main loop hung");
  await ripcord.startHub();
  await expect(health(page)).toContainText(/^Main loop hung/, { timeout: TRUE_WITHIN_MS });
  expect(await ripcord.bridgePid()).toBe(bridgeBefore);
  const dialog = await openDialog(page, { instance: "nbd0", vm: "db-prod-08" });
  await nameField(dialog, "db-prod-08").fill("db-prod-08");
  await confirmButton(dialog, "nbd0").click();
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText("Recovered");
});

test("what happened while the hub was dead is on every open page within ten seconds of its return", async ({
  page,
  context,
  startVm,
  ripcord,
}) => {
  const { scenario, vmId } = await startVm("process-stopped", { name: "web-08" });
  const fleet = await context.newPage();
  await fleet.goto(ripcord.url);
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await expect(health(page)).toContainText("Healthy");
  await ripcord.killHub();
  await scenario.break();
  // The page may well be back before the bridge is, and then asks a hub that does not know the VM yet.
  const detail = `**/api/v1/vms/${vmId}`;
  const unknown = { code: "not-found", detail: "There is no VM by this id" };
  await page.route(detail, (route) => route.fulfill({ status: 404, json: unknown }));
  const asked = page.waitForResponse(detail);
  await ripcord.startHub();
  await asked;
  await page.unroute(detail);
  const withinTenSeconds = { timeout: TRUE_WITHIN_MS };
  await Promise.all([
    expect(health(page)).toContainText("Silent: process stopped", withinTenSeconds),
    expect(fleet.getByRole("row", { name: /web-08/ })).toContainText("Silent: process stopped", withinTenSeconds),
  ]);
  await expect(page.getByText("The hub does not know this VM")).toHaveCount(0);
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
  const saidLost = expect(page.getByRole("alert").filter({ hasText: "kvm-03 has lost its bridge" })).toBeVisible();
  await ripcord.killBridge();
  await saidLost;
  await expect.poll(() => ripcord.bridgePid()).not.toBe(undefined);
  expect(await ripcord.bridgePid()).not.toBe(before);
  await expect(health(page)).toContainText(/^Healthy$/, { timeout: TRUE_WITHIN_MS });
  await expect(page.getByRole("alert").filter({ hasText: "lost" })).toHaveCount(0);
});

test("a bridge that is killed during a hang comes too late for the cord, and the page says so", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-reconnecting", { name: "cache-08" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  await ripcord.killBridge();
  await expect.poll(() => ripcord.bridgePid()).not.toBe(undefined);
  await expect(page.getByText("It hung before Ripcord could negotiate out-of-band: no yank can be sent")).toBeVisible();
  await expect(health(page)).toContainText(/^Main loop hung$/);
});

test("a QEMU that is killed is unreachable, and a new one at its socket is another incarnation", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("bare", { name: "web-10" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  const before = await ripcord.api<VmDetail>(`/vms/${vmId}`);
  process.kill(firstVm(scenario).process.pid, "SIGKILL");
  await expect(health(page)).toContainText("Unreachable: process gone");
  await firstVm(scenario).restart();
  await expect(health(page)).toContainText("Healthy", { timeout: TRUE_WITHIN_MS });
  const after = await ripcord.api<VmDetail>(`/vms/${vmId}`);
  expect(after.incarnation.id).not.toBe(before.incarnation.id);
});

test("a QEMU that is killed stays in trouble until somebody says that it was seen", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("bare", { name: "web-13" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  process.kill(firstVm(scenario).process.pid, "SIGKILL");
  await expect(health(page)).toContainText("Unreachable: process gone");
  await page.getByRole("button", { name: "Seen: take it off the list" }).click();
  await expect(health(page)).toContainText("Ended");
  await page.getByRole("link", { name: "Fleet", exact: true }).first().click();
  await expect(page).toHaveURL(ripcord.url);
  await expect(page.getByRole("link", { name: "web-13", exact: true })).toHaveCount(0);
});

test("an act that was cut by the hub's death keeps its outcome, and is sent once", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-reconnecting", { name: "cache-09" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  await pullCord(page, "cache-09");
  await ripcord.killHub();
  await ripcord.startHub();
  // The bridge went on probing, and tells the new hub what came of it.
  const act = await settledAct(ripcord, vmId);
  expect(act.targets[0]).toMatchObject({ state: "accepted", verdict: "no-visible-effect" });
  expect(await auditedIntents(ripcord, vmId)).toHaveLength(1);
  await expect(page.getByRole("alertdialog").getByRole("status", { name: "Result" })).toContainText("Accepted, no visible effect");
});

test("an act that was cut by the bridge's death ends as unknown, and is not sent again", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("nbd-reconnecting", { name: "cache-10" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  await pullCord(page, "cache-10");
  await ripcord.killBridge();
  const act = await settledAct(ripcord, vmId);
  expect(act.targets[0]).toMatchObject({ verdict: "unknown" });
  expect(await auditedIntents(ripcord, vmId)).toHaveLength(1);
  await expect(page.getByRole("alertdialog").getByRole("status", { name: "Result" })).toContainText("Outcome unknown: check the VM");
});

/** Pulls the one cord of an `nbd-reconnecting` VM, which QEMU accepts and which does nothing: the act goes on for ten seconds. */
async function pullCord(page: Page, vm: string): Promise<void> {
  const dialog = await openDialog(page, { instance: "nbd0", vm });
  const typed = nameField(dialog, vm);
  if ((await typed.count()) > 0) await typed.fill(vm);
  await confirmButton(dialog, "nbd0").click();
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText("QEMU accepted it; no effect seen yet");
}

/** The one act on this VM, once nothing more will be reported of it. */
async function settledAct(ripcord: RipcordProcess, vmId: string): Promise<ActRecord> {
  let act: ActRecord | undefined;
  await expect
    .poll(
      async () => {
        const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
        expect(acts).toHaveLength(1);
        act = acts[0];
        return act?.targets.every((target) => target.isFinal);
      },
      { timeout: 30_000 },
    )
    .toBe(true);
  if (act === undefined) throw new Error("There is no act");
  return act;
}
