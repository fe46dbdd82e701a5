import type { VmEvent, VmSummary } from "#lib/api/vm";
import { confirmButton, nameField, openDialog } from "./support/desk.ts";
import { expect, health, test } from "./support/fixtures.ts";
import { SimulatorProcess } from "./support/simulator-process.ts";

test("a simulated fleet says on every page that it is simulated", async ({ page, startRipcord }) => {
  const ripcord = await startRipcord({ mode: "simulated-demo" });
  const simulator = await SimulatorProcess.start(ripcord.monitorsDirectory, 3);
  try {
    await page.goto(ripcord.url);
    await expect(page.getByText("Simulated fleet")).toBeVisible();
    await page.getByRole("link", { name: "sim-0001" }).click();
    await expect(health(page)).toContainText("Healthy");
    await expect(page.getByText("Simulated fleet")).toBeVisible();
    await page.goto(`${ripcord.url}audit`);
    await expect(page.getByText("Simulated fleet")).toBeVisible();
  } finally {
    await simulator.close();
  }
});

test("a VM that floods 5,000 events a second disturbs no other VM, no page and no yank", async ({ page, context, startRipcord }) => {
  const ripcord = await startRipcord({ mode: "simulated-demo" });
  const simulator = await SimulatorProcess.start(ripcord.monitorsDirectory, 5);
  try {
    await expect.poll(async () => (await listed(ripcord)).filter((vm) => vm.health.kind === "healthy").length).toBe(5);
    const idOf = async (name: string) => (await listed(ripcord)).find((vm) => vm.name === name)?.vmId ?? "";
    const [floodedId, quietId] = [await idOf("sim-0001"), await idOf("sim-0002")];
    const flooded = await context.newPage();
    await flooded.goto(`${ripcord.url}vms/${floodedId}`);
    await simulator.flood("sim-0001", 5_000);
    await expect(flooded.getByRole("list", { name: "Events, newest first" })).toContainText(/× \d,\d{3}/);

    // While the flood goes on, another VM hangs, is seen, is yanked and is seen to recover.
    await page.goto(`${ripcord.url}vms/${await idOf("sim-0003")}`);
    await expect(health(page)).toContainText("Healthy");
    await simulator.hang("sim-0003");
    await expect(health(page)).toContainText("Main loop hung", { timeout: 10_000 });
    const dialog = await openDialog(page, { instance: "nbd0", vm: "sim-0003" });
    await nameField(dialog, "sim-0003").fill("sim-0003");
    await confirmButton(dialog, "nbd0").click();
    await expect(dialog.getByRole("status", { name: "Result" })).toContainText("Recovered");
    await expect(page.getByText(/^live · newest reading/)).toBeVisible();
    await expect(health(flooded)).toContainText(/^Healthy$/);
    await expect(flooded.getByText(/^live · newest reading/)).toBeVisible();
    const { events } = await ripcord.api<{ events: VmEvent[] }>(`/events?vmId=${quietId}`);
    const verdicts = events.filter((event) => event.kind === "verdict").map((event) => event.title);
    expect(verdicts.filter((verdict) => verdict !== "healthy")).toEqual([]);
  } finally {
    await simulator.close();
  }
});

async function listed(ripcord: { api: <T>(path: string) => Promise<T> }): Promise<VmSummary[]> {
  return (await ripcord.api<{ vms: VmSummary[] }>("/vms")).vms;
}
