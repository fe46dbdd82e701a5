import { type DemoRecipe, type DemoVm, demoFleet } from "../../server/simulator/index.ts";
import type { BreakableVm, DemoFleet } from "./fleet.ts";

const NODE = "nbd0";
const STORIES: Record<DemoRecipe, string> = {
  "nbd-drain": "its NBD server stopped answering while it was being paused",
  "debug-console": "whoever collects its console stopped reading",
  "migration-switchover": "its migration's destination froze at the switchover",
  "migration-stall": "its migration's destination stopped reading",
  "io-stall": "its disk's NBD server stopped answering, and its guest waits",
  "shared-server": "their one NBD server died while they were being paused",
};

/** The same demo where there is no QEMU: peers that behave as QEMU does, in this process. */
export async function startSimulatedFleet(monitorsDirectory: string): Promise<DemoFleet> {
  const fleet = await demoFleet(monitorsDirectory, { breaksAfterMs: undefined });
  const shared = fleet.vms.filter((vm) => vm.recipe === "shared-server");
  const single = fleet.vms.filter((vm) => vm.recipe !== undefined && vm.recipe !== "shared-server");
  return {
    vmCount: fleet.vms.length,
    breakable: [...single.map((vm) => breakable([vm])), breakable(shared)],
    close: () => fleet.close(),
  };
}

/** VMs of one recipe, which break together. */
function breakable(vms: readonly DemoVm[]): BreakableVm {
  const vmNames = vms.map(({ name }) => name);
  return {
    name: vmNames.join(" and "),
    vmNames,
    story: STORIES[vms[0]?.recipe ?? "nbd-drain"],
    isBroken: async () => vms.some(isBroken),
    // The simulator's own recipes begin with the repair.
    mend: async () => {},
    break: async () => {
      for (const vm of vms) vm.break?.();
    },
  };
}

function isBroken({ recipe, vm }: DemoVm): boolean {
  switch (recipe) {
    case "migration-stall":
      return vm.migrationStatus === "active";
    case "io-stall":
      return vm.isWaitingForNbd(NODE);
    default:
      return vm.isMainLoopBlocked;
  }
}
