import type { WireValue } from "./wire-value.ts";

/** What an in-band command came to. `blocked` means that it waits, and with it everything in-band of the VM. */
export type CommandOutcome =
  | { kind: "return"; value: WireValue }
  | { kind: "error"; qmpClass: string; desc: string }
  | { kind: "blocked"; resume: () => CommandOutcome };

export type SettledOutcome = Exclude<CommandOutcome, { kind: "blocked" }>;

/** One in-band request in its turn: runs, and answers through `finish` once it is done. */
export interface InBandJob {
  run(): CommandOutcome;
  finish(outcome: SettledOutcome): void;
}

/** Where the dispatcher gets its work: one per monitor. */
export interface InBandQueue {
  readonly hasRequests: boolean;
  takeRequest(): InBandJob | undefined;
}

/**
 * The main loop of one VM: the only place where in-band commands of all its monitors run, one at a time, the monitors
 * taking turns. While anything blocks it, nothing in-band moves; the out-of-band lane never comes here.
 */
export class MainLoop {
  readonly #queues: InBandQueue[] = [];
  readonly #onRelease: () => void;
  #blockers = 0;
  #isStopped = false;
  #isRunning = false;
  #onNextRelease: (() => void)[] = [];
  #executing: { job: InBandJob; resume: () => CommandOutcome } | undefined;

  /** @param onRelease called when the last blocker went, or the loop was let run again. */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  get isBlocked(): boolean {
    return this.#blockers > 0 || this.#isStopped;
  }

  /** Whether an in-band command that came now would have to wait for its turn. */
  get isBusy(): boolean {
    return this.isBlocked || this.#executing !== undefined || this.#queues.some((queue) => queue.hasRequests);
  }

  addQueue(queue: InBandQueue): void {
    this.#queues.push(queue);
  }

  /** Blocks everything in-band until the returned function is called; calling it twice is harmless. */
  block(): () => void {
    this.#blockers++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#blockers--;
      this.#wake();
    };
  }

  /** Calls back once nothing blocks the loop any more, before anything that waited in it is answered; at once where nothing does. */
  whenReleased(run: () => void): void {
    if (this.#blockers === 0) run();
    else this.#onNextRelease.push(run);
  }

  /** Freezes the loop with the whole process; unlike a blocker it is not something a command waits for. */
  setStopped(isStopped: boolean): void {
    this.#isStopped = isStopped;
    if (!isStopped) this.#wake();
  }

  /** Runs whatever can run now. */
  kick(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (!this.isBlocked && this.#runOne()) continue;
    } finally {
      this.#isRunning = false;
    }
  }

  #wake(): void {
    if (this.isBlocked) return;
    // Not at once: the yank that released us is answered by its own thread, as a rule before we come to our queue.
    queueMicrotask(() => {
      if (!this.isBlocked) for (const run of this.#onNextRelease.splice(0)) run();
      this.kick();
      if (!this.isBlocked) this.#onRelease();
    });
  }

  #runOne(): boolean {
    const waiting = this.#executing;
    if (waiting) {
      this.#executing = undefined;
      this.#settle(waiting.job, waiting.resume());
      return true;
    }
    const index = this.#queues.findIndex((queue) => queue.hasRequests);
    const queue = this.#queues[index];
    if (!queue) return false;
    if (this.#queues.length > 1) {
      this.#queues.splice(index, 1);
      this.#queues.push(queue);
    }
    const job = queue.takeRequest();
    if (job) this.#settle(job, job.run());
    return true;
  }

  #settle(job: InBandJob, outcome: CommandOutcome): void {
    if (outcome.kind === "blocked") this.#executing = { job, resume: outcome.resume };
    else job.finish(outcome);
  }
}
