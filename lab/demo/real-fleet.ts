import { findScenario } from "../catalog.ts";
import { Closers } from "../closers.ts";
import type { Lab } from "../lab.ts";
import { LabError, messageOf } from "../lab-error.ts";
import type { LabScenario } from "../scenario.ts";
import type { BreakableVm, DemoFleet } from "./fleet.ts";

interface PlannedVm {
  name: string;
  scenario: string;
  /** Only for those that break. */
  story?: string;
}

const PLAN: readonly PlannedVm[] = [
  { name: "db-prod-07", scenario: "nbd-hang", story: "its NBD server stopped answering while it was being paused" },
  { name: "build-19", scenario: "console-hang", story: "whoever collects its console stopped reading" },
  { name: "erp-01", scenario: "migration-switchover-hang", story: "its migration's destination froze at the switchover" },
  { name: "mail-02", scenario: "migration-stall", story: "its migration's destination stopped reading" },
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
        const scenario = await findScenario(planned.scenario).start(lab, { vmName: planned.name });
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
      planned.story === undefined ? [] : [breakableVm(planned.name, planned.story, scenario)],
    ),
    close: () => closers.close(),
  };
}

function breakableVm(name: string, story: string, scenario: LabScenario): BreakableVm {
  return {
    name,
    story,
    isBroken: () => scenario.isBroken(),
    mend: () => scenario.heal(),
    break: () => scenario.break(),
  };
}
