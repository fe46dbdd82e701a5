import type { BlockLayer } from "./block-layer.ts";
import type { SimulatedJob } from "./options.ts";
import type { VmCore } from "./vm-core.ts";
import type { WireObject } from "./wire-value.ts";

const IMAGE_BYTES = 16_777_216;
/** What a mirror still owes while its target does not take it. */
const UNSENT_BYTES = 65_536;

/** A job as `query-block-jobs` and the block graph see it. */
export interface RunningJob {
  readonly options: SimulatedJob;
  /** The filter that a mirror puts between its source and the device above it. */
  readonly filterNode: string | undefined;
  isReady: boolean;
}

/** The block jobs of one VM: a mirror follows its source until its target fails, a backup runs on for ever. */
export class BlockJobs {
  readonly running: RunningJob[] = [];
  readonly #core: VmCore;
  readonly #block: BlockLayer;
  #started = 0;

  constructor(core: VmCore, block: BlockLayer) {
    this.#core = core;
    this.#block = block;
    block.onJobError = (job) => this.#fail(job);
  }

  /** Starts a job, and a mirror of an empty disk is ready at once. */
  start(options: SimulatedJob): void {
    const filterNode = options.type === "mirror" ? `#block${200 + this.#started}` : undefined;
    this.#started++;
    const job: RunningJob = { options, filterNode, isReady: options.type === "mirror" };
    this.running.push(job);
    this.#changed(job, "created");
    this.#changed(job, "running");
    if (job.isReady) {
      this.#changed(job, "ready");
      this.#core.emit("BLOCK_JOB_READY", this.#progressEvent(job));
    }
    this.#block.addJob(options);
  }

  /** Ends a job as asked. A mirror that is ready ends well. @returns whether there was one. */
  cancel(id: string): boolean {
    const job = this.running.find(({ options }) => options.id === id);
    if (!job) return false;
    if (job.isReady) {
      this.#changed(job, "waiting");
      this.#changed(job, "pending");
      this.#core.emit("BLOCK_JOB_COMPLETED", this.#progressEvent(job));
    } else {
      this.#changed(job, "aborting");
      this.#core.emit("BLOCK_JOB_CANCELLED", this.#progressEvent(job));
    }
    this.#conclude(job);
    return true;
  }

  /** Bytes done, and bytes in all. */
  progress(job: RunningJob): { offset: number; length: number } {
    if (!job.isReady) return { offset: IMAGE_BYTES / 2, length: IMAGE_BYTES };
    return { offset: IMAGE_BYTES, length: IMAGE_BYTES + (this.isBusy(job) ? UNSENT_BYTES : 0) };
  }

  /** Whether it waits for its target, as opposed to the next write of the guest. */
  isBusy(job: RunningJob): boolean {
    return !job.isReady || this.#block.hasJobRequests(job.options);
  }

  /** The target's node failed a write: `on-target-error=report`. */
  #fail(options: SimulatedJob): void {
    const job = this.running.find((candidate) => candidate.options === options);
    if (!job) return;
    this.#core.emit("BLOCK_JOB_ERROR", { device: options.id, operation: "write", action: "report" });
    this.#changed(job, "aborting");
    this.#core.emit("BLOCK_JOB_COMPLETED", { ...this.#progressEvent(job), error: "Input/output error" });
    this.#conclude(job);
  }

  #conclude(job: RunningJob): void {
    this.#changed(job, "concluded");
    this.#changed(job, "null");
    this.running.splice(this.running.indexOf(job), 1);
    this.#block.removeJob(job.options);
  }

  #changed(job: RunningJob, status: string): void {
    this.#core.emit("JOB_STATUS_CHANGE", { status, id: job.options.id });
  }

  #progressEvent(job: RunningJob): WireObject {
    const { offset, length } = this.progress(job);
    return { device: job.options.id, len: length, offset, speed: 0, type: job.options.type };
  }
}
