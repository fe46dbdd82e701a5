import type { VmsChanged } from "#lib/link/contract";
import type { VmId, VmReport } from "#lib/vm/report";

/** What one bridge's messages amount to. `resync`: something is missing, so the bridge has to dial again. */
export type Intake =
  | { type: "nothing" }
  /** The whole set of this bridge's VMs: what is not in it is gone. */
  | { type: "replace"; vms: VmReport[] }
  | { type: "update"; changed: VmReport[]; removed: VmId[] }
  | { type: "resync"; reason: string };

/**
 * Puts one bridge's chunks and changes together, and notices a gap. A generation takes effect at its end, all at once;
 * changes that arrive before the end of theirs wait for it.
 */
export class SnapshotIntake {
  #open: { generation: number; total: number; nextIndex: number; received: number; vms: VmReport[]; waiting: VmsChanged[] } | undefined;
  #generation: number | undefined;
  #nextSequence = 1;

  begin(generation: number, total: number): Intake {
    this.#open = { generation, total, nextIndex: 0, received: 0, vms: [], waiting: [] };
    return { type: "nothing" };
  }

  /** @param sent how many VMs the chunk held before the malformed among them were dropped. */
  chunk(generation: number, index: number, sent: number, vms: readonly VmReport[]): Intake {
    const open = this.#open;
    if (!open || open.generation !== generation)
      return { type: "resync", reason: `a chunk of generation ${generation}, which was not begun` };
    if (index !== open.nextIndex) return { type: "resync", reason: `chunk ${index} where ${open.nextIndex} was due` };
    open.nextIndex += 1;
    open.received += sent;
    open.vms.push(...vms);
    return { type: "nothing" };
  }

  end(generation: number): Intake[] {
    const open = this.#open;
    if (!open || open.generation !== generation)
      return [{ type: "resync", reason: `the end of generation ${generation}, which was not begun` }];
    if (open.received !== open.total) {
      return [{ type: "resync", reason: `generation ${generation} has ${open.received} VMs and was announced with ${open.total}` }];
    }
    this.#open = undefined;
    this.#generation = generation;
    this.#nextSequence = 1;
    return [{ type: "replace", vms: open.vms }, ...open.waiting.map((message) => this.changed(message))];
  }

  changed(message: VmsChanged): Intake {
    if (this.#open?.generation === message.generation) {
      this.#open.waiting.push(message);
      return { type: "nothing" };
    }
    // Left over from before the newest snapshot, which says more.
    if (this.#generation === undefined || message.generation < this.#generation) return { type: "nothing" };
    if (message.generation !== this.#generation || message.sequence !== this.#nextSequence) {
      return {
        type: "resync",
        reason: `change ${message.sequence} of generation ${message.generation} where ${this.#nextSequence} was due`,
      };
    }
    this.#nextSequence += 1;
    return { type: "update", changed: message.changed, removed: message.removed };
  }
}
