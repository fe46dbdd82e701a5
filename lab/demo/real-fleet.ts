import { findScenario } from "../catalog.ts";
import { Closers } from "../closers.ts";
import type { Lab } from "../lab.ts";
import { LabError, messageOf } from "../lab-error.ts";
import type { LabScenario } from "../scenario.ts";
import type { BreakableVm, DemoFleet } from "./fleet.ts";

interface PlannedVm {
  name: string;
  scenario: string;
  /** Of a scenario with several VMs that break together; their names are made from this one. */
  vmCount?: number;
  /** Only for those that break. */
  story?: string;
}

const PLAN: readonly PlannedVm[] = [
  { name: "db-prod-07", scenario: "nbd-hang", story: "its NBD server stopped answering while it was being paused" },
  { name: "build-19", scenario: "console-hang", story: "whoever collects its console stopped reading" },
  { name: "erp-01", scenario: "migration-switchover-hang", story: "its migration's destination froze at the switchover" },
  { name: "mail-02", scenario: "migration-stall", story: "its migration's destination stopped reading" },
  { name: "logs-04", scenario: "io-stall", story: "its disk's NBD server stopped answering, and its guest waits" },
  { name: "shop", scenario: "nbd-crowd", vmCount: 2, story: "their one NBD server died while they were being paused" },
  { name: "web-01", scenario: "nbd-disk" },
  { name: "gw-02", scenario: "serial-console" },
  { name: "crm-05", scenario: "migration-pair" },
  { name: "staging-04", scenario: "paused" },
  { name: "ci-cache-03", scenario: "iothread" },
  { name: "dns-01", scenario: "bare" },
];

/**
 * Starts the demo's VMs on a real QEMU, none of them broken yet. One that does not start is left out and said.
 * @throws LabError when none starts.
 */
export async function startRealFleet(lab: Lab, say: (line: string) => void): Promise<DemoFleet> {
  const closers = new Closers();
  const started = await Promise.all(
    PLAN.map(async (planned) => {
      try {
        const scenario = await findScenario(planned.scenario).start(lab, { vmName: planned.name, vmCount: planned.vmCount });
        closers.add(scenario, (opened) => opened.close());
        return { planned, scenario };
      } catch (error) {
        say(`${planned.name} is left out: ${messageOf(error)}`);
        return undefined;
      }
    }),
  );
  const running = started.filter((entry) => entry !== undefined);
  if (running.length === 0) throw new LabError(`No VM could be started with ${lab.qemu.systemBinary}`);
  return {
    vmCount: running.reduce((count, { scenario }) => count + scenario.vms.length, 0),
    breakable: running.flatMap(({ planned, scenario }) =>
      planned.story === undefined ? [] : [breakableVm(planned, planned.story, scenario)],
    ),
    close: () => closers.close(),
  };
}

function breakableVm(planned: PlannedVm, story: string, scenario: LabScenario): BreakableVm {
  // The far side of a migration is a VM of its own, which does not break.
  const vmNames = planned.vmCount === undefined ? [planned.name] : scenario.vms.map((vm) => vm.name);
  return {
    name: vmNames.join(" and "),
    vmNames,
    story,
    isBroken: () => scenario.isBroken(),
    mend: () => scenario.heal(),
    break: () => scenario.break(),
  };
}
