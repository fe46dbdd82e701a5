import { type DemoRecipe, type DemoVm, demoFleet } from "../../server/simulator/index.ts";
import type { BreakableVm, DemoFleet } from "./fleet.ts";

const STORIES: Record<DemoRecipe, string> = {
  "nbd-drain": "its NBD server stopped answering while it was being paused",
  "debug-console": "whoever collects its console stopped reading",
  "migration-switchover": "its migration's destination froze at the switchover",
  "migration-stall": "its migration's destination stopped reading",
};

/** The same demo where there is no QEMU: peers that behave as QEMU does, in this process. */
export async function startSimulatedFleet(monitorsDirectory: string): Promise<DemoFleet> {
  const fleet = await demoFleet(monitorsDirectory, { breaksAfterMs: undefined });
  return {
    vmCount: fleet.vms.length,
    breakable: fleet.vms.flatMap((vm) => (vm.recipe === undefined ? [] : [breakableVm(vm, vm.recipe, (name) => fleet.breakAgain(name))])),
    close: () => fleet.close(),
  };
}

function breakableVm({ name, vm }: DemoVm, recipe: DemoRecipe, breakAgain: (name: string) => void): BreakableVm {
  return {
    name,
    story: STORIES[recipe],
    isBroken: async () => (recipe === "migration-stall" ? vm.migrationStatus === "active" : vm.isMainLoopBlocked),
    // The simulator's own recipes begin with the repair.
    mend: async () => {},
    break: async () => breakAgain(name),
  };
}
