import type { QmpErrorClass } from "#lib/qapi/errors";
import { callGuarded } from "./call-guarded.ts";
import type { QmpClock } from "./clock.ts";
import { QmpCommandError, QmpInterruptedError, QmpStateError, QmpTimeoutError, type QmpError, type QmpInterruptedCode } from "./errors.ts";
import { Entry, Lane, remove, type EntryOwner } from "./lane.ts";
import type { QmpCallback, QmpLaneClock, QmpLateReply, QmpPending, QmpRequest, QmpResult } from "./request.ts";

export interface RequestTableOptions {
  readonly inBandWindow: number;
  readonly maxOutOfBand: number;
  /** What every id begins with, and no earlier client's ids did. Letters, digits, `-` and `_` only. */
  readonly idPrefix: string;
  readonly clock: QmpClock;
  /** False: the transport holds some of it back; nothing more is given to it until `drained`. */
  readonly write: (text: string) => boolean;
  /** Some caller's patience may end then: `expire` is to be called. */
  readonly onDeadline: (dueMonoMs: number) => void;
  readonly onLateReply: (late: QmpLateReply) => void;
}

/**
 * Who waits for what on one connection. It owns the ids, the in-band window and both lanes' clocks; it has no timer:
 * whoever owns it calls `expire` when `nextDeadlineMonoMs` has come. Slots are freed by replies and by nothing else, so
 * that a hung QEMU never gets more in-band requests than the window, whatever its callers do.
 */
export class RequestTable implements EntryOwner {
  readonly inBand: QmpLaneClock;
  readonly outOfBand: QmpLaneClock;
  droppedReplies = 0;
  lateReplies = 0;
  timeouts = 0;
  readonly #inBand: Lane;
  readonly #outOfBand: Lane;
  /** Out-of-band first, where the order matters. */
  readonly #lanes: readonly Lane[];
  readonly #options: RequestTableOptions;
  /** Every request that is not done, at its number. */
  readonly #entries: (Entry | undefined)[] = [];
  #isBlocked = false;
  #isEnded = false;

  constructor(options: RequestTableOptions) {
    this.#options = options;
    this.#inBand = new Lane("in-band", options.inBandWindow);
    this.#outOfBand = new Lane("out-of-band", options.maxOutOfBand);
    this.#lanes = [this.#outOfBand, this.#inBand];
    this.inBand = this.#inBand;
    this.outOfBand = this.#outOfBand;
  }

  /** Whether the transport still holds something back. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** The earliest moment at which some caller's patience ends; `Infinity` where nobody waits. */
  get nextDeadlineMonoMs(): number {
    return Math.min(this.#inBand.nextDeadlineMonoMs, this.#outOfBand.nextDeadlineMonoMs);
  }

  /** Sends at once, or waits for the slot. The callback comes once, and never before this returns. */
  submit(request: QmpRequest, callback: QmpCallback): QmpPending {
    const lane = request.lane === "in-band" ? this.#inBand : this.#outOfBand;
    const number = this.#freeNumber();
    const id = { number, text: this.#options.idPrefix + number.toString(36) };
    const entry = new Entry(this, lane, id, request, callback);
    this.#entries[number] = entry;
    // Those who wait came first, so a free slot is never theirs to lose; there is none while anybody waits.
    if (lane.hasRoom) this.#send(entry);
    else this.#wait(entry, request.slotWaitMs ?? 0);
    return entry;
  }

  /** Matches a reply by its id. A reply that nobody asked for is counted and dropped. */
  settleReturn(id: unknown, value: unknown): void {
    const entry = this.#take(id);
    if (entry === undefined) return;
    const repliedMonoMs = this.#options.clock.nowMonoMs();
    const { sentMonoMs } = entry;
    this.#finish(entry, repliedMonoMs, { ok: true, reply: { value, sentMonoMs, repliedMonoMs, replyAfterMs: repliedMonoMs - sentMonoMs } });
  }

  settleError(id: unknown, qmpClass: QmpErrorClass, desc: string): void {
    const entry = this.#take(id);
    if (entry === undefined) return;
    this.#finish(entry, this.#options.clock.nowMonoMs(), { ok: false, error: new QmpCommandError(qmpClass, desc) });
  }

  /** Settles every caller whose time is up. */
  expire(nowMonoMs: number): void {
    for (const lane of this.#lanes) {
      // First who, then how: a settled caller may ask for something new at once.
      const due = lane.overdue(nowMonoMs);
      for (const entry of due) this.#timeOut(entry);
    }
  }

  /** The caller no longer waits. What was not written is taken back and frees its place; what was, stays open. */
  abandon(entry: Entry, cause: unknown): void {
    if (entry.callback === undefined) return;
    if (entry.stage === "open") {
      settle(entry, new QmpInterruptedError("aborted", `${entry.command} was called off after it had been sent`, cause));
    } else {
      // One that was refused a moment ago has nothing to give back, and its number may be another's by now.
      if (entry.stage !== "done") this.#takeBack(entry);
      settle(entry, new QmpStateError("aborted", `${entry.command} was called off before it was sent`, cause));
    }
  }

  /** The transport has room again: out-of-band goes first. */
  drained(): void {
    this.#isBlocked = false;
    this.#outOfBand.withdrawnSinceMonoMs = undefined;
    this.#inBand.withdrawnSinceMonoMs = undefined;
    for (const lane of this.#lanes) {
      while (!this.#isBlocked) {
        const entry = lane.held.shift();
        if (entry === undefined) break;
        this.#write(entry);
      }
    }
  }

  /** The connection is over: settles everybody, and takes nothing more. */
  end(code: QmpInterruptedCode, message: string, cause: unknown): void {
    this.#isEnded = true;
    for (const lane of this.#lanes) {
      const sent = lane.open.splice(0);
      const unsent = [...lane.held.splice(0), ...lane.waiting.splice(0)];
      for (const entry of sent) {
        this.#done(entry);
        settle(entry, new QmpInterruptedError(code, message, cause));
      }
      for (const entry of unsent) {
        this.#done(entry);
        settle(entry, new QmpStateError(code === "aborted" ? "aborted" : "closed", message, cause));
      }
    }
  }

  /**
   * The lowest number that no request of this connection has now. A number is used again once its reply has come, and not
   * before: QEMU reads a monitor byte by byte, at some 3 µs each, so that a long id is felt in every round trip.
   */
  #freeNumber(): number {
    const index = this.#entries.indexOf(undefined);
    return index < 0 ? this.#entries.length : index;
  }

  #done(entry: Entry): void {
    if (entry.stage === "open" || entry.stage === "held") entry.lane.taken--;
    entry.stage = "done";
    this.#entries[entry.number] = undefined;
  }

  #send(entry: Entry): void {
    entry.sentMonoMs = this.#options.clock.nowMonoMs();
    entry.deadlineMonoMs = entry.sentMonoMs + entry.timeoutMs;
    entry.lane.taken++;
    this.#options.onDeadline(entry.deadlineMonoMs);
    if (this.#isBlocked) {
      entry.stage = "held";
      entry.lane.held.push(entry);
    } else this.#write(entry);
  }

  #write(entry: Entry): void {
    const { text } = entry;
    entry.text = "";
    entry.stage = "open";
    entry.lane.open.push(entry);
    this.#isBlocked = !this.#options.write(text);
  }

  #wait(entry: Entry, slotWaitMs: number): void {
    const { lane, command } = entry;
    if (lane.kind === "out-of-band" || slotWaitMs <= 0) {
      this.#done(entry);
      const error =
        lane.kind === "out-of-band"
          ? new QmpStateError("lane-full", `${command} was not sent: ${lane.limit} out-of-band requests are unanswered`)
          : new QmpStateError("slot-taken", `${command} was not sent: another in-band request is unanswered`);
      queueMicrotask(() => settle(entry, error));
      return;
    }
    entry.deadlineMonoMs = this.#options.clock.nowMonoMs() + slotWaitMs;
    this.#options.onDeadline(entry.deadlineMonoMs);
    lane.waiting.push(entry);
  }

  /** Looks among the written ones only, of which a lane mostly has one: cheaper than reading a number out of the id. */
  #take(id: unknown): Entry | undefined {
    for (const { open } of this.#lanes) {
      for (const entry of open) {
        if (entry.id !== id) continue;
        remove(open, entry);
        return entry;
      }
    }
    this.droppedReplies++;
    return undefined;
  }

  #finish(entry: Entry, repliedMonoMs: number, result: QmpResult): void {
    const { lane, command, callback } = entry;
    const replyAfterMs = repliedMonoMs - entry.sentMonoMs;
    this.#done(entry);
    lane.lastReplyMonoMs = repliedMonoMs;
    lane.lastRoundTripMs = replyAfterMs;
    this.#letNextIn(lane);
    if (callback === undefined) {
      this.lateReplies++;
      this.#options.onLateReply({ lane: lane.kind, command, result, replyAfterMs });
      return;
    }
    entry.callback = undefined;
    callGuarded(callback, result);
  }

  #timeOut(entry: Entry): void {
    if (entry.callback === undefined) return;
    const { stage, lane, command, timeoutMs } = entry;
    switch (stage) {
      case "waiting":
        this.#takeBack(entry);
        settle(entry, new QmpStateError("slot-taken", `${command} was not sent: the in-band slot did not become free in time`));
        return;
      case "held":
        // Nothing of it left this process, so it did not happen; but the lane has been unanswered since it was asked.
        lane.withdrawnSinceMonoMs = lane.openSinceMonoMs;
        this.#takeBack(entry);
        settle(entry, new QmpStateError("write-blocked", `${command} was not sent: the monitor's socket takes no more`));
        return;
      case "open":
        this.timeouts++;
        settle(entry, new QmpTimeoutError(`No reply to ${command} within ${timeoutMs} ms`));
        return;
      case "done":
        return;
    }
  }

  /** Only for entries that were never written. */
  #takeBack(entry: Entry): void {
    remove(entry.stage === "held" ? entry.lane.held : entry.lane.waiting, entry);
    this.#done(entry);
    this.#letNextIn(entry.lane);
  }

  #letNextIn(lane: Lane): void {
    while (lane.waiting.length > 0 && lane.hasRoom && !this.#isEnded) {
      const next = lane.waiting.shift();
      if (next !== undefined) this.#send(next);
    }
  }
}

function settle(entry: Entry, error: QmpError): void {
  const { callback } = entry;
  entry.callback = undefined;
  if (callback !== undefined) callGuarded(callback, { ok: false, error });
}
