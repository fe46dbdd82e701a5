import { test as base, expect } from "@playwright/test";
import type { Page } from "@playwright/test";
import type { FleetSnapshot, VmDetail, VmSummary } from "#lib/api/vm";
import type { AuditEvent, AuditRow } from "#lib/audit/events";
import { requireQemu } from "#lab/qemu";
import type { Qemu } from "#lab/qemu";
import type { LabScenario } from "#lab/scenario";
import type { LabVm } from "#lab/vm";
import { startScenario } from "#lab/start-scenario";
import { RipcordProcess } from "./ripcord-process.ts";
import type { RipcordOptions } from "./ripcord-process.ts";

export interface Started {
  scenario: LabScenario;
  vmId: string;
}

interface TestFixtures {
  /** Starts a lab scenario, and waits until the hub calls its first VM healthy (or as said). */
  startVm: (scenario: string, options?: { name?: string; until?: (vm: VmSummary) => boolean }) => Promise<Started>;
  /** Starts a lab scenario, and waits for nothing. */
  startLab: (scenario: string, options?: { name?: string }) => Promise<LabScenario>;
  /** Starts another hub with its bridge, for this test alone. */
  startRipcord: (options: RipcordOptions) => Promise<RipcordProcess>;
  /** What the hub says of a VM by its name right now. */
  findVm: (name: string) => Promise<VmSummary | undefined>;
}

interface WorkerFixtures {
  qemu: Qemu;
  ripcord: RipcordProcess;
}

/** Browser tests on real QEMUs: one hub and bridge for all tests of a worker, VMs per test. */
export const test = base.extend<TestFixtures, WorkerFixtures>({
  qemu: [
    async ({}, use) => {
      await use(await requireQemu());
    },
    { scope: "worker" },
  ],
  ripcord: [
    async ({}, use) => {
      const ripcord = await RipcordProcess.start();
      await use(ripcord);
      await ripcord.close();
    },
    { scope: "worker" },
  ],
  startLab: async ({ ripcord, qemu }, use) => {
    const started: LabScenario[] = [];
    await use(async (scenarioName, { name } = {}) => {
      const scenario = await startScenario(scenarioName, {
        directory: ripcord.labDirectory,
        monitorsDirectory: ripcord.monitorsDirectory,
        qemu,
        vmName: name,
      });
      started.push(scenario);
      return scenario;
    });
    for (const scenario of started.toReversed()) await scenario.close();
    const names = started.flatMap((scenario) => scenario.vms.map((vm) => vm.name));
    const listed = async () => {
      await ripcord.dismissGone(names);
      return (await ripcord.api<FleetSnapshot>("/vms")).vms.filter((vm) => names.includes(vm.name)).length;
    };
    // A QEMU that was killed while it hung stays listed until somebody has seen it; a hub that is down by now lists nobody.
    await expect
      .poll(listed, { intervals: [100, 250, 500], timeout: 5_000 })
      .toBe(0)
      .catch(() => undefined);
  },
  startVm: async ({ startLab, findVm, ripcord }, use) => {
    await use(async (scenarioName, { name, until } = {}) => {
      const scenario = await startLab(scenarioName, { name });
      const vmName = firstVm(scenario).name;
      const vm = await waitForVm(() => findVm(vmName), until ?? isHealthy, vmName);
      // A hang that begins before this leaves consoles refused: nobody could tell them from monitors any more.
      const hasTopology = async () => (await ripcord.api<VmDetail>(`/vms/${vm.vmId}`)).topologyAtMs !== undefined;
      if (until === undefined) await expect.poll(hasTopology, { message: `topology of ${vmName}`, intervals: [100] }).toBe(true);
      return { scenario, vmId: vm.vmId };
    });
  },
  startRipcord: async ({}, use) => {
    const started: RipcordProcess[] = [];
    await use(async (options) => {
      const ripcord = await RipcordProcess.start(options);
      started.push(ripcord);
      return ripcord;
    });
    for (const ripcord of started.toReversed()) await ripcord.close();
  },
  findVm: async ({ ripcord }, use) => {
    await use(async (name) => {
      const fleet = await ripcord.api<FleetSnapshot>("/vms");
      return fleet.vms.find((vm) => vm.name === name);
    });
  },
});

export { expect };

function isHealthy(vm: VmSummary): boolean {
  return vm.health.kind === "healthy" && vm.runState !== undefined && vm.instanceCount > 0;
}

async function waitForVm(
  find: () => Promise<VmSummary | undefined>,
  isThere: (vm: VmSummary) => boolean,
  name: string,
): Promise<VmSummary> {
  let found: VmSummary | undefined;
  await expect
    .poll(
      async () => {
        found = await find();
        return found === undefined ? "not listed" : isThere(found) ? "as expected" : found.health.kind;
      },
      { message: `${name} on the hub`, timeout: 20_000, intervals: [100] },
    )
    .toBe("as expected");
  if (found === undefined) throw new Error(`${name} is not listed`);
  return found;
}

/** The VM that a scenario is about. */
export function firstVm(scenario: LabScenario): LabVm {
  const [vm] = scenario.vms;
  if (vm === undefined) throw new Error("The scenario has no VM");
  return vm;
}

/** What the audit holds of one VM's acts: what was sent, and how often. */
export async function auditedIntents(ripcord: RipcordProcess, vmId: string): Promise<AuditEvent[]> {
  const { rows } = await ripcord.api<{ rows: AuditRow[] }>("/audit?limit=200");
  return rows.map((row) => row.event).filter((event) => event.type === "act-intended" && event.vmId === vmId);
}

/** The VM page's health, as a reader of the accessibility tree finds it. */
export function health(page: Page) {
  return page.getByRole("status", { name: "Health" });
}
