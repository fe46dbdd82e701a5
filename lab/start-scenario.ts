import { findScenario } from "./catalog.ts";
import { type LabOptions, openLab } from "./lab.ts";
import type { LabScenario, ScenarioOptions } from "./scenario.ts";

/**
 * Starts one scenario in a lab of its own; its `close()` ends both. Several may share their directories if their VMs
 * have different names.
 * @param name as `./ripcord lab list` says it.
 * @throws LabError when QEMU's tools are missing, a path is too long, or a VM does not start.
 */
export async function startScenario(name: string, options: LabOptions & ScenarioOptions): Promise<LabScenario> {
  const definition = findScenario(name);
  const lab = await openLab(options);
  try {
    const scenario = await definition.start(lab, options);
    return {
      vms: scenario.vms,
      culprit: scenario.culprit,
      isBroken: () => scenario.isBroken(),
      break: () => scenario.break(),
      heal: () => scenario.heal(),
      async close() {
        await scenario.close();
        await lab.close();
      },
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
