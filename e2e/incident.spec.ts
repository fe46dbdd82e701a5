import type { ActRecord } from "#lib/yank/act";
import type { VmDetail, VmSummary } from "#lib/api/vm";
import type { IncidentDetail, IncidentList } from "#lib/api/incident";
import { confirmButton, nameField } from "./support/desk.ts";
import { expect, test } from "./support/fixtures.ts";
import type { RipcordProcess } from "./support/ripcord-process.ts";
import { SimulatorProcess } from "./support/simulator-process.ts";

const VM_COUNT = 20;

test("twenty VMs on one dead server are one incident, and are acted on together", async ({ page, startRipcord }) => {
  const ripcord = await startRipcord({ mode: "simulated-demo" });
  const simulator = await SimulatorProcess.start(ripcord.monitorsDirectory, VM_COUNT, { servers: 1, reads: 5 });
  try {
    await page.goto(ripcord.url);
    await expect(page.getByText(`All ${VM_COUNT}`)).toBeVisible();
    await expect.poll(async () => knownCount(ripcord), { timeout: 60_000 }).toBe(VM_COUNT);
    await simulator.killServer(0);

    // One banner names the one cause; the side bar counts one incident.
    const banner = page.getByRole("region", { name: "Worst trouble" });
    await expect(banner).toContainText(`${VM_COUNT} VMs`, { timeout: 30_000 });
    await expect(page.getByRole("link", { name: /Incidents.*1/ })).toBeVisible();
    const { incidents } = await ripcord.api<IncidentList>("/incidents");
    expect(incidents.filter(({ state }) => state === "open")).toHaveLength(1);
    await banner.getByRole("link", { name: /Open incident/ }).click();
    await expect(page.getByRole("status", { name: "State" })).toContainText("Open");

    // Nothing is chosen before somebody chooses it.
    const members = page.getByRole("table", { name: "VMs of this incident" });
    await expect(members.getByRole("row")).toHaveCount(VM_COUNT + 1);
    await expect(members.getByRole("checkbox", { checked: true })).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Plan a yank…" })).toBeDisabled();

    await members.getByRole("checkbox", { name: "Select sim-0003" }).check();
    await members.getByRole("checkbox", { name: "Select sim-0007" }).check();
    await page.getByRole("button", { name: "Plan a yank on 2 VMs…" }).click();
    const dialog = page.getByRole("alertdialog");
    await expect(dialog.getByRole("list", { name: "What happens on each VM" })).toContainText("sim-0007");
    await expect(dialog.getByRole("button", { name: "Cancel", exact: true })).toBeFocused();
    await dialog.getByRole("textbox", { name: "Type 2 VMs to arm" }).fill("2 VMs");
    await dialog.getByRole("button", { name: "Yank", exact: true }).click();
    await expect(dialog.getByRole("status", { name: "Result" })).toContainText("2 recovered", { timeout: 40_000 });
    await dialog.getByRole("button", { name: "Close" }).click();

    // The others were left alone, and the act is in the incident with each of its VMs.
    await expect(page.getByRole("list", { name: "Acts, newest first" })).toContainText("Yank on 2 VMs");
    await expect(members.getByRole("row", { name: /sim-0003/ })).toContainText("recovered");
    await expect(members.getByRole("row", { name: /sim-0004/ })).toContainText("Main loop hung");
    const { acts } = await ripcord.api<{ acts: ActRecord[] }>("/acts");
    expect(acts.map((act) => act.targets.map(({ vmName }) => vmName).toSorted())).toEqual([["sim-0003", "sim-0007"]]);
  } finally {
    await simulator.close();
  }
});

test("an incident takes notes, is filtered, exported and closed, and its act keeps its evidence", async ({ page, startRipcord }) => {
  const ripcord = await startRipcord({ mode: "simulated-demo" });
  const simulator = await SimulatorProcess.start(ripcord.monitorsDirectory, 2, { servers: 1, reads: 5 });
  try {
    await page.goto(`${ripcord.url}incidents`);
    await expect(page.getByText("No incident", { exact: true })).toBeVisible();
    await expect.poll(async () => knownCount(ripcord), { timeout: 60_000 }).toBe(2);
    await simulator.killServer(0);
    await page.getByRole("list", { name: "Incidents, open ones first" }).getByRole("link").first().click();
    await expect(page.getByRole("status", { name: "State" })).toContainText("Open");

    await page.getByRole("textbox", { name: /What is known/ }).fill("The storage team was called");
    await page.getByRole("button", { name: "Add note" }).click();
    await expect(page.getByRole("list", { name: "Notes, newest first" })).toContainText("The storage team was called");
    const timeline = page.getByRole("list", { name: "Timeline, newest first" });
    await expect(timeline).toContainText("The storage team was called");
    await page.getByRole("button", { name: /^Notes \d/ }).click();
    await expect(timeline).not.toContainText("The storage team was called");

    // From the page of one of its VMs, which leads back to it.
    await page.getByRole("table", { name: "VMs of this incident" }).getByRole("link", { name: "sim-0001" }).click();
    await page.getByRole("button", { name: "Yank nbd0…" }).click();
    const dialog = page.getByRole("alertdialog");
    await nameField(dialog, "sim-0001").fill("sim-0001");
    await confirmButton(dialog, "nbd0").click();
    await expect(dialog.getByRole("status", { name: "Result" })).toContainText("Recovered");
    await dialog.getByRole("link", { name: "act and evidence" }).click();
    await expect(page.getByRole("heading", { name: "Yank nbd0 on sim-0001" })).toBeVisible();
    await expect(page.getByText("right before it was sent")).toBeVisible();

    await page.getByRole("link", { name: /^Incidents/ }).click();
    await page.getByRole("list", { name: "Incidents, open ones first" }).getByRole("link").first().click();
    const [markdown] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export Markdown" }).click()]);
    expect(markdown.suggestedFilename()).toMatch(/^incident-\d+\.md$/);
    await page.getByRole("button", { name: "Close incident…" }).click();
    await page.getByRole("textbox", { name: /Reason/ }).fill("moved to other storage");
    await page.getByRole("button", { name: /^Close incident \d+$/ }).click();
    await expect(page.getByRole("status", { name: "State" })).toContainText("Resolved");
    const { incidents } = await ripcord.api<IncidentList>("/incidents?state=resolved");
    const detail = await ripcord.api<IncidentDetail>(`/incidents/${incidents[0]?.incidentId}`);
    expect(detail.notes.map(({ text }) => text)).toContain("The storage team was called");
  } finally {
    await simulator.close();
  }
});

/** How many VMs are well and have told where their disk leads. */
async function knownCount(ripcord: RipcordProcess): Promise<number> {
  const { vms } = await ripcord.api<{ vms: VmSummary[] }>("/vms");
  const details = await Promise.all(vms.map(({ vmId }) => ripcord.api<VmDetail>(`/vms/${vmId}`)));
  const isKnown = (vm: VmDetail) => vm.instances.some(({ instance, farSide }) => instance.type === "block-node" && farSide !== undefined);
  return details.filter((vm) => vm.health.kind === "healthy" && isKnown(vm)).length;
}
