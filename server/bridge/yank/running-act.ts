import { clipForLink, clipProgress, MAX_LINK_ERROR_CLASS } from "#lib/link/bounds";
import type { KnownYankInstance } from "#lib/qapi/yank";
import { VERIFY_FOR_MS } from "#lib/yank/act";
import type { ActProgress } from "#lib/yank/act";
import { CONFIRM_GRACE_MS, judgeAct, startJudging } from "#lib/yank/judge-act";
import type { ActJudgement, ActReading } from "#lib/yank/judge-act";
import type { Action } from "#lib/yank/plan";
import type { VmReport } from "#lib/vm/report";
import { QmpCommandError, QmpError } from "#server/qmp/errors";
import type { QmpClock } from "#server/qmp/clock";
import type { ActObservation, ActVm } from "../vm/ports.ts";
import type { ActCommand } from "./act-checks.ts";

const REPLY_TIMEOUT_MS = 5_000;
/** An in-band act waits this long for the only slot; then it is not sent. */
const SLOT_WAIT_MS = 1_000;
const LOOK_EVERY_MS = 250;
/** After the reply the sockets are read again at these moments: a cut shows at once, a reconnect a little later. */
const LOOK_AT_HOST_AFTER_MS = [300, 2_500];
const HOST_TIMEOUT_MS = 1_000;

export interface RunningActOptions {
  readonly vm: ActVm;
  readonly clock: QmpClock;
  readonly action: Action;
  readonly instances: readonly KnownYankInstance[];
  readonly command: ActCommand;
  /** The VM right before the command. */
  readonly report: VmReport;
  /** Called for every change, the last one with `isFinal`. */
  readonly onProgress: (progress: ActProgress, sentAgeMs: number | undefined) => void;
}

/**
 * One command on its way, and the ten seconds after it. It writes exactly once; what it publishes is decided by the pure
 * `judgeAct`. Ends by itself, or by `close` without a word.
 */
export class RunningAct {
  readonly #options: RunningActOptions;
  #judgement: ActJudgement;
  #writtenMonoMs: number | undefined;
  #stopObserving: (() => void) | undefined;
  #stopTimer: (() => void) | undefined;
  readonly #stopHostLooks: (() => void)[] = [];
  #isClosed = false;

  constructor(options: RunningActOptions) {
    this.#options = options;
    this.#judgement = startJudging({ action: options.action, instances: options.instances, report: options.report });
  }

  get progress(): ActProgress {
    return this.#judgement.progress;
  }

  get sentAgeMs(): number | undefined {
    return this.#writtenMonoMs === undefined ? undefined : this.#options.clock.nowMonoMs() - this.#writtenMonoMs;
  }

  /** Sends the command. Never rejects: what goes wrong is progress. Resolves when the reply, or its absence, is known. */
  async send(): Promise<void> {
    const { vm, command } = this.#options;
    this.#stopObserving = vm.observe((observation) => this.#observe(observation));
    const slotWaitMs = command.lane === "in-band" ? SLOT_WAIT_MS : 0;
    const onWritten = (): void => this.#written();
    try {
      const reply = await vm.send(command.lane, command.command, command.args, { timeoutMs: REPLY_TIMEOUT_MS, slotWaitMs, onWritten });
      this.#written();
      this.#judge({ type: "replied", replyAfterMs: reply.replyAfterMs });
      if (this.#options.action === "yank") this.#lookAtHostLater();
    } catch (error) {
      this.#judge(failureOf(error, this.#writtenMonoMs !== undefined));
      // Nobody knows whether it arrived: what the VM shows from here on may be its doing.
      if (!this.progress.isFinal) this.#written();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#stopObserving?.();
    this.#stopTimer?.();
    for (const stop of this.#stopHostLooks) stop();
  }

  #written(): void {
    if (this.#writtenMonoMs !== undefined) return;
    this.#writtenMonoMs = this.#options.clock.nowMonoMs();
    this.#judge({ type: "written" });
    this.#lookLater();
  }

  #observe(observation: ActObservation): void {
    if (this.#writtenMonoMs === undefined) return;
    const elapsedMs = this.#options.clock.nowMonoMs() - this.#writtenMonoMs;
    const recent = this.#options.vm.recentEvents();
    const events = recent.filter((event) => event.ageMs <= elapsedMs).map((event) => event.name);
    const hasShutDown = recent.some((event) => event.name === "SHUTDOWN");
    this.#judge({ type: readingType(observation), elapsedMs, report: observation.report, events, hasShutDown });
  }

  /** QEMU says of no NBD node that it was cut; its sockets do. Nothing is sent for it to the VM or to its far side. */
  #lookAtHostLater(): void {
    if (this.#isClosed) return;
    const { clock, vm } = this.#options;
    for (const afterMs of LOOK_AT_HOST_AFTER_MS) {
      // What cannot be read is missing from the next report, and proves nothing.
      this.#stopHostLooks.push(clock.setTimer(() => void vm.freshenHost(HOST_TIMEOUT_MS).catch(() => false), afterMs));
    }
  }

  #lookLater(): void {
    if (this.progress.isFinal || this.#isClosed) return;
    const elapsedMs = this.sentAgeMs ?? 0;
    // The last looks fall on the ends of the window and of the grace after it, not somewhere behind them.
    const untilMs = [VERIFY_FOR_MS, VERIFY_FOR_MS + CONFIRM_GRACE_MS].map((end) => end - elapsedMs).filter((left) => left > 0);
    this.#stopTimer = this.#options.clock.setTimer(
      () => {
        this.#judge({ type: "time-passed", elapsedMs: this.sentAgeMs ?? 0, report: this.#options.vm.report() });
        this.#lookLater();
      },
      Math.min(LOOK_EVERY_MS, ...untilMs),
    );
  }

  #judge(reading: ActReading): void {
    if (this.#isClosed) return;
    const before = this.#judgement.progress;
    this.#judgement = judgeAct(this.#judgement, reading);
    const { progress } = this.#judgement;
    if (progress === before) return;
    const { sentAgeMs } = this;
    if (progress.isFinal) this.close();
    this.#options.onProgress(clipProgress(progress), sentAgeMs);
  }
}

function readingType(observation: ActObservation): "in-band-answered" | "changed" | "connection-lost" {
  if (observation.type !== "probe-answered") return observation.type;
  return observation.lane === "in-band" ? "in-band-answered" : "changed";
}

function failureOf(error: unknown, wasWritten: boolean): Extract<ActReading, { type: "failed" }> {
  if (error instanceof QmpCommandError) {
    const isGone = error.qmpClass === "DeviceNotFound";
    const desc = clipForLink(error.desc);
    const detail = isGone ? "one of the instances does not exist any more; QEMU then cuts none of them" : desc;
    return { type: "failed", outcome: "refused", detail, qmpError: { class: clipForLink(error.qmpClass, MAX_LINK_ERROR_CLASS), desc } };
  }
  if (error instanceof QmpError) return { type: "failed", outcome: error.outcome, detail: detailOf(error) };
  // Not one of the client's own errors: only what is known of the write decides.
  const text = error instanceof Error ? error.message : String(error);
  return { type: "failed", outcome: wasWritten ? "unknown" : "not-sent", detail: text };
}

function detailOf(error: QmpError): string {
  switch (error.code) {
    case "slot-taken":
      return "another in-band command is unanswered; nothing was sent";
    case "write-blocked":
      return "the monitor's socket takes nothing more; nothing was sent";
    case "reply-timeout":
      return "QEMU has not answered the command; whether it was carried out is not known";
    default:
      return error.message;
  }
}
