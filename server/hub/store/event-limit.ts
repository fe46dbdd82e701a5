const STORED_EVENTS_PER_SECOND = 50;

/**
 * At most fifty events a second and VM are stored; of the rest the number is kept. Pure: the caller says what time it is.
 */
export class EventLimit {
  readonly #perSecond: number;
  readonly #windows = new Map<string, { second: number; stored: number; dropped: number }>();

  constructor(perSecond = STORED_EVENTS_PER_SECOND) {
    this.#perSecond = perSecond;
  }

  /** Whether one more may be stored, and how many of an earlier second were dropped and have to be told of now. */
  admit(vmId: string, nowMs: number): { isAdmitted: boolean; droppedBefore: number } {
    const second = Math.floor(nowMs / 1_000);
    let window = this.#windows.get(vmId);
    let droppedBefore = 0;
    if (window === undefined || window.second !== second) {
      droppedBefore = window?.dropped ?? 0;
      window = { second, stored: 0, dropped: 0 };
      this.#windows.set(vmId, window);
    }
    const isAdmitted = window.stored < this.#perSecond;
    if (isAdmitted) window.stored += 1;
    else window.dropped += 1;
    return { isAdmitted, droppedBefore };
  }

  /** The VMs whose second is over, with what was dropped in it; they are forgotten. */
  settle(nowMs: number): { vmId: string; dropped: number }[] {
    const second = Math.floor(nowMs / 1_000);
    const settled: { vmId: string; dropped: number }[] = [];
    for (const [vmId, window] of this.#windows) {
      if (window.second === second) continue;
      this.#windows.delete(vmId);
      if (window.dropped > 0) settled.push({ vmId, dropped: window.dropped });
    }
    return settled;
  }
}
