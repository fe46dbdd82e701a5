import type { KnownYankInstance } from "#lib/qapi/yank";
import type { Closers } from "./closers.ts";
import type { Lab } from "./lab.ts";
import { LabError } from "./lab-error.ts";
import type { LabVm } from "./vm.ts";

/**
 * `look-alike` is trouble that is not a hang, or that no yank can end. `busy` is a VM that works hard and is well: `break`
 * begins the work, or does it where it ends by itself, and it is never broken.
 */
export type ScenarioKind = "hang" | "look-alike" | "busy" | "healthy";

export interface ScenarioOptions {
  /** Name of the VM; default the scenario's own. A second VM's name is made from it. */
  vmName?: string;
  /** Of the scenarios with many VMs; default their own. */
  vmCount?: number;
}

/** One situation that the lab can bring about. A file in `scenarios/` exports one, and `catalog.ts` lists it. */
export interface ScenarioDefinition {
  readonly name: string;
  readonly kind: ScenarioKind;
  /** One line: what is started, and what `break` does to it. */
  readonly description: string;
  /** Starts the VMs, whole and not yet broken, except where the description says otherwise. */
  start(lab: Lab, options: ScenarioOptions): Promise<LabScenario>;
}

/** What has to be yanked, and where. */
export interface Culprit {
  vm: LabVm;
  instance: KnownYankInstance;
}

/** A situation that was started. Calls must not overlap, except `close()`, which may come at any time and twice. */
export interface LabScenario {
  /** The VMs whose monitors lie in the watched folder; the first is the one that `break` is about. */
  readonly vms: readonly LabVm[];
  /** Undefined where there is nothing that could be yanked. */
  readonly culprit: Culprit | undefined;
  /** A fresh look, not a memory: false once somebody yanked or healed it. */
  isBroken(): Promise<boolean>;
  /**
   * Brings the trouble about and resolves once it is there. Does nothing where it is there already; after a yank, a
   * heal or the death of the VM it works again.
   * @throws LabError where this scenario cannot be broken.
   */
  break(): Promise<void>;
  /** Takes the cause away, as whoever runs the far side would, and resolves when the VM is well. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

export interface ScenarioParts {
  vms: readonly LabVm[];
  culprit?: Culprit;
  closers: Closers;
  isBroken: () => Promise<boolean>;
  /** Called when the VMs run and nothing is broken. */
  induce: () => Promise<void>;
  /** Makes the far side well again. Comes first, because a VM that ended may need it to start. */
  removeCause: () => Promise<void>;
  /**
   * Makes the VMs whole where that takes more than removing the cause.
   * @param restarted VMs that had ended and were started afresh just now: nothing is left to repair on them.
   */
  restore?: (restarted: ReadonlySet<LabVm>) => Promise<void>;
}

/** Puts a scenario together; keeps the rule that what was broken once is made whole before it is broken again. */
export function composeScenario(parts: ScenarioParts): LabScenario {
  let wasBroken = false;
  async function heal(): Promise<void> {
    const restarted = new Set<LabVm>();
    const mustRestore = wasBroken || parts.vms.some((vm) => !vm.isRunning);
    if (mustRestore) await parts.removeCause();
    for (const vm of parts.vms) {
      if (vm.isRunning) continue;
      await vm.restart();
      restarted.add(vm);
    }
    if (mustRestore) await parts.restore?.(restarted);
    wasBroken = false;
  }
  return {
    vms: parts.vms,
    culprit: parts.culprit,
    isBroken: parts.isBroken,
    async break() {
      if (await parts.isBroken()) return;
      await heal();
      wasBroken = true;
      await parts.induce();
    },
    heal,
    close: () => parts.closers.close(),
  };
}

/** A scenario that stays as it is. */
export function steadyScenario(name: string, vms: readonly LabVm[], closers: Closers): LabScenario {
  return composeScenario({
    vms,
    closers,
    isBroken: async () => false,
    induce: () => Promise.reject(new LabError(`${name} is healthy and stays so`)),
    removeCause: async () => {},
  });
}
