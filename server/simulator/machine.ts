import type { KnownYankInstance } from "../../lib/qapi/yank.ts";
import { BlockJobs } from "./block-jobs.ts";
import { BlockLayer } from "./block-layer.ts";
import { Chardevs } from "./chardevs.ts";
import type { Lane } from "./commands/command.ts";
import { Migration } from "./migration.ts";
import type { SimulatedMonitor } from "./monitor.ts";
import type { SimulatedVmOptions } from "./options.ts";
import type { VmCore } from "./vm-core.ts";

/** One `yank` that reached a VM, whatever came of it. */
export interface ReceivedYank {
  atMs: number;
  lane: Lane;
  monitorId: string;
  instances: KnownYankInstance[];
  outcome: "yanked" | "not-found";
}

/** How a VM ends: `quit` with a SHUTDOWN event, `exit` and `kill` without one; a killed QEMU leaves its socket files. */
export type EndOfMachine = "quit" | "exit" | "kill";

/** The inside of one simulated VM, as its commands see it. */
export class SimulatedMachine {
  readonly core: VmCore;
  readonly options: SimulatedVmOptions;
  readonly block: BlockLayer;
  readonly jobs: BlockJobs;
  readonly chardevs: Chardevs;
  readonly migration: Migration;
  readonly monitors: SimulatedMonitor[] = [];
  readonly yanksReceived: ReceivedYank[] = [];
  readonly negotiationListeners = new Set<(monitorId: string) => void>();
  readonly #onEnd: (how: EndOfMachine) => void;

  constructor(core: VmCore, options: SimulatedVmOptions, onEnd: (how: EndOfMachine) => void) {
    this.core = core;
    this.options = options;
    this.#onEnd = onEnd;
    this.chardevs = new Chardevs(core, options.chardevs ?? []);
    this.block = new BlockLayer(core, options.blockNodes ?? [], options.devices ?? []);
    this.jobs = new BlockJobs(core, this.block);
    this.migration = new Migration(core, () => onEnd("exit"));
  }

  setRunState(runState: string): void {
    this.core.runState = runState;
    this.block.followRunState();
  }

  /**
   * Stops the guest and drains its disks. STOP goes out before the drain of what QEMU itself sent; a newer QEMU (11.1)
   * first waits for the guest's own requests, so that STOP too comes only once they ended.
   * @returns whether the main loop is blocked on it.
   */
  stop(): boolean {
    if (!this.core.isRunning) return false;
    const isAnnouncedLate = this.core.traits.stopWaitsForGuest && this.block.hasGuestRequests;
    if (!isAnnouncedLate) this.core.emit("STOP");
    this.setRunState("paused");
    const isBlocked = this.block.blockOnDrain();
    if (isAnnouncedLate) this.core.mainLoop.whenReleased(() => this.core.emit("STOP"));
    return isBlocked;
  }

  /** Lets the guest run; a disk whose node was yanked may stop it again at once. */
  cont(): void {
    if (this.core.isRunning) return;
    this.core.emit("RESUME");
    this.setRunState("running");
  }

  yank(instances: KnownYankInstance[], by: { lane: Lane; monitorId: string }): boolean {
    const isFound = this.core.yanks.yank(instances);
    this.yanksReceived.push({ atMs: this.core.clock.nowMs(), ...by, instances, outcome: isFound ? "yanked" : "not-found" });
    if (this.options.releasedReplyFirst) this.core.mainLoop.kick();
    return isFound;
  }

  /** An assertion failed: the process is gone in the middle of an answer, and leaves its socket files. */
  abort(): void {
    this.core.mainLoop.block();
    this.#onEnd("kill");
  }

  /** Announces the end, and ends once whatever is being answered has been; a disk that cannot be drained holds it up (H3). */
  quit(reason: string): void {
    this.core.emit("SHUTDOWN", { guest: false, reason });
    queueMicrotask(() => {
      // Nothing in-band is answered any more, neither during that drain nor after it.
      this.core.mainLoop.block();
      this.block.whenDrained(() => queueMicrotask(() => this.#onEnd("quit")));
    });
  }
}
