import type { QmpErrorClass } from "#lib/qapi/errors";
import { callGuarded } from "./call-guarded.ts";
import type { QmpClock } from "./clock.ts";
import { encodeRequest } from "./codec.ts";
import { QmpCommandError, QmpInterruptedError, QmpStateError, QmpTimeoutError, type QmpInterruptedCode } from "./errors.ts";
import type { QmpError } from "./errors.ts";

export type QmpLane = "in-band" | "out-of-band";

export interface QmpReply {
  /** QEMU's `return`, unchecked: the VM's own words. Integers beyond 2^53 are `bigint`. */
  readonly value: unknown;
  readonly sentMonoMs: number;
  readonly repliedMonoMs: number;
  readonly replyAfterMs: number;
}

/** What became of one request; `error.outcome` says whether it happened. */
export type QmpResult = { readonly ok: true; readonly reply: QmpReply } | { readonly ok: false; readonly error: QmpError };
export type QmpCallback = (result: QmpResult) => void;

export interface QmpRequest {
  readonly lane: QmpLane;
  readonly command: string;
  readonly arguments?: object;
  /** How long the caller waits for the reply, counted from sending. `Infinity` is allowed. */
  readonly timeoutMs: number;
  /** How long an in-band request may wait for the slot; 0 (default): refused at once with `slot-taken`. */
  readonly slotWaitMs?: number;
}

/** The way to stop waiting. A written request cannot be taken back, and its slot stays taken. */
export interface QmpPending {
  abandon(cause?: unknown): void;
}

/** A reply whose caller had been settled already (time-out or abort). It has freed its slot. */
export interface QmpLateReply {
  readonly lane: QmpLane;
  readonly command: string;
  readonly result: QmpResult;
  readonly replyAfterMs: number;
}

/** One lane's side of the health clock. Every request of ours counts, and every reply does, errors and late ones too. */
export interface QmpLaneClock {
  /** Since when the oldest request is unanswered, settled callers included; undefined where none is open. */
  readonly openSinceMonoMs: number | undefined;
  readonly openCount: number;
  /** In-band callers that wait for the slot. */
  readonly waitingCount: number;
  readonly lastReplyMonoMs: number | undefined;
  readonly lastRoundTripMs: number | undefined;
}

export interface RequestTableOptions {
  readonly inBandWindow: number;
  readonly maxOutOfBand: number;
  /** What every id begins with, and no earlier client's ids did. Letters, digits, `-` and `_` only. */
  readonly idPrefix: string;
  readonly clock: QmpClock;
  /** False: the transport holds some of it back; nothing more is given to it until `drained`. */
  readonly write: (text: string) => boolean;
  readonly onLateReply: (late: QmpLateReply) => void;
}

/** `waiting`: for the slot. `held`: it has the slot, and the socket is full. `open`: written, unanswered. */
type Stage = "waiting" | "held" | "open" | "done";

/** One request, from asking to the reply. The caller may be settled long before. */
class Entry implements QmpPending {
  readonly lane: Lane;
  readonly command: string;
  /** Its place among the ids of this connection; given back when the request is done. */
  readonly number: number;
  readonly id: string;
  readonly timeoutMs: number;
  /** What is to be written; empty once it is. */
  text: string;
  stage: Stage = "waiting";
  sentMonoMs = 0;
  deadlineMonoMs = Infinity;
  /** Undefined once the caller has been settled. */
  callback: QmpCallback | undefined;
  readonly #table: RequestTable;

  constructor(table: RequestTable, lane: Lane, number: number, idPrefix: string, request: QmpRequest, callback: QmpCallback) {
    const id = idPrefix + number.toString(36);
    this.#table = table;
    this.lane = lane;
    this.number = number;
    this.id = id;
    this.command = request.command;
    this.timeoutMs = request.timeoutMs;
    this.text = encodeRequest(lane.kind === "in-band" ? "execute" : "exec-oob", request.command, request.arguments, id);
    this.callback = callback;
  }

  abandon(cause?: unknown): void {
    this.#table.abandon(this, cause);
  }
}

class Lane implements QmpLaneClock {
  readonly kind: QmpLane;
  readonly limit: number;
  /** All three in order of asking, so the first is the oldest. */
  readonly open: Entry[] = [];
  readonly held: Entry[] = [];
  readonly waiting: Entry[] = [];
  /** How many places are taken: open and held. */
  taken = 0;
  lastReplyMonoMs: number | undefined = undefined;
  lastRoundTripMs: number | undefined = undefined;
  /** Oldest request that was given up on a full socket: the lane is still unanswered since then. */
  withdrawnSinceMonoMs: number | undefined = undefined;

  constructor(kind: QmpLane, limit: number) {
    this.kind = kind;
    this.limit = limit;
  }

  get openSinceMonoMs(): number | undefined {
    const oldest = this.open[0]?.sentMonoMs ?? this.held[0]?.sentMonoMs;
    if (oldest === undefined || this.withdrawnSinceMonoMs === undefined) return oldest ?? this.withdrawnSinceMonoMs;
    return Math.min(oldest, this.withdrawnSinceMonoMs);
  }

  get openCount(): number {
    return this.open.length;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  get hasRoom(): boolean {
    return this.taken < this.limit;
  }
}

/**
 * Who waits for what on one connection. It owns the ids, the in-band window and both lanes' clocks; it has no timer:
 * whoever owns it calls `expire` when `nextDeadlineMonoMs` has come. Slots are freed by replies and by nothing else, so
 * that a hung QEMU never gets more in-band requests than the window, whatever its callers do.
 */
export class RequestTable {
  readonly inBand: QmpLaneClock;
  readonly outOfBand: QmpLaneClock;
  droppedReplies = 0;
  lateReplies = 0;
  timeouts = 0;
  readonly #inBand: Lane;
  readonly #outOfBand: Lane;
  readonly #options: RequestTableOptions;
  /** Every request that is not done, at its number. The hot path looks here and nowhere else. */
  readonly #entries: (Entry | undefined)[] = [];
  #isBlocked = false;
  #isEnded = false;

  constructor(options: RequestTableOptions) {
    this.#options = options;
    this.#inBand = new Lane("in-band", options.inBandWindow);
    this.#outOfBand = new Lane("out-of-band", options.maxOutOfBand);
    this.inBand = this.#inBand;
    this.outOfBand = this.#outOfBand;
  }

  /** Whether the transport still holds something back. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** The earliest moment at which some caller's patience ends; `Infinity` where nobody waits. */
  get nextDeadlineMonoMs(): number {
    return Math.min(nextDeadline(this.#inBand), nextDeadline(this.#outOfBand));
  }

  /**
   * Sends at once, or waits for the slot. The callback comes once, and never before this returns. `deadlineMonoMs` is when
   * the caller's patience ends, as things stand now.
   */
  submit(request: QmpRequest, callback: QmpCallback): QmpPending & { readonly deadlineMonoMs: number } {
    const lane = request.lane === "in-band" ? this.#inBand : this.#outOfBand;
    const number = this.#freeNumber();
    const entry = new Entry(this, lane, number, this.#options.idPrefix, request, callback);
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
    for (const lane of [this.#outOfBand, this.#inBand]) {
      // First who, then how: a settled caller may ask for something new at once.
      const due = [...lane.open, ...lane.held, ...lane.waiting].filter(
        ({ callback, deadlineMonoMs }) => callback && deadlineMonoMs <= nowMonoMs,
      );
      for (const entry of due) this.#timeOut(entry);
    }
  }

  /** The caller no longer waits. What was not written is taken back and frees its place; what was, stays open. */
  abandon(entry: Entry, cause: unknown): void {
    if (entry.callback === undefined) return;
    if (entry.stage === "open") {
      settle(entry, new QmpInterruptedError("aborted", `${entry.command} was called off after it had been sent`, cause));
    } else {
      this.#takeBack(entry);
      settle(entry, new QmpStateError("aborted", `${entry.command} was called off before it was sent`, cause));
    }
  }

  /** The transport has room again: out-of-band goes first. */
  drained(): void {
    this.#isBlocked = false;
    this.#outOfBand.withdrawnSinceMonoMs = undefined;
    this.#inBand.withdrawnSinceMonoMs = undefined;
    for (const lane of [this.#outOfBand, this.#inBand]) {
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
    for (const lane of [this.#outOfBand, this.#inBand]) {
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
    lane.waiting.push(entry);
  }

  #take(id: unknown): Entry | undefined {
    const entry = typeof id === "string" ? this.#entries[this.#numberOf(id)] : undefined;
    if (entry === undefined || entry.id !== id || entry.stage !== "open") {
      this.droppedReplies++;
      return undefined;
    }
    remove(entry.lane.open, entry);
    return entry;
  }

  #numberOf(id: string): number {
    return Number.parseInt(id.slice(this.#options.idPrefix.length), 36);
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

function remove(list: Entry[], entry: Entry): void {
  const index = list.indexOf(entry);
  if (index === list.length - 1) list.pop();
  else if (index >= 0) list.splice(index, 1);
}

function nextDeadline(lane: Lane): number {
  let earliest = Infinity;
  for (const list of [lane.open, lane.held, lane.waiting]) {
    for (const { callback, deadlineMonoMs } of list) if (callback !== undefined && deadlineMonoMs < earliest) earliest = deadlineMonoMs;
  }
  return earliest;
}

function settle(entry: Entry, error: QmpError): void {
  const { callback } = entry;
  entry.callback = undefined;
  if (callback !== undefined) callGuarded(callback, { ok: false, error });
}
