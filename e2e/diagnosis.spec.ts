import type { Locator, Page } from "@playwright/test";
import type { LabVm } from "#lab/vm";
import type { FleetSnapshot, VmDetail } from "#lib/api/vm";
import type { IncidentDetail } from "#lib/api/incident";
import type { IncidentSummary } from "#lib/incident/incident";
import type { ActRecord } from "#lib/yank/act";
import { confirmButton, nameField, openDialog } from "./support/desk.ts";
import { expect, firstVm, health, test } from "./support/fixtures.ts";
import type { RipcordProcess } from "./support/ripcord-process.ts";

/** The longest threshold, a probe, and a busy machine. */
const STALLED_WITHIN_MS = 30_000;

test("a disk whose server stands still is named while the monitor lives, and its yank lets the guest go on", async ({
  page,
  startVm,
  ripcord,
}) => {
  const { scenario, vmId } = await startVm("io-stall", { name: "db-21" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("I/O stalled", { timeout: STALLED_WITHIN_MS });
  await expect(cord(page, "nbd0")).toContainText(/almost certainly|likely/);
  const dialog = await openDialog(page, { instance: "nbd0", vm: "db-21" });
  await expect(dialog).toContainText("The guest loses its disk vda");
  await nameField(dialog, "db-21").fill("db-21");
  await confirmButton(dialog, "nbd0").click();
  await expect(dialog.getByRole("status", { name: "Result" })).toContainText("Recovered");
  await expect(dialog).toContainText("What now");
  expect(await scenario.isBroken()).toBe(false);
});

test("of two disks the dead one is named, and the other is not", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("two-disks-hang", { name: "db-22" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  await expect(cord(page, "nbd1")).toContainText(/almost certainly|likely/);
  await expect(cord(page, "nbd0")).not.toContainText(/almost certainly|likely/);
});

test("a console that hangs again on the same peer amends the act that freed it", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("console-rehang", { name: "build-23" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  const dialog = await openDialog(page, { instance: "console0", vm: "build-23" });
  await confirmButton(dialog, "console0").click();
  await expect
    .poll(async () => (await latestTarget(ripcord, vmId))?.amendments?.[0]?.verdict ?? (await latestTarget(ripcord, vmId))?.verdict, {
      timeout: STALLED_WITHIN_MS,
    })
    .toBe("rehung");
  await expect(dialog).toContainText(/hung again/i);
});

test("a postcopy is paused through the dialog, and the way back is said", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("postcopy-stall", { name: "erp-24" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await page.getByRole("button", { name: "Pause postcopy…" }).click();
  const dialog = page.getByRole("alertdialog");
  await expect(dialog).toContainText("never");
  await nameField(dialog, "erp-24").fill("erp-24");
  await dialog.getByRole("checkbox").check();
  await dialog.getByRole("button", { name: "Pause postcopy", exact: true }).click();
  await expect(dialog.getByRole("status", { name: "Result" })).toBeVisible();
  const [source, destination] = scenario.vms;
  await expect.poll(() => migrationStatus(source)).toBe("postcopy-paused");
  await expect(dialog).toContainText("migrate-recover");
  // The network still passes nothing on, so the other side knows nothing of it until it is paused itself.
  expect(await migrationStatus(destination)).toBe("postcopy-active");
  await destination?.raw.executeOob("migrate-pause");
  await expect.poll(() => migrationStatus(destination)).toBe("postcopy-paused");
  expect(await destination?.runState()).toBe("running");
});

test("of a migration to a program it is said that ending the program helps, and no yank", async ({ page, startVm, ripcord }) => {
  const { scenario, vmId } = await startVm("exec-migration", { name: "mail-25" });
  await page.goto(`${ripcord.url}vms/${vmId}`);
  await scenario.break();
  await expect(health(page)).toContainText("Main loop hung");
  await expect(page.getByText(/end what the migration started: pid \d+ \(sleep\)/i).first()).toBeVisible();
});

test("a crowd on one dead server is one incident, and is acted on together", async ({ page, startVm, ripcord }) => {
  const { scenario } = await startVm("nbd-crowd", { name: "crowd" });
  const size = scenario.vms.length;
  await expect.poll(async () => (await findCrowd(ripcord)).filter(isWellKnown).length, { timeout: 60_000 }).toBe(size);
  await scenario.break();
  async function findIncident(): Promise<IncidentSummary | undefined> {
    const { incidents } = await ripcord.api<{ incidents: IncidentSummary[] }>("/incidents");
    return incidents.find(({ memberCount, state }) => state === "open" && memberCount === size);
  }
  await expect.poll(async () => (await findIncident())?.memberCount).toBe(size);
  const incidentId = (await findIncident())?.incidentId;
  await page.goto(`${ripcord.url}incidents/${incidentId}`);
  await page.getByRole("button", { name: /^Select all that can be yanked/ }).click();
  await page.getByRole("button", { name: /^Plan a yank on/ }).click();
  const dialog = page.getByRole("alertdialog");
  await nameField(dialog, `${size} VMs`).fill(`${size} VMs`);
  await dialog.getByRole("button", { name: "Yank", exact: true }).click();
  await expect
    .poll(
      async () => (await ripcord.api<IncidentDetail>(`/incidents/${incidentId}`)).members.filter(({ isInTrouble }) => isInTrouble).length,
      {
        timeout: 60_000,
      },
    )
    .toBe(0);
  expect(await firstVm(scenario).runState()).toBe("paused");
  await expect(dialog).toContainText("Recovered");
});

/** The row of one instance on a VM's page. */
function cord(page: Page, name: string): Locator {
  return page.getByRole("listitem").filter({ has: page.getByRole("button", { name: `Yank ${name}…`, exact: true }) });
}

/** As the lab's own monitor says it, beside Ripcord. */
async function migrationStatus(vm: LabVm | undefined): Promise<string | undefined> {
  const answer = (await vm?.raw.execute("query-migrate")) as { status?: string } | undefined;
  return answer?.status;
}

async function latestTarget(ripcord: RipcordProcess, vmId: string) {
  const { acts } = await ripcord.api<{ acts: ActRecord[] }>(`/acts?vmId=${vmId}`);
  return acts[0]?.targets[0];
}

async function findCrowd(ripcord: RipcordProcess): Promise<VmDetail[]> {
  const { vms } = await ripcord.api<FleetSnapshot>("/vms");
  return Promise.all(vms.filter(({ name }) => name.startsWith("crowd-")).map(({ vmId }) => ripcord.api<VmDetail>(`/vms/${vmId}`)));
}

/** What it depends on is known, so that the hang of it is known to be the hang of all. */
function isWellKnown(vm: VmDetail): boolean {
  return vm.health.kind === "healthy" && vm.topologyAtMs !== undefined;
}
